"""The default search: a pure function of the archive that asks for what is missing, and for nothing else."""

from __future__ import annotations

import copy

import pytest

from designer.archive import HUMAN, RANDOM, SPARSE, Archive
from designer.config import SearchConfig
from designer.journal import TimeRead
from designer.records import Status, Trial, Verb
from designer.search import Advance, Batch, Propose, Stop
from designer.search.halving import Halving
from designer.seeds import confirm_seeds, final_seeds, search_seed
from tests.designer.example_run import candidate, crashed, proposed, trained, trial
from tests.designer.example_run import finals as all_finals

SEED = search_seed(0)


def halving(baselines=(), **settings) -> Halving:
    """One training a candidate unless a test says otherwise."""
    config = {"rounds": 2, "population": 4, "cut": 1.0, "confirm": 0, "finalists": 2, "final_seeds": 2, **settings}
    return Halving(SearchConfig(**config), baselines)


def scored(*scores, round_=1) -> list:
    """A round's candidates with these search scores; None: refused before training."""
    events = []
    for sample, score in enumerate(scores):
        name = f"g{round_:02d}c{sample:02d}"
        faults = () if score is not None else ({"line": 1, "message": "no"},)
        events.append(proposed(candidate(name), faults))
        if score is not None:
            events.append(trained(trial(name, "search", SEED, score)))
    return events


def finals(name, *values) -> object:
    trials = [
        trial(name, "final", seed, value) if value is not None else crashed(name, "final", seed)
        for seed, value in zip(final_seeds(0, len(values)), values, strict=True)
    ]
    return trained(*trials)


def arms(*names) -> list:
    """The baselines' trainings of round 1."""
    return [trained(trial(name, "search", SEED, 1.0)) for name in names]


def test_first_round_is_all_fresh():
    action = halving().next(Archive())
    assert isinstance(action, Propose)
    assert [(slot.id, slot.verb, slot.parents) for slot in action.slots] == [(f"g01c{k:02d}", Verb.INIT, ()) for k in range(4)]


def test_search_changes_nothing_and_answers_the_same_again():
    archive = Archive.of(scored(1.0, 2.0, 3.0, 4.0))
    before = copy.deepcopy(archive)
    assert halving().next(archive) == halving().next(archive)
    assert archive == before


def test_only_missing_slots_are_asked_for():
    archive = Archive.of([proposed(candidate("g01c00")), proposed(candidate("g01c02"))])
    assert [slot.sample for slot in halving().next(archive).slots] == [1, 3]


def test_training_waits_for_the_whole_round():
    archive = Archive.of(scored(1.0, 2.0, 3.0))
    assert isinstance(halving().next(archive), Propose)


def test_only_untrained_candidates_are_trained_and_refused_ones_are_not():
    events = [*scored(1.0, None), proposed(candidate("g01c02")), proposed(candidate("g01c03"))]
    action = halving().next(Archive.of(events))
    assert action == Advance((Batch("g01c02", "search", (SEED,)), Batch("g01c03", "search", (SEED,))))


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.OK, Status.REJECTED)])
def test_candidate_whose_probe_failed_is_not_trained(status):
    ended = proposed(candidate("g01c00"))
    ended = ended.model_copy(update={"verdict": ended.verdict.model_copy(update={"status": status})})
    events = [ended, *scored(None, 1.0, 1.0, 1.0)[1:]]
    assert isinstance(halving(rounds=1).next(Archive.of(events)), Advance)
    assert "g01c00" not in [batch.candidate for batch in halving(rounds=1).next(Archive.of(events)).batches]


def test_failed_training_is_not_repeated():
    events = [*scored(1.0, 2.0, 3.0), proposed(candidate("g01c03")), trained(crashed("g01c03", seed=SEED))]
    assert isinstance(halving().next(Archive.of(events)), Propose)


def test_second_round_is_half_fresh_and_half_made_from_the_best():
    slots = halving().next(Archive.of(scored(1.0, 4.0, 2.0, 3.0))).slots
    assert [(slot.verb, slot.parents) for slot in slots] == [
        (Verb.INIT, ()),
        (Verb.INIT, ()),
        (Verb.MUTATE, ("g01c01",)),
        (Verb.CROSSOVER, ("g01c01", "g01c03")),
    ]


