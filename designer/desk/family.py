"""The lineage as a picture: a column a round, a dot a candidate at its score, a line to each parent."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from designer.archive import Archive
from designer.desk.worth import Worth
from designer.records import Candidate
from designer.review import plots
from designer.review.svg import Scale, element, figure, line, text

WIDTH, HEIGHT = 960, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 16, 40
FAILED_ROW = 26
MAX_DOTS = 1000


def family_tree(archive: Archive, base: str, worth: Worth) -> Markup:
    """Draw every candidate as a link to its page; those without a score stand below the line. `base`: the run's address."""
    drawn = sorted(archive.candidates.values(), key=lambda c: (c.round, c.sample))[:MAX_DOTS]
    if not drawn:
        return plots.nothing("No candidate has been proposed yet.")
    scores = worth.values
    floor = HEIGHT - BOTTOM - FAILED_ROW
    y = Scale.over([scores[c.id] for c in drawn if c.id in scores], floor - 8, TOP)
    places = _places(archive, drawn, scores, y, floor)
    parts: list[Markup] = []
    for value, name in y.ticks() if scores else ():
        parts += [line(LEFT, y(value), WIDTH - RIGHT, y(value), "grid"), text(name, LEFT - 8, y(value) + 4, "tick", "end")]
    parts.append(text("no score", LEFT - 8, HEIGHT - BOTTOM - 4, "tick", "end"))
    for round_ in sorted({c.round for c in drawn}):
        middle = _column(archive, round_)
        parts.append(text(f"round {round_}", middle, HEIGHT - 12, "tick", "middle"))
    for candidate in drawn:
        parts += _branches(candidate, places)
    winner = archive.finished.winner if archive.finished else None
    parts += [_dot(c, places[c.id], base, scores.get(c.id), c.id == winner) for c in drawn]
    told = f"{len(drawn)} candidates in {len(archive.rounds)} rounds; the table below names them all"
    title = f"Lineage: {worth.title.lower()}, by round" + (f" [{worth.unit}]" if worth.unit else "")
    return figure("family", title, told, (WIDTH, HEIGHT), parts, role="group")


def _column(archive: Archive, round_: int) -> float:
    rounds = archive.rounds
    width = (WIDTH - LEFT - RIGHT) / max(1, len(rounds))
    return LEFT + width * (rounds.index(round_) + 0.5)


def _places(
    archive: Archive, drawn: list[Candidate], scores: Mapping[str, float], y: Scale, floor: float
) -> dict[str, tuple[float, float]]:
    """Spread a round's candidates over the middle of its column by their sample."""
    width = (WIDTH - LEFT - RIGHT) / max(1, len(archive.rounds)) * 0.7
    sizes = {round_: max(1, len(archive.in_round(round_)) - 1) for round_ in archive.rounds}
    return {
        c.id: (
            _column(archive, c.round) + width * (min(c.sample, sizes[c.round]) / sizes[c.round] - 0.5),
            y(scores[c.id]) if c.id in scores else floor + FAILED_ROW / 2 + 4,
        )
        for c in drawn
    }


def _branches(candidate: Candidate, places: dict[str, tuple[float, float]]) -> list[Markup]:
    x2, y2 = places[candidate.id]
    return [
        element("path", d=f"M{places[p][0]:.1f} {places[p][1]:.1f} C{(places[p][0] + x2) / 2:.1f} {places[p][1]:.1f} "
                f"{(places[p][0] + x2) / 2:.1f} {y2:.1f} {x2:.1f} {y2:.1f}", class_="branch")
        for p in candidate.parents if p in places
    ]  # fmt: skip


def _dot(candidate: Candidate, place: tuple[float, float], base: str, score: float | None, is_winner: bool) -> Markup:
    kind = "best" if is_winner else "bad" if score is None else "fresh" if not candidate.parents else "child"
    told = f"{candidate.id}, {candidate.verb}" + (f" of {', '.join(candidate.parents)}" if candidate.parents else "")
    told += "" if score is None else f": {score:.3g}"
    circle = element(
        "circle", element("title", told), cx=place[0], cy=place[1], r=6.0 if is_winner else 4.5, class_=f"node {kind}"
    )
    parts = [circle, text(candidate.id, place[0], place[1] - 10, "label winner", "middle")] if is_winner else [circle]
    return element("a", *parts, href=f"{base}/c/{candidate.id}", aria_label=told)
