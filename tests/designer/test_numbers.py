"""Named numbers: found, rewritten in place, and nothing else touched."""

import ast

import pytest

from designer.numbers import named_numbers, with_numbers

SOURCE = '''"""Größe: a docstring with non-ASCII text."""
import torch
GAIN = 3


def reward(s, a):
    # laufen: schön schnell
    speed_weight = 1.5; offset = -0.25  # Änderung
    ü = 2e-3
    steps: int = 4
    first = second = 7.0
    enough = True
    run = speed_weight * s.torso_velocity[:, 0] + 1.5
    total = 0.0
    if GAIN:
        hidden = 9.0
    return {"läuft": run}
'''


def test_finds_plain_assignments_of_numbers_only():
    assert named_numbers(SOURCE) == {"GAIN": 3.0, "speed_weight": 1.5, "offset": -0.25, "ü": 0.002, "total": 0.0}


def test_changes_only_the_named_numbers():
    changed = with_numbers(SOURCE, {"speed_weight": 12.0, "offset": 0.5, "ü": -1e-5, "GAIN": 1})
    assert changed == (
        SOURCE.replace("speed_weight = 1.5; offset = -0.25", "speed_weight = 12.0; offset = 0.5")
        .replace("ü = 2e-3", "ü = -1e-05")
        .replace("GAIN = 3", "GAIN = 1.0")
    )
    ast.parse(changed)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_finds_its_place_after_strange_line_ends(newline):
    source = newline.join(['text = "\x0c\u2028é"', "w = 1.0", "v = -(2)"])
    assert with_numbers(source, {"w": 5.0}) == source.replace("1.0", "5.0")


def test_no_change_gives_the_same_text():
    assert with_numbers(SOURCE, {}) == SOURCE


def test_a_name_with_two_values_is_left_out_and_with_one_value_changes_everywhere():
    two = "def reward(s, a):\n    w = 1.0\n\ndef potential(s):\n    w = {}\n"
    assert named_numbers(two.format("2.0")) == {}
    assert with_numbers(two.format("1.0"), {"w": 3.0}).count("3.0") == 2


def test_unknown_name_gets_the_closest_one():
    with pytest.raises(ValueError, match=r"'speed_wieght'\. Did you mean speed_weight\?"):
        with_numbers(SOURCE, {"speed_wieght": 1.0})


@pytest.mark.parametrize("source", ["def reward(:\n", "x = 1\0", "x = " + "(" * 5000])
def test_unreadable_source_is_refused(source):
    with pytest.raises(ValueError, match="can't be read as Python"):
        named_numbers(source)


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        with_numbers("w = 1.0", {"w": float("inf")})


def test_an_overflowing_number_is_none_of_ours():
    assert named_numbers("big = 1e999\nhuge = 1" + "0" * 400 + "\nz = 2j") == {}