def test_parents_come_from_all_earlier_rounds():
    events = [*scored(1.0, 9.0, 2.0, 3.0), *scored(4.0, 8.0, 5.0, 6.0, round_=2)]
    slots = halving(rounds=3).next(Archive.of(events)).slots
    assert [slot.parents for slot in slots[2:]] == [("g01c01",), ("g01c01", "g02c01")]


def test_failed_candidates_are_no_parents():
    events = [*scored(None, -5.0, None), proposed(candidate("g01c03")), trained(crashed("g01c03", seed=SEED))]
    slots = halving(fresh=0.0).next(Archive.of(events)).slots
    assert {parent for slot in slots for parent in slot.parents} == {"g01c01"}
    assert [slot.verb for slot in slots] == [Verb.MUTATE, Verb.MUTATE, Verb.TUNE, Verb.SIMPLIFY]


def test_round_after_nothing_but_failures_is_all_fresh():
    slots = halving().next(Archive.of(scored(None, None, None, None))).slots
    assert {slot.verb for slot in slots} == {Verb.INIT}
    assert len(slots) == 4


def test_half_done_second_round_asks_for_the_same_slots_as_before():
    events = scored(1.0, 4.0, 2.0, 3.0)
    planned = halving().next(Archive.of(events)).slots
    archive = Archive.of([*events, proposed(candidate("g02c00")), proposed(candidate("g02c03"))])
    assert halving().next(archive).slots == (planned[1], planned[2])


def test_finals_train_the_best_and_every_baseline_on_new_seeds():
    action = halving((HUMAN, SPARSE), rounds=1).next(Archive.of([*scored(1.0, 4.0, 2.0, 3.0), *arms(HUMAN, SPARSE)]))
    assert {(batch.candidate, batch.purpose) for batch in action.batches} == {
        (name, "final") for name in (RANDOM, HUMAN, SPARSE, "g01c01", "g01c03")
    }
    assert {batch.seeds for batch in action.batches} == {final_seeds(0, 2)}
    assert SEED not in final_seeds(0, 2)


def test_only_missing_finals_are_asked_for():
    events = [*scored(1.0, 4.0, 2.0, 3.0), *arms(HUMAN, SPARSE), finals(HUMAN, 1.0, 1.0), finals("g01c03", 1.0, None)]
    action = halving((HUMAN, SPARSE), rounds=1).next(Archive.of(events))
    assert [batch.candidate for batch in action.batches] == [RANDOM, SPARSE, "g01c01"]


def test_baselines_are_only_those_that_the_task_has():
    action = halving((), rounds=1, finalists=1).next(Archive.of(scored(1.0, 4.0, 2.0, 3.0)))
    assert [batch.candidate for batch in action.batches] == ["g01c01"]


def test_winner_is_chosen_by_final_seeds_alone():
    events = [*scored(1.0, 9.0, 2.0, 3.0), finals("g01c01", 1.0, 2.0), finals("g01c03", 2.0, 2.0)]
    stop = halving(rounds=1).next(Archive.of(events))
    assert stop == Stop("all rounds and the final trainings are done", "g01c03")


def test_equal_finalists_go_to_the_better_search_score():
    events = [*scored(1.0, 9.0, 2.0, 3.0), finals("g01c03", 2.0, 2.0), finals("g01c01", 1.0, 3.0)]
    assert halving(rounds=1).next(Archive.of(events)).winner == "g01c01"


def test_finalist_whose_seeds_all_failed_does_not_win():
    events = [*scored(1.0, 9.0, 2.0, 3.0), finals("g01c01", None, None), finals("g01c03", -7.0, -8.0)]
    assert halving(rounds=1).next(Archive.of(events)).winner == "g01c03"


def test_run_with_nothing_trainable_still_has_its_baselines_and_no_winner():
    archive = Archive.of([*scored(None, None, None, None), *arms(HUMAN)])
    search = halving((HUMAN,), rounds=1)
    assert [batch.candidate for batch in search.next(archive).batches] == [RANDOM, HUMAN]
    archive.add(finals(RANDOM, 0.0, 0.0))
    archive.add(finals(HUMAN, 1.0, 1.0))
    assert search.next(archive) == Stop("no candidate could be trained to the end", None)


