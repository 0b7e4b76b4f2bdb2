"""The archive is a fold of the journal: the same events give the same knowledge, in any order within a round."""

from __future__ import annotations

import random

import pytest

from designer.archive import Archive
from designer.journal import CallFinished, CallStarted
from designer.records import Remark
from tests.designer.example_run import (
    FINAL,
    FINAL_SEEDS,
    WINNER,
    calls,
    candidate,
    crashed,
    finals,
    finished,
    proposed,
    rounds,
    trained,
    trial,
)


def names(candidates) -> list[str]:
    return [made.id for made in candidates]


def test_empty_archive_knows_nothing():
    archive = Archive.of([])
    assert (archive.started, archive.finished, archive.ranked(), archive.in_round(1)) == (None, None, [], [])
    assert archive.search_score("g01c00") is None


def test_finished_run_is_known_whole():
    archive = Archive.of(finished())
    assert names(archive.in_round(1)) == ["g01c00", "g01c01", "g01c02"]
    assert archive.finished.winner == WINNER
    assert tuple(archive.final_scores(WINNER)) == FINAL[WINNER]
    assert [t.seed for t in archive.trials_of("human", "final")] == list(FINAL_SEEDS)
    assert archive.walls == {"embedded: own user, no network, Landlock, seccomp"}


@pytest.mark.parametrize("seed", range(5))
def test_order_of_events_does_not_matter(seed):
    events = finished()
    shuffled = random.Random(seed).sample(events, len(events))
    assert Archive.of(shuffled) == Archive.of(events)
    assert names(Archive.of(shuffled).ranked()) == names(Archive.of(events).ranked())


def test_ranked_is_by_search_score_and_leaves_out_what_has_none():
    assert names(Archive.of(rounds()).ranked()) == [WINNER, "g01c00", "g02c00"]


def test_tie_goes_to_the_earlier_candidate():
    made = [candidate(name) for name in ("g02c00", "g01c01", "g01c00")]
    events = [event for c in made for event in (proposed(c), trained(trial(c.id, "search", 1, 1.0)))]
    assert names(Archive.of(events).ranked()) == ["g01c00", "g01c01", "g02c00"]


def test_negative_fitness_ranks_above_a_failure():
    events = [
        *(proposed(candidate(name)) for name in ("g01c00", "g01c01")),
        trained(crashed("g01c00")),
        trained(trial("g01c01", "search", 1, -1e9)),
    ]
    assert names(Archive.of(events).ranked()) == ["g01c01"]


def test_failed_seed_is_left_out_of_the_scores():
    failed = trained(crashed("g01c00", "final", 1002))
    archive = Archive.of([proposed(candidate("g01c00")), finals("g01c00", (1.0, 2.0)), failed])
    assert archive.final_scores("g01c00") == [1.0, 2.0]
    assert len(archive.trials_of("g01c00", "final")) == 3


def test_entries_are_those_of_earlier_rounds_oldest_first():
    remark = Remark(candidate="g01c02", source="person", kind="text", text="it crawls")
    archive = Archive.of(finished())
    entries = archive.entries(2, {"g01c02": (remark,)})
    assert names(entry.candidate for entry in entries) == ["g01c00", "g01c01", "g01c02"]
    assert [entry.remarks for entry in entries] == [(), (), (remark,)]
    assert entries[0].fitness == 3.4
    assert entries[1].fitness is None
    assert all(trial.purpose == "search" for entry in entries for trial in entry.trials)
    assert archive.entries(1, {}) == ()


def test_calls_in_flight_are_counted():
    archive = Archive.of([*calls(7), CallStarted(key="r01-first-s01-a0", request="0")])
    assert archive.calls_started == 2
    assert archive.calls == [CallFinished(key="r01-first-s00-a0", model="m", prompt_tokens=7, completion_tokens=7)]
