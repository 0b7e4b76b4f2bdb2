"""No slot waits in vain: who is sure to go on goes on, the longest training begins first, and the trainings stay the same."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta

import pytest

from designer.archive import HUMAN, Archive
from designer.assemble import make_loop
from designer.display import Silent
from designer.executors.fake import Fake
from designer.further import further
from designer.journal import TrialsFinished
from designer.pace import longest_first
from designer.records import Status, Trial
from designer.search import Advance, Batch
from designer.search.halving import Halving
from designer.seeds import confirm_seeds, search_seed
from designer.workbench import Workbench
from tests.designer.example_run import candidate, proposed, trained, trial
from tests.designer.small_run import config, small_run, task
from tests.designer.test_halving import CUT, SEED, half, halving, paused, whole
from tests.designer.test_loop import STARTED, remembered

# Who is sure to go on ------------------------------------------------------------------------------------------------


def test_who_is_in_the_better_half_whatever_the_last_one_does_goes_on_at_once():
    events = [*paused(1.0, 4.0, 3.0), proposed(candidate("g01c03"))]
    assert halving(**CUT).next(Archive.of(events)).batches == (
        Batch("g01c03", "search", (SEED,), until=0.5),
        Batch("g01c01", "search", (SEED,), since=0.5),  # the second best could still be pushed out
    )


def test_nobody_is_sure_while_as_many_are_to_come_as_go_on():
    events = [*paused(1.0, 4.0), proposed(candidate("g01c02")), proposed(candidate("g01c03"))]
    assert {batch.since for batch in halving(**CUT).next(Archive.of(events)).batches} == {0.0}


def test_the_best_gets_more_seeds_before_the_second_best_is_known():
    settings = {**CUT, "confirm": 2}
    events = [*paused(1.0, 4.0, 2.0, 3.0), trained(whole("g01c01", 4.0, 5.0))]
    assert halving(**settings).next(Archive.of(events)).batches == (
        Batch("g01c03", "search", (SEED,), since=0.5),
        Batch("g01c01", "search", confirm_seeds(0, 2)),
    )
    assert halving(**CUT).next(Archive.of(events)).batches == (Batch("g01c03", "search", (SEED,), since=0.5),)


def outcome(batch: Batch, fails: set[tuple[str, float]], luck: int) -> list[Trial]:
    """What a training comes to: a function of the batch alone, as a real one is."""
    worth = random.Random(f"{luck} {batch.candidate}")
    at_the_cut, at_the_end = worth.random(), worth.random()
    if (batch.candidate, batch.until) in fails:
        failed = trial(batch.candidate, "search", batch.seeds[0], 0.0)
        ended = {"status": Status.CRASHED, "error": "e", "scores": (), "until": batch.until}
        return [failed.model_copy(update={**ended, "seed": seed}) for seed in batch.seeds]
    if batch.until < 1:
        return [half(batch.candidate, at_the_cut)]
    if batch.since:
        return [whole(batch.candidate, at_the_cut, at_the_end)]
    return [trial(batch.candidate, "search", seed, at_the_end) for seed in batch.seeds]


def trainings_of_a_round(search: Halving, slots: int, luck: int) -> set[Batch]:
    """Do a round in some order, asking for more whenever a slot is idle, and return all that was trained."""
    order, population = random.Random(luck * 100 + slots), 8
    names = [f"g01c{k:02d}" for k in range(population)]
    chance = random.Random(luck)
    fails = {(name, until) for name in names for until in (0.5, 1.0) if chance.random() < 0.15}
    archive, begun, at_work = Archive.of(proposed(candidate(name)) for name in names), set(), []
    bench = Workbench(task(), None, config(), Fake(), None)  # nothing of it is used: nobody is looked at
    while isinstance(action := search.next(archive), Advance) and action.batches[0].purpose == "search":
        at_work = list(action.batches)
        begun.update(at_work)
        while at_work:
            done = at_work.pop(order.randrange(min(slots, len(at_work))))
            archive.add(trained(*outcome(done, fails, luck)))
            if len(at_work) < slots and (more := further(bench, search, archive, begun)):
                assert not begun.intersection(more), "nothing is done twice"
                at_work += more
                begun.update(more)
    return begun


@pytest.mark.parametrize("luck", range(25))
def test_the_same_trainings_are_made_whatever_the_number_of_slots_and_the_order_in_which_they_end(luck):
    search = halving((HUMAN,), rounds=1, population=8, cut=0.5, confirm=2, confirm_seeds=2)
    alone = trainings_of_a_round(search, 1, luck)
    assert len(alone) > 8
    for slots in (2, 3, 5, 8):
        assert trainings_of_a_round(search, slots, luck) == alone


# What else can begin -------------------------------------------------------------------------------------------------


class Says:
    """A search that always says the same."""

    name = "says"

    def __init__(self, *batches: Batch) -> None:
        self.batches = batches

    def next(self, archive: Archive) -> Advance:
        return Advance(self.batches)


def test_nothing_is_built_on_a_search_that_has_given_up_what_is_at_work():
    slow, new = Batch("a", "search", (SEED,)), Batch("b", "search", (SEED,))
    bench = Workbench(task(), None, config(), Fake(), None)
    assert further(bench, Says(slow, new), Archive(), {slow}) == (new,)
    assert further(bench, Says(new), Archive(), {slow}) == ()
    over = Archive.of([trained(trial("a", "search", SEED, 1.0))])
    assert further(bench, Says(new), over, {slow}) == (new,)


def test_rewards_that_share_a_box_wait_for_their_round():
    bench = Workbench(task(), None, config(training={"share_box": True}), Fake(), None)
    assert further(bench, Says(Batch("b", "search", (SEED,))), Archive(), ()) == ()


def gated(run, held: str, until_begun: str):
    """Do a run on two slots in which one training ends only when another has begun; return its archive."""
    begun = threading.Event()

    class Gate(Fake):
        def run(self, job, folder, progress):
            place = "/".join(folder.parts)
            if job.verb == "train" and until_begun in place and job.spec.get("resume"):
                begun.set()
            if job.verb == "train" and held in place and not job.spec.get("resume"):
                assert begun.wait(20), "a slot was idle and nothing was begun on it"
            return super().run(job, folder, progress)

    loop = make_loop(run, Gate(), Silent(), lambda line: None)
    loop.record(STARTED)
    return loop.design(2)


@pytest.mark.parametrize("ends", [False, True])
def test_an_idle_slot_goes_on_with_the_best_while_the_last_one_of_a_round_is_at_work(tmp_path, ends):
    until = (datetime.now() + timedelta(days=1)).isoformat() if ends else None
    settings = {"search": {"rounds": 1, "population": 4, "until": until}}
    plain = small_run(tmp_path / "plain", **settings)
    loop = make_loop(plain, Fake(), Silent(), lambda line: None)
    loop.record(STARTED)
    archive = loop.design(1)
    on = [c for c in archive.candidates if any(t.is_whole for t in archive.trials_of(c, "search"))]
    worst = next(c for c in archive.candidates if c not in on)
    run = small_run(tmp_path / "gated", **settings)
    sure = max(on, key=lambda name: archive.trials_of(name, "search")[0].fitness_at(0.5))
    assert gated(run, f"{worst}/", f"{sure}/").finished.winner == archive.finished.winner
    if not ends:  # with an end, the clock is read more often
        assert remembered(run) == remembered(plain)


# The order -----------------------------------------------------------------------------------------------------------


def timed(name: str, wall_s: float, until: float = 1.0) -> TrialsFinished:
    return trained(trial(name, "search", search_seed(0), 1.0).model_copy(update={"wall_s": wall_s, "until": until}))


def test_the_longest_training_begins_first_by_what_each_took_before():
    archive = Archive.of([timed("a", 4.0, until=0.5), timed("b", 10.0, until=0.5), timed("c", 9.0)])
    rest = [Batch(name, "search", (SEED,), since=0.5) for name in "abc"]
    assert [batch.candidate for batch in longest_first(archive, rest)] == ["b", "c", "a"]


def test_what_was_never_timed_counts_as_the_others_and_longer_pieces_as_longer():
    archive = Archive.of([timed("a", 30.0), timed("b", 10.0)])
    batches = [Batch("x", "final", (1,)), Batch("b", "final", (1,)), Batch("y", "final", (1, 2)), Batch("a", "final", (1,))]
    assert [batch.candidate for batch in longest_first(archive, batches)] == ["y", "a", "x", "b"]
    assert longest_first(Archive(), batches[:2]) == batches[:2], "where nothing is known the order stays"