def test_run_without_rounds_trains_the_baselines_only():
    search = halving((HUMAN, SPARSE), rounds=0)
    assert [batch.candidate for batch in search.next(Archive()).batches] == [RANDOM, HUMAN, SPARSE]
    done = Archive.of([finals(RANDOM, 0.0, 0.0), finals(HUMAN, 1.0, 1.0), finals(SPARSE, 1.0, 1.0)])
    assert search.next(done) == Stop("only baselines were asked for", None)


def test_population_of_one_goes_on_from_the_best():
    slots = halving(population=1).next(Archive.of(scored(1.0))).slots
    assert [(slot.verb, slot.parents) for slot in slots] == [(Verb.MUTATE, ("g01c00",))]


def test_finals_of_another_seed_count_do_not_count_as_done():
    archive = Archive.of([*scored(1.0, round_=1), all_finals("g01c00", (1.0,))])
    action = halving(rounds=1, population=1, final_seeds=3).next(archive)
    assert action == Advance((Batch("g01c00", "final", final_seeds(0, 3)),))


# The cut, and more seeds --------------------------------------------------------------------------------------------

CUT = {"rounds": 1, "cut": 0.5, "confirm": 1, "confirm_seeds": 2}


def paused(*scores) -> list:
    """A round whose candidates were trained to the cut, with these scores there."""
    events = []
    for sample, score in enumerate(scores):
        name = f"g01c{sample:02d}"
        events += [proposed(candidate(name)), trained(half(name, score))]
    return events


def half(name, score) -> Trial:
    whole = trial(name, "search", SEED, score)
    ended = whole.scores[-1].model_copy(update={"fraction": 0.5, "fitness": score})
    return whole.model_copy(update={"until": 0.5, "scores": (whole.scores[0], ended)})


def whole(name, at_the_cut, at_the_end) -> Trial:
    before, after = half(name, at_the_cut), trial(name, "search", SEED, at_the_end)
    return after.model_copy(update={"scores": (*before.scores, after.scores[-1])})


def more(name, *values) -> object:
    seeds = confirm_seeds(0, len(values))
    return trained(*(trial(name, "search", seed, value) for seed, value in zip(seeds, values, strict=True)))


def test_first_round_trains_the_candidates_to_the_cut_and_the_baselines_to_the_end():
    events = [proposed(candidate(f"g01c{k:02d}")) for k in range(4)]
    batches = halving((HUMAN,), **CUT).next(Archive.of(events)).batches
    assert batches[0] == Batch(HUMAN, "search", (SEED,))
    assert batches[1:] == tuple(Batch(f"g01c{k:02d}", "search", (SEED,), until=0.5) for k in range(4))


def test_better_half_at_the_cut_goes_on_where_it_was_paused():
    action = halving(**CUT).next(Archive.of(paused(1.0, 4.0, 2.0, 3.0)))
    assert action == Advance((Batch("g01c01", "search", (SEED,), since=0.5), Batch("g01c03", "search", (SEED,), since=0.5)))


def test_half_trained_candidate_has_no_search_score_and_is_no_parent():
    archive = Archive.of(paused(1.0, 4.0, 2.0, 3.0))
    assert (archive.search_score("g01c01"), archive.ranked()) == (None, [])


def test_who_fails_after_the_cut_makes_place_for_the_next():
    archive = Archive.of([*paused(1.0, 4.0, 2.0, 3.0), trained(crashed("g01c01", seed=SEED))])
    assert [batch.candidate for batch in halving(**CUT).next(archive).batches] == ["g01c03", "g01c02"]


def test_best_of_the_round_is_tried_on_more_seeds():
    events = [*paused(1.0, 4.0, 2.0, 3.0), trained(whole("g01c01", 4.0, 5.0)), trained(whole("g01c03", 3.0, 6.0))]
    action = halving(**CUT).next(Archive.of(events))
    assert action == Advance((Batch("g01c03", "search", confirm_seeds(0, 2)),))
    assert not {SEED, *final_seeds(0, 5)}.intersection(confirm_seeds(0, 99))


