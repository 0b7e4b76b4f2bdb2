"""The composer's other verbs: each changes what it says and nothing else."""

import pytest
from composer_tables import ANT, HALF_CHEETAH, HOPPER, TABLE_TOP, brief, first_round, proposed

from designer.numbers import named_numbers
from designer.proposers import Draft, Slot
from designer.proposers.composer import Composer, design_of
from designer.proposers.composer.compose import random_for
from designer.proposers.composer.operators import flip, jitter, warm
from designer.proposers.composer.plan import understand
from designer.records import Score, Status, Trace, Trial, Verb

TEXT = "run forward without falling"
FOREIGN = "def reward(s, a):\n    speed_weight = 2.0\n    return {'run': speed_weight * s.torso_velocity[:, 0]}\n"


def slot(verb: Verb, *parents: str, sample: int = 0, round_: int = 2) -> Slot:
    return Slot(round=round_, sample=sample, verb=verb, parents=parents)


def trial(candidate: str, fitness: float, **means: float) -> Trial:
    score = Score(fraction=1.0, fitness=fitness, success=None, episode_s=1.0, episodes=1)
    traces = tuple(Trace(name=name, mean=(mean,) * 10, low=mean, high=mean) for name, mean in means.items())
    return Trial(
        candidate=candidate,
        purpose="search",
        seed=0,
        status=Status.OK,
        steps=1,
        scores=(score,),
        traces=traces,
        folder="",
    )


@pytest.mark.parametrize(
    ("world", "text"),
    [(HALF_CHEETAH, TEXT), (ANT, "turn around"), (TABLE_TOP, "push the cube to the goal"), (HOPPER, "dance")],
)
def test_designs_are_found_again_through_generations(world, text):
    entries = first_round(world, text, 6)
    for round_ in (2, 3, 4):
        parents = [entry.candidate.id for entry in entries[-4:]]
        before = brief(world, text, *entries)
        for sample, verb in enumerate((Verb.MUTATE, Verb.CROSSOVER, Verb.TUNE, Verb.SIMPLIFY, Verb.INIT)):
            chosen = {Verb.INIT: 0, Verb.CROSSOVER: 2}.get(verb, 1)
            entries.append(proposed(before, slot(verb, *parents[:chosen], sample=sample, round_=round_)))
    before = brief(world, text, *entries)
    assert all(design_of(before, entry) for entry in entries)


def test_jitter_changes_weights_only():
    before, design, plan = setting()
    changed = jitter(design, plan, random_for(before, "x")).design
    assert [term._replace(weight=0.0) for term in changed.terms] == [term._replace(weight=0.0) for term in design.terms]
    assert all(new.weight != old.weight for new, old in zip(changed.terms, design.terms, strict=True))


def test_warm_doubles_or_halves_one_temperature():
    before, design, plan = setting()
    changed = warm(design, plan, random_for(before, "x"))
    pairs = [(new, old) for new, old in zip(changed.design.terms, design.terms, strict=True) if new != old]
    [(new, old)] = pairs
    assert new._replace(temperature=old.temperature) == old
    assert new.temperature / old.temperature in (0.5, 2.0)
    assert old.name in changed.why


def test_flip_needs_an_ambiguous_sign():
    before, design, plan = setting()
    assert flip(design, plan, random_for(before, "x")) is None


def setting(sample: int = 1):
    entries = first_round(HOPPER, TEXT, sample + 1)
    before = brief(HOPPER, TEXT, *entries)
    return before, design_of(before, entries[sample]), understand(TEXT, HOPPER)


def test_mutations_say_what_changed_and_keep_the_primary_goal():
    entries = first_round(HALF_CHEETAH, TEXT, 2)
    before = brief(HALF_CHEETAH, TEXT, *entries)
    drafts = [Composer().propose(before, slot(Verb.MUTATE, "g01c01", sample=sample)) for sample in range(30)]
    assert len({draft.why for draft in drafts}) > 5
    for draft in drafts:
        assert draft.source != entries[1].candidate.source
        assert "run_forward" in draft.source
        assert draft.expects
        old, new = named_numbers(entries[1].candidate.source), named_numbers(draft.source)
        if "added" in draft.why or "dropped" in draft.why:
            assert {name: new[name] for name in new.keys() & old.keys()} == {n: old[n] for n in new.keys() & old.keys()}
            assert new.keys() != old.keys()


def test_an_ambiguous_parent_can_be_flipped():
    before = brief(ANT, "turn around", *first_round(ANT, "turn around", 1))
    drafts = [Composer().propose(before, slot(Verb.MUTATE, "g01c00", sample=sample)) for sample in range(40)]
    flipped = [draft for draft in drafts if draft.why.startswith("The sign of turn is turned")]
    assert flipped
    parent = before.entries[0].candidate.source
    assert all(draft.source == parent.replace("* s.torso_yaw", "* -s.torso_yaw") for draft in flipped)


