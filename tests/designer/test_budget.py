"""Budgets: read from words, turned into sizes, counted in whole trainings."""

from __future__ import annotations

import pytest

from designer.budget import LARGE, NIGHT, SMALL, USUAL, Budget, final_units, parse_budget, planned_units, round_units, size_for


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", Budget(90, "seconds")),
        ("10m", Budget(600, "seconds")),
        ("10 min", Budget(600, "seconds")),
        ("1.5h", Budget(5400, "seconds")),
        ("Overnight", Budget(28_800, "seconds")),
        ("45", Budget(45, "trainings")),
        ("45 trainings", Budget(45, "trainings")),
        ("$3", Budget(3, "money")),
    ],
)
def test_budget_is_read(text, expected):
    assert parse_budget(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "-3m", "0", "10x", "$", "1e999", "nan", "10 m m"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(ValueError, match="is no budget"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("text", "size"), [("10m", SMALL), ("1h", USUAL), ("2h", LARGE), ("overnight", NIGHT), ("17", SMALL), ("45", USUAL)]
)
def test_size_follows_the_budget(text, size):
    assert size_for(parse_budget(text)) == size


def test_units_of_the_usual_search_are_those_of_its_parts():
    # A round: 8 halves, 4 second halves, 2 x 2 seeds = 10. Three of them, and 3 x 5 finals.
    assert round_units(USUAL, 0.5, 0) == 10
    assert final_units(USUAL, 0) == 15
    assert planned_units(USUAL, 0.5, 0) == 45
    assert planned_units(SMALL, 0.5, 0) == pytest.approx(2 * (2.5 + 1 + 2) + 6)
    assert planned_units(USUAL, 1.0, 0) == 3 * (8 + 4) + 15
    assert planned_units(USUAL, 0.5, 2) == 45 + 2 + 10


def test_search_without_rounds_costs_its_baselines():
    assert planned_units(USUAL._replace(rounds=0), 0.5, 2) == 10
