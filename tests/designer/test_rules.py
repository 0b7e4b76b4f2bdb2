"""Every search rule: pure, finished by itself, gone on with from any event; and what sets each of them apart."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from designer.archive import Archive
from designer.config import SearchConfig
from designer.errors import ConfigError
from designer.executors.fake import Fake
from designer.journal import read
from designer.records import Verb
from designer.search import Advance, Propose, Stop
from designer.search.bandit import SLICES, d3rb
from designer.search.greedy import best_by_maximum, maximum
from designer.search.islands import ISLANDS, Islands
from designer.search.rules import BUILT_IN, make_search
from designer.search.tree import ACTIONS
from designer.seeds import search_seed
from tests.designer.example_run import candidate, proposed, trained, trial
from tests.designer.small_run import small_run
from tests.designer.test_loop import attempt, remembered

SEED = search_seed(0)
CUTS = 12
"""A rule is asked again at every event above; whole runs go on from a dozen of them, and test_loop.py kills one at each."""


def search(rule: str, **settings):
    config = {"rule": rule, "rounds": 3, "population": 6, "finalists": 2, "final_seeds": 2, **settings}
    return make_search(SearchConfig(**config), ("human", "sparse"))


def scored(round_: int, *scores: float, slots=()) -> list:
    """A round's candidates with these search scores, made as their slots say."""
    events = []
    for sample, score in enumerate(scores):
        name = f"g{round_:02d}c{sample:02d}"
        made = slots[sample] if slots else None
        origin = candidate(name, made.verb, made.parents) if made else candidate(name)
        events += [proposed(origin), trained(trial(name, "search", SEED, score))]
    return events


# All of them --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A whole run for each rule, made once."""
    runs = {}

    def of(rule: str):
        if rule not in runs:
            fake = Fake()
            run = small_run(tmp_path_factory.mktemp(rule), search={"rule": rule, "rounds": 3, "population": 4})
            runs[rule] = (run, attempt(run, fake), fake)
        return runs[rule]

    return of


BY_FITNESS = [rule for rule in BUILT_IN if rule != "icpl"]
"""All but the one that picks by people's rankings and so ends without a winner where nobody ranks: test_icpl.py."""


@pytest.mark.parametrize("rule", BY_FITNESS)
def test_rule_runs_to_a_winner_that_was_judged_on_final_seeds(ended, rule):
    _, archive, _ = ended(rule)
    winner = archive.finished.winner
    assert len(archive.final_scores(winner)) == 2
    assert {c.round for c in archive.candidates.values()} == {1, 2, 3}


@pytest.mark.parametrize("rule", BUILT_IN)
def test_rule_climbs(ended, rule):
    """Its fake fitness is the sum of a reward's numbers: something to be climbed, except for who never looks."""
    _, archive, _ = ended(rule)
    first = max(archive.search_score(c.id) or 0 for c in archive.in_round(1))
    assert archive.search_score(archive.ranked()[0].id) >= first


@pytest.mark.parametrize("rule", BUILT_IN)
def test_rule_is_a_pure_function_of_the_archive_at_every_event(ended, rule):
    run, _, _ = ended(rule)
    rule_ = make_search(run.config.search, run.baselines)
    archive = Archive.of([])
    for stamped in read(run.journal):
        archive.add(stamped.event)
        before = copy.deepcopy(archive)
        assert rule_.next(archive) == make_search(run.config.search, run.baselines).next(before)
        assert archive == before