def test_crossover_joins_the_goal_of_one_with_the_rest_of_the_other():
    entries = first_round(HALF_CHEETAH, TEXT, 3)
    before = brief(HALF_CHEETAH, TEXT, *entries)
    draft = Composer().propose(before, slot(Verb.CROSSOVER, "g01c00", "g01c02"))
    first, second, joined = (named_numbers(text) for text in (*(e.candidate.source for e in entries[::2]), draft.source))
    expected = {name: value for name, value in first.items() if name.startswith("run_forward")}
    expected |= {name: value for name, value in second.items() if not name.startswith("run_forward")}
    assert joined == expected
    assert "g01c00" in draft.why
    assert "g01c02" in draft.why


def test_tune_changes_numbers_and_nothing_else():
    entry = first_round(HALF_CHEETAH, TEXT, 2)[1]
    draft = Composer().propose(brief(HALF_CHEETAH, TEXT, entry), slot(Verb.TUNE, "g01c01"))
    old, new = entry.candidate.source, draft.source
    assert named_numbers(old).keys() == named_numbers(new).keys()
    assert all(named_numbers(new)[name] != value for name, value in named_numbers(old).items())
    assert [line.split(" = ")[0] for line in old.splitlines()] == [line.split(" = ")[0] for line in new.splitlines()]


@pytest.mark.parametrize("verb", [Verb.TUNE, Verb.MUTATE, Verb.SIMPLIFY])
def test_what_another_wrote_is_only_tuned(verb):
    entry = proposed(brief(HALF_CHEETAH, TEXT), slot(Verb.INIT, round_=1), source=FOREIGN)
    draft = Composer().propose(brief(HALF_CHEETAH, TEXT, entry), slot(verb, "g01c00"))
    weight = named_numbers(draft.source)["speed_weight"]
    assert weight != 2.0
    assert draft.source == FOREIGN.replace("2.0", repr(weight))
    assert "Only the numbers of g01c00 change: speed_weight 2 -> " in draft.why


def test_a_reward_without_named_numbers_is_a_fault_not_an_error():
    entry = proposed(brief(HALF_CHEETAH, TEXT), slot(Verb.INIT, round_=1), source="def reward(s, a):\n    return {}\n")
    draft = Composer().propose(brief(HALF_CHEETAH, TEXT, entry), slot(Verb.TUNE, "g01c00"))
    assert "no named number" in draft.faults[0].message


def test_simplify_drops_the_traced_term_with_the_least_share():
    entry = first_round(HOPPER, TEXT, 2)[1]
    traces = trial("g01c01", 1.0, run_forward=0.01, effort=-0.5, upright=0.2, tall=0.9)
    before = brief(HOPPER, TEXT, entry._replace(trials=(traces,)))
    draft = Composer().propose(before, slot(Verb.SIMPLIFY, "g01c01"))
    assert draft.why.startswith("upright is dropped")
    assert "upright" not in draft.source
    assert "effort" in draft.source
    assert "run_forward" in draft.source


def test_a_design_that_is_only_a_goal_is_tuned_instead_of_simplified():
    entries = first_round(HALF_CHEETAH, "run forward", 1)
    for number in (2, 3):
        before = brief(HALF_CHEETAH, "run forward", *entries)
        entries.append(proposed(before, slot(Verb.SIMPLIFY, entries[-1].candidate.id, round_=number)))
    assert set(named_numbers(entries[-1].candidate.source)) == {"run_forward_weight"}
    assert "there is nothing to change" in entries[-1].candidate.why
    assert design_of(brief(HALF_CHEETAH, "run forward", *entries), entries[-1])


def test_the_better_sign_of_the_first_round_is_kept():
    scored = [
        entry._replace(trials=(trial(entry.candidate.id, fitness),))
        for entry, fitness in zip(first_round(ANT, "turn around", 4), (0.1, 0.9, 0.0, 0.4), strict=True)
    ]
    before = brief(ANT, "turn around", *scored)
    for sample in range(4):
        assert "-s.torso_yaw_velocity" in Composer().propose(before, slot(Verb.INIT, sample=sample)).source


def test_a_fresh_design_is_found_again_when_scores_came_in_later():
    entries = first_round(ANT, "turn around", 2)
    late = proposed(brief(ANT, "turn around", *entries), slot(Verb.INIT, sample=1))
    scored = [e._replace(trials=(trial(e.candidate.id, n),)) for n, e in enumerate(entries)]
    assert design_of(brief(ANT, "turn around", *scored, late), late)


@pytest.mark.parametrize(
    ("verb", "parents", "message"),
    [
        (Verb.MUTATE, ("g01c09",), r"parent 'g01c09' is not in the brief\. Did you mean g01c00\?"),
        (Verb.CROSSOVER, ("g01c00",), "crossover needs 2 parents"),
        (Verb.TUNE, (), "tune needs 1 parents"),
        (Verb.REPAIR, ("g01c00",), "nothing to do for the verb 'repair'"),
    ],
)
def test_impossible_slots_are_refused(verb, parents, message):
    before = brief(HALF_CHEETAH, TEXT, *first_round(HALF_CHEETAH, TEXT, 1))
    with pytest.raises(ValueError, match=message):
        Composer().propose(before, slot(verb, *parents))


def test_it_repairs_nothing():
    before = brief(HALF_CHEETAH, TEXT)
    assert Composer().repair(before, slot(Verb.INIT), Draft(source=""), (), 1) is None