def test_later_piece_of_a_training_outweighs_the_earlier_whatever_their_order():
    pieces = [trained(half("g01c00", 1.0)), trained(whole("g01c00", 1.0, 7.0))]
    for events in (pieces, pieces[::-1]):
        assert Archive.of([proposed(candidate("g01c00")), *events]).search_score("g01c00") == 7.0


def test_finalists_are_ranked_by_the_lower_bound_of_their_mean():
    """One lucky seed does not beat three that agree, once it is known how far seeds differ."""
    events = [*scored(9.0, 8.0, 1.0, 1.0), more("g01c01", 7.0, 9.0)]
    assert [c.id for c in Archive.of(events).ranked()][:2] == ["g01c01", "g01c00"]
    assert [c.id for c in Archive.of(scored(9.0, 8.0, 1.0, 1.0)).ranked()][:2] == ["g01c00", "g01c01"]


# Adapting, and stopping ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("winner", "fresh"), [(0, 5), (7, 3)])
def test_share_of_fresh_ones_moves_towards_the_kind_that_won_the_round(winner, fresh):
    """Sample 0 of the second round is written anew, sample 7 made from a parent."""
    search, events = halving(rounds=3, population=8), scored(*[1.0] * 8)
    for slot in search.next(Archive.of(events)).slots:
        score = 20.0 if slot.sample == winner else 1.0
        events += [proposed(candidate(slot.id, slot.verb, slot.parents)), trained(trial(slot.id, "search", SEED, score))]
    slots = search.next(Archive.of(events)).slots
    assert sum(slot.verb is Verb.INIT for slot in slots) == fresh


def test_target_that_the_lower_bound_reaches_ends_the_search():
    events = scored(1.0, 9.0, 2.0, 3.0)
    assert isinstance(halving(target=10.0).next(Archive.of(events)), Propose)
    action = halving(target=8.0).next(Archive.of(events))
    assert {batch.purpose for batch in action.batches} == {"final"}


def test_two_rounds_that_bring_next_to_nothing_end_the_search():
    first = [*scored(5.0, 9.0, 2.0, 3.0), more("g01c01", 8.0, 10.0)]
    flat = [*first, *scored(1.0, 2.0, 3.0, 4.0, round_=2), *scored(1.0, 2.0, 3.0, 4.0, round_=3)]
    assert halving(rounds=9).next(Archive.of(flat)).batches[0].purpose == "final"
    rising = [*first, *scored(1.0, 2.0, 3.0, 4.0, round_=2), *scored(1.0, 2.0, 3.0, 40.0, round_=3)]
    assert isinstance(halving(rounds=9).next(Archive.of(rising)), Propose)


def test_time_that_is_used_up_ends_the_search_and_not_the_round():
    events = [*scored(1.0, 2.0, 3.0, 4.0), TimeRead(spent_s=590.0)]
    search = halving(budget="10m", rounds=5)
    assert {batch.purpose for batch in search.next(Archive.of(events)).batches} == {"final"}
    begun = [*events, *scored(1.0, round_=2)]
    assert isinstance(search.next(Archive.of(begun)), Propose)
    assert isinstance(search.next(Archive.of([*events[:-1], TimeRead(spent_s=40.0)])), Propose)


def test_finals_that_have_begun_are_not_followed_by_another_round():
    """The finals may train faster than the search did: by the clock there would then be time again."""
    events = [*scored(1.0, 2.0, 3.0, 4.0), TimeRead(spent_s=590.0), finals("g01c03", *[3.0] * 40)]
    action = halving(budget="10m", rounds=5).next(Archive.of(events))
    assert action == Advance((Batch("g01c02", "final", final_seeds(0, 2)),))


def test_trainings_that_are_used_up_end_the_search():
    events = scored(1.0, 2.0, 3.0, 4.0)
    assert halving(budget="11", rounds=5).next(Archive.of(events)).batches[0].purpose == "final"
    assert isinstance(halving(budget="12", rounds=5).next(Archive.of(events)), Propose)