@pytest.mark.parametrize("rule", BUILT_IN)
def test_rule_goes_on_to_the_same_end(ended, rule):
    run, _, fake = ended(rule)
    lines = run.journal.read_bytes().splitlines(keepends=True)
    whole = remembered(run)
    for kept in range(1, len(lines), max(1, len(lines) // CUTS)):
        run.journal.write_bytes(b"".join(lines[:kept]))
        again = Fake()
        attempt(run, again)
        assert remembered(run) == whole
        assert {job.split()[0] for job in again.jobs} <= {"rollout", "score", "analyse", "explain"}, (
            "only tidied trajectories are played again"
        )
        assert set(again.jobs) <= set(fake.jobs)


@pytest.mark.parametrize("rule", BUILT_IN)
def test_rule_asks_for_what_is_missing_and_trains_nothing_twice(ended, rule):
    run, archive, _ = ended(rule)
    events = [stamped.event for stamped in read(run.journal)]
    seen = [(*t.key, t.until) for event in events for t in getattr(event, "trials", ())]
    assert len(seen) == len(set(seen))
    assert all(t.is_whole for t in archive.trials.values() if t.purpose == "final")


@pytest.mark.parametrize("rule", BUILT_IN)
def test_models_that_are_out_of_budget_end_every_rule_with_what_there_is(ended, rule):
    run, _, _ = ended(rule)
    events = [stamped.event for stamped in read(run.journal)]
    first = [event for event in events if getattr(getattr(event, "candidate", None), "round", 0) <= 1]
    archive = Archive.of(event for event in first if not hasattr(event, "winner"))
    archive.spent = "the cap of 3 calls is reached"
    rule_ = make_search(run.config.search, run.baselines)
    assert not isinstance(rule_.next(archive), Propose)


def test_unknown_rule_is_refused_with_the_closest_name():
    with pytest.raises(ConfigError, match="Did you mean halving"):
        search("halvin")
    with pytest.raises(ConfigError, match="can't be imported"):
        search("no_such_module:Rule")


class Own:
    """A rule of one's own: it gives up at once."""

    name = "own"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        pass

    def next(self, archive: Archive) -> Stop:
        return Stop("I give up", None)


def test_rule_of_ones_own_is_found_by_module_and_name(tmp_path: Path):
    run = small_run(tmp_path, search={"rule": f"{__name__}:Own"})
    assert attempt(run, Fake()).finished.reason == "I give up"


# Greedy -------------------------------------------------------------------------------------------------------------


def test_greedy_takes_the_best_checkpoint_for_the_score():
    falling = trial("g01c00", "search", SEED, 1.0)
    peak = falling.scores[1].model_copy(update={"fitness": 9.0})
    peaked = falling.model_copy(update={"scores": (falling.scores[0], peak, *falling.scores[2:])})
    archive = Archive.of([proposed(candidate("g01c00")), trained(peaked), *scored(1, 0.0, 5.0)[2:]])
    assert maximum(archive, "g01c00") == 9.0
    assert best_by_maximum(archive, archive.in_round(1)).id == "g01c00"


def test_greedy_forgets_its_best_for_the_last_rounds():
    events = [*scored(1, *[9.0] * 6), *scored(2, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0)]
    slots = search("greedy").next(Archive.of(events)).slots
    assert {(slot.verb, slot.parents) for slot in slots} == {(Verb.MUTATE, ("g02c01",))}


def test_best_of_n_never_looks():
    slots = search("best_of_n").next(Archive.of(scored(1, *[9.0] * 6))).slots
    assert {(slot.verb, slot.parents) for slot in slots} == {(Verb.INIT, ())}


# Bandit -------------------------------------------------------------------------------------------------------------


def test_bandit_pulls_every_arm_once_and_then_one_at_a_time():
    events = [proposed(candidate(f"g01c{k:02d}")) for k in range(6)]
    first = search("bandit").next(Archive.of(events))
    assert isinstance(first, Advance)
    assert {batch.until for batch in first.batches} == {1 / SLICES}
    assert len(first.batches) == 6


def test_bandit_doubles_the_coefficient_of_an_arm_that_fails_the_test():
    arms = {arm.candidate: arm for arm in d3rb({"good": (9.0, 9.0, 9.0, 9.0), "bad": (0.0, 0.0, 0.0, 0.0)})}
    assert arms["bad"].d > arms["good"].d
    assert arms["bad"].potential > arms["good"].potential


def test_bandit_does_not_depend_on_the_unit_of_the_fitness():
    slices = {"a": (1.0, 2.0), "b": (0.5, 0.7), "c": (3.0, 1.0)}
    larger = {name: tuple(1000 * score - 7 for score in scores) for name, scores in slices.items()}
    assert [arm.d for arm in d3rb(slices)] == [arm.d for arm in d3rb(larger)]
    assert d3rb({}) == []


# Islands and tree ---------------------------------------------------------------------------------------------------


def test_islands_breed_apart():
    rule = search("islands", rounds=3)
    slots = rule.next(Archive.of(scored(1, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0))).slots
    for slot in slots:
        assert {int(parent[4:]) % ISLANDS for parent in slot.parents} == {slot.sample % ISLANDS}


def test_offspring_below_its_islands_mean_is_not_taken_in():
    rule = search("islands")
    assert isinstance(rule, Islands)
    archive = Archive.of([*scored(1, 4.0, 0.0, 0.0, 6.0, 0.0, 0.0), *scored(2, 4.9, 0.0, 0.0, 5.1, 0.0, 0.0)])
    assert [c.id for c in rule.members(archive, 0, 3)] == ["g01c03", "g02c03", "g01c00"]


def test_best_of_the_neighbouring_island_comes_to_visit():
    events = [event for round_ in (1, 2, 3) for event in scored(round_, 1.0, 0.0, 99.0 + round_, 2.0, 0.0, 0.0)]
    rule = search("islands", rounds=9)
    assert isinstance(rule, Islands)
    assert rule.members(Archive.of(events), 0, 4)[0].id == "g03c02"


def test_tree_uses_a_nodes_actions_one_after_the_other():
    archive = Archive.of(scored(1, *[1.0] * 5, 9.0))
    slots = search("tree", population=6).next(archive).slots
    best = [slot.verb for slot in slots if slot.parents[:1] == ("g01c05",)]
    assert best
    expected = [Verb.MUTATE if verb is Verb.CROSSOVER else verb for verb in ACTIONS]
    assert best == expected[: len(best)], "the elite isn't crossed with itself"


def test_tree_goes_where_scores_are_high():
    archive = Archive.of(scored(1, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    slots = search("tree").next(archive).slots
    chosen = [slot.parents[0] for slot in slots if slot.parents]
    assert chosen.count("g01c05") >= chosen.count("g01c00")
