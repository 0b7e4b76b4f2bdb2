"""Search rules played over stored candidates: nothing is trained, and what is picked is in the pool."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from designer.archive import Archive
from designer.config import SearchConfig
from designer.errors import InputError
from designer.journal import Journal
from designer.search.rules import BUILT_IN
from designer.search_replay import Pool, replay_search, replayed
from designer.seeds import confirm_seeds, search_seed
from tests.designer.example_run import candidate, crashed, proposed, rounds, trained, trial
from tests.designer.small_run import small_run

SEEDS = (search_seed(0), *confirm_seeds(0, 2))


def stored(*rows: tuple[float, ...]) -> Archive:
    """A run whose k-th candidate was trained on as many seeds as its row is long."""
    events = []
    for k, row in enumerate(rows):
        name = f"g{1 + k // 4:02d}c{k % 4:02d}"
        events.append(proposed(candidate(name)))
        events += [trained(trial(name, "search", seed, value)) for seed, value in zip(SEEDS, row, strict=False)]
    return Archive.of(events)


LUCKY = stored((9.0, 1.0, 2.0), (6.0, 6.0, 6.0), (1.0,), (2.0,), (3.0,), (1.0,), (0.5,), (2.0,))


def config(rule: str, **changes: object) -> SearchConfig:
    return SearchConfig(**{"rule": rule, "population": 4, "finalists": 1, "confirm": 2, **changes})


@pytest.mark.parametrize("rule", [rule for rule in BUILT_IN if rule != "icpl"])  # it picks by rankings: test_icpl.py
@pytest.mark.parametrize("order", [0, 1, 2])
def test_every_rule_picks_out_of_the_pool_and_says_what_it_used(rule, order):
    pick = replayed(LUCKY, config(rule), order)
    assert pick.winner in LUCKY.candidates
    assert pick.truth == Pool(LUCKY).truth(pick.winner)
    assert 0 < pick.units <= 3 * 8


def test_more_seeds_tell_luck_from_worth():
    greedy, halving = (replayed(LUCKY, config(rule, cut=1.0)) for rule in ("greedy", "halving"))
    assert (greedy.winner, greedy.claimed, greedy.truth) == ("g01c00", 9.0, 4.0)
    assert (halving.winner, halving.claimed, halving.truth) == ("g01c01", 6.0, 6.0)


def test_halves_cost_half():
    whole, cut = (replayed(LUCKY, config("halving", cut=share, confirm=0)).units for share in (1.0, 0.5))
    assert (whole, cut) == (8, 2 * (4 * 0.5 + 2 * 0.5))


def test_what_failed_is_not_in_the_pool():
    archive = Archive.of([proposed(candidate("g01c00")), trained(crashed("g01c00"))])
    assert Pool(archive).candidates == []


def test_stored_run_is_not_touched(tmp_path: Path):
    before = dict(LUCKY.trials)
    replayed(LUCKY, config("bandit"))
    assert LUCKY.trials == before


@pytest.mark.parametrize(
    ("typed", "told"), [({"orders": 0}, "--orders 0"), ({"rules": ["greedy", "bandits"]}, "Did you mean bandit")]
)
def test_what_can_not_be_played_is_told_before_anything_is(tmp_path, typed, told):
    asked = argparse.Namespace(**{"run": tmp_path, "rules": [], "orders": 1, **typed})
    with pytest.raises(InputError, match=told):
        replay_search(asked)


def test_rule_that_finds_nothing_in_the_pool_is_explained(tmp_path, capsys):
    run = small_run(tmp_path)
    journal = Journal(run.journal, clock=lambda: 0.0)
    for event in rounds():
        journal.append(event)
    replay_search(argparse.Namespace(run=run.folder, rules=["icpl"], orders=1))
    assert "nothing: the rule" in capsys.readouterr().out
