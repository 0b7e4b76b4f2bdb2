"""Plots: well-formed, escaped, finite whatever the numbers, with words for those who can't see them."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from designer.records import Trace
from designer.review.plots import (
    Curve,
    Dots,
    Node,
    family,
    final_fitness,
    fitness_over_training,
    share_bars,
    term_shares,
    term_traces,
)
from designer.review.svg import Scale, compact, element
from designer.statistics import interval

HOSTILE = '</text></svg><script>alert(1)</script>" onload="alert(2)\x1b[31m'
CURVES = [
    Curve("g01c00", "other", [(100, 0.5), (200, 1.0)]),
    Curve("g02c01", "winner", [(100, 1.0), (200, 4.0)]),
    Curve("human-written reward", "human", [(100, 0.8), (200, 3.0)]),
]


def trace(name: str, *means: float) -> Trace:
    return Trace(name=name, mean=means, low=min(means, default=0.0), high=max(means, default=0.0))


def numbers(svg: str) -> list[float]:
    """Return every coordinate and size in a picture."""
    root = ET.fromstring(svg)
    found = []
    for node in root.iter():
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"):
            found += [float(node.attrib[name])] if name in node.attrib else []
        found += [float(n) for pair in node.attrib.get("points", "").split() for n in pair.split(",")]
    return found


def words(svg: str) -> str:
    return " ".join(ET.fromstring(svg).itertext())


def test_winner_is_drawn_last_and_baselines_are_marked() -> None:
    classes = [node.attrib["class"] for node in ET.fromstring(fitness_over_training(CURVES, "m/s")).iter("polyline")]
    assert classes == ["curve other", "curve human", "curve winner"]


def test_a_higher_fitness_is_drawn_higher() -> None:
    lines = {n.attrib["class"]: n.attrib["points"] for n in ET.fromstring(fitness_over_training(CURVES, "")).iter("polyline")}
    heights = {name: float(points.split()[-1].split(",")[1]) for name, points in lines.items()}
    assert heights["curve winner"] < heights["curve human"] < heights["curve other"]


def test_every_seed_is_a_dot_and_the_interval_spans_its_bounds() -> None:
    values = [1.0, 2.0, 3.0]
    svg = ET.fromstring(final_fitness([Dots("g02c01", "winner", values, interval(values))], "m/s", None))
    dots = [float(node.attrib["cx"]) for node in svg.iter("circle")]
    assert len(dots) == 3
    (bar,) = svg.iter("rect")
    # half width of the interval: 4.303 * 1 / sqrt(3) = 2.484 times the distance of two dots, on both sides
    assert float(bar.attrib["width"]) / (dots[1] - dots[0]) == pytest.approx(2 * 2.484, abs=0.02)


def test_a_single_seed_has_no_bar() -> None:
    svg = final_fitness([Dots("g02c01", "winner", [1.0], None)], "m/s", None)
    assert "<rect" not in svg
    assert svg.count("<circle") == 1


def test_pictures_have_a_title_and_a_description() -> None:
    values = [1.0, 2.0]
    svg = ET.fromstring(final_fitness([Dots("g02c01", "winner", values, interval(values))], "m/s", 2.0))
    named = {node.attrib["id"]: node.text for node in svg if "id" in node.attrib}
    assert svg.attrib["role"] == "img"
    assert [named[id_] for id_ in svg.attrib["aria-labelledby"].split()] == ["Final fitness of every seed", "g02c01: 1, 2"]


@pytest.mark.parametrize(
    "svg",
    [
        fitness_over_training([Curve(HOSTILE, "winner", [(1, 1.0)])], HOSTILE),
        final_fitness([Dots(HOSTILE, "winner", [1.0], None)], HOSTILE, 1.0),
        term_traces([trace(HOSTILE, 1.0, 2.0)]),
        share_bars([trace(HOSTILE, 1.0)]),
    ],
    ids=["training", "final", "traces", "shares"],
)
def test_names_are_escaped(svg: str) -> None:
    assert "<script" not in svg
    assert "\x1b" not in svg
    assert not [node for node in ET.fromstring(svg).iter() if "onload" in node.attrib]


@pytest.mark.parametrize("values", [(1e308, -1e308), (0.0, 0.0), (1e-320, 0.0), (1e16, 1e16 + 2), (5.0, 5.0), (-1e308, -1e308)])
def test_coordinates_stay_finite_and_inside(values: tuple[float, float]) -> None:
    drawn = [
        fitness_over_training([Curve("a", "winner", [(1, values[0]), (2, values[1])])], ""),
        final_fitness([Dots("a", "winner", values, interval(values))], "", values[0]),
        term_traces([trace("a", *values)]),
        share_bars([trace("a", values[0]), trace("b", values[1])]),
    ]
    for svg in drawn:
        assert all(math.isfinite(number) and -1 <= number <= 500 for number in numbers(svg))


def test_nothing_to_draw_is_said_in_words() -> None:
    assert words(fitness_over_training([], "m/s")) == "No training has a score yet."
    assert words(final_fitness([Dots("a", "winner", [], None)], "", None)) == "No final training has a score yet."
    assert words(term_traces([])) == "The training box reported no terms."
    assert words(share_bars([trace("a", 0.0)])) == "All terms are zero at the end of the training."


def test_shares_use_sizes_at_the_end_and_sum_to_one() -> None:
    assert term_shares([trace("small", 9.0, 1.0), trace("large", 0.0, -3.0)]) == [("large", 0.75), ("small", 0.25)]


def test_a_flood_of_terms_and_points_is_capped() -> None:
    svg = term_traces([trace(f"t{k}", *([1.0] * 5000)) for k in range(50)])
    assert len(svg) < 250_000


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 300_000, ["0", "100k", "200k", "300k"]), (0, 1, ["0", "0.5", "1.0"]), (-3, 3, ["-2", "0", "2"])],
)
def test_ticks_are_round_and_inside(low: float, high: float, expected: list[str]) -> None:
    assert [name for _, name in Scale(low, high, 0, 100).ticks(3)] == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0, "0"), (1500, "1.5k"), (2_000_000, "2M"), (0.25, "0.25"), (1e300, "1e+300")]
)
def test_compact_numbers(value: float, expected: str) -> None:
    assert compact(value) == expected


def test_element_escapes_text_and_attributes() -> None:
    assert element("text", "a < b", class_='"x"') == '<text class="&#34;x&#34;">a &lt; b</text>'


def test_family_has_a_dot_a_candidate_and_a_line_a_parent_with_the_winners_line_marked() -> None:
    nodes = [
        Node("g01c00", 1, 1.0, (), "winner"),
        Node("g01c01", 1, 2.0, (), "other"),
        Node("g02c00", 2, 4.0, ("g01c00", "gone"), "winner"),
        Node("g02c01", 2, 3.0, ("g01c01",), "other"),
    ]
    svg = ET.fromstring(family(nodes, "m/s"))
    assert len(list(svg.iter("circle"))) == 4
    drawn = sorted(node.attrib["class"] for node in svg.iter("line") if node.attrib["class"].startswith("curve"))
    assert drawn == ["curve other", "curve winner"]
    assert {"g01c00", "g02c00"} <= {node.text for node in svg.iter("text")}
    assert all(map(math.isfinite, numbers(family(nodes, ""))))
    assert "No candidate" in family([], "")


def test_family_of_many_rounds_names_only_some_and_hostile_names_stay_text() -> None:
    nodes = [Node(HOSTILE, k, 1e308 * (-1) ** k, (HOSTILE,), "winner") for k in range(1, 60)]
    svg = family(nodes, "m/s")
    assert sum(node.text.startswith("round") for node in ET.fromstring(svg).iter("text") if node.text) <= 8
    assert "<script" not in svg
