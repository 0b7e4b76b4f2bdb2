"""Curricula on the host: the form is told and checked, the composer writes stages, a box is read with care."""

import re

import pytest

from designer.check import check
from designer.config import Config
from designer.executors import JobResult
from designer.proposers import Brief, Entry, Slot, form_asked
from designer.proposers.composer import Composer, design_of
from designer.proposers.composer.stages import split
from designer.records import Candidate, Status, Task, Verb, Verdict
from designer.stages import form_of, stage_names
from designer.trials import MAX_COURSE_POINTS, _course
from tests.designer.composer_tables import HOPPER, field, table

GRID = table(
    "grid",
    "An agent in a grid of rooms.",
    (
        field("agent_position", "position", "cells", "", ("x", "y"), (1.0, 1.0), (6.0, 6.0)),
        field("carrying", "flag", "1", "1 where the agent carries something.", (), (0.0,), (1.0,)),
        field("open_doors", "other", "doors", "How many doors are open.", (), (0.0,), (1.0,)),
        field("goal_distance", "distance", "cells", "Steps to the goal.", (), (1.0,), (10.0,)),
        field("key_distance", "distance", "cells", "Steps to the key.", (), (-1.0,), (8.0,)),
    ),
)
ERRAND = "Take the key, open the door and go to the goal."
REWARD = "def reward(s, a):\n    return {'goal': -s.goal_distance}\n"
HELD = "def held(s):\n    return s.carrying > 0\n"


def brief(text: str = ERRAND, world=GRID, entries: tuple[Entry, ...] = ()) -> Brief:
    task = Task(name="t", text=text, world=world.world, fitness=None, fitness_origin="none", steps=1000)
    return Brief(task, world, entries, 0)


def fresh(sample: int, world=GRID, text: str = ERRAND):
    slot = Slot(round=1, sample=sample, verb=Verb.INIT)
    return Composer("stages").propose(brief(text, world), slot)


# The form -------------------------------------------------------------------------------------------------------------


def test_form_and_names_are_read_from_the_source():
    source = f"{REWARD}{HELD}STAGES = [Stage('hold_key', held)]\n"
    assert (form_of(source), stage_names(source)) == ("stages", ("hold_key",))
    assert (form_of(REWARD), stage_names(REWARD)) == ("step", ())
    assert form_of("def (") == "step"


@pytest.mark.parametrize(
    "stages",
    [
        "STAGES = [Stage('hold_key', held)]",
        "STAGES = (Stage(name='hold_key', done=held, reward=None, share=0.3),)",
        "STAGES = [Stage('hold_key', held, toward, 0.3)]",
        "STAGES = [Stage('hold_key', held, share=0.8)]",
    ],
)
def test_good_stages_pass_the_check(stages):
    toward = "def toward(s, a):\n    return {'near': -s.key_distance}\n"
    assert check(f"{REWARD}{HELD}{toward}{stages}\n", GRID) == ()


BAD = {
    "STAGES = Stage('hold_key', held)": "not a list written out",
    "STAGES = [Stage('k%d' % k, held) for k in range(3)]": "not a list written out",
    "STAGES = []": "holds 0 stages",
    "STAGES = [Stage('a', held), Stage('b', held), Stage('c', held), Stage('d', held), Stage('e', held)]": "holds 5 stages",
    "STAGES = [('hold_key', held)]": "not a Stage",
    "STAGES = [Stage('hold_key')]": "is not Stage(name, done, reward, share)",
    "STAGES = [Stage('hold_key', held, held, 0.3, 4)]": "is not Stage(name, done, reward, share)",
    "STAGES = [Stage('hold the key', held)]": "not a stage's name",
    "STAGES = [Stage('hold_key', hold)]": "no function is called hold",
    "STAGES = [Stage('hold_key', reward)]": "takes s, a",
    "STAGES = [Stage('hold_key', held, held)]": "takes s",
    "STAGES = [Stage('hold_key', held, None, 0.9)]": "not a stage's share",
    "STAGES = [Stage('a', held), Stage('a', held)]": "called 'a'",
    "def never(s):\n    return False\nSTAGES = [Stage('a', never)]": "returns no condition",
    "LATER = Stage('a', held)": "outside STAGES",
    "def far(s):\n    return s.gaol_distance > 0\nSTAGES = [Stage('a', far)]": "no field 'gaol_distance'",
}


@pytest.mark.parametrize("stages", BAD)
def test_check_says_what_is_wrong_with_stages(stages):
    faults = check(f"{REWARD}{HELD}{stages}\n", GRID)
    assert any(BAD[stages] in str(fault) for fault in faults), [str(fault) for fault in faults]


def test_closest_function_is_named():
    faults = check(f"{REWARD}{HELD}STAGES = [Stage('hold_key', hold)]\n", GRID)
    assert any("held" in fault.hint for fault in faults)


@pytest.mark.parametrize(
    ("asked", "forms"), [("step", ["step"] * 4), ("stages", ["stages"] * 4), ("both", ["step", "stages"] * 2)]
)
def test_both_asks_for_curricula_in_every_second_slot(asked, forms):
    assert [form_asked(asked, Slot(round=1, sample=k, verb=Verb.INIT)) for k in range(4)] == forms


# The composer ---------------------------------------------------------------------------------------------------------


def test_composer_cuts_an_errand_into_stages_and_leaves_its_end_to_the_reward():
    draft = fresh(0)
    assert stage_names(draft.source) == ("carrying", "open_doors")
    assert check(draft.source, GRID) == ()
    assert "s.goal_distance" in split(draft.source)[0]
    assert "Stages before it: carrying, open_doors." in draft.why


def test_composer_may_put_the_way_to_a_thing_before_it():
    assert stage_names(fresh(2).source) == ("near_key_distance", "carrying", "open_doors")


def test_composer_sets_marks_on_one_wish():
    draft = fresh(0, HOPPER, "Hop forward.")
    assert stage_names(draft.source) == ("mark_1", "mark_2")
    assert check(draft.source, HOPPER) == ()


def test_composers_marks_on_a_cosine_can_be_reached():
    upright = field("rod_upright", "orientation", "1", "Cosine of the rod's angle.", (), (-0.99,), (0.998,))
    draft = fresh(0, table("rod", "A rod on a hinge.", (upright,)), "Swing the rod upright.")
    marks = [float(number) for number in re.findall(r"mark_\d_threshold = ([\d.]+)", draft.source)]
    assert marks == [0.5, 0.9]


def test_composer_without_curricula_writes_what_it_always_wrote():
    slot = Slot(round=1, sample=1, verb=Verb.INIT)
    assert Composer().propose(brief(), slot) == Composer("step").propose(brief(), slot)
    assert form_of(Composer().propose(brief(), slot).source) == "step"


def test_stages_survive_a_mutation_of_the_reward_before_them():
    draft = fresh(0)
    candidate = Candidate(
        id="g01c00", round=1, sample=0, verb=Verb.INIT, proposer="composer", form="stages", source=draft.source
    )
    entry = Entry(candidate, Verdict(status=Status.OK), (), ())
    known = brief(entries=(entry,))
    assert design_of(known, entry) is not None
    changed = Composer("stages").propose(known, Slot(round=2, sample=0, verb=Verb.MUTATE, parents=("g01c00",)))
    assert stage_names(changed.source) == stage_names(draft.source)
    assert split(changed.source)[0] != split(draft.source)[0]
    assert check(changed.source, GRID) == ()


# What a box says ------------------------------------------------------------------------------------------------------

STAGE = {"name": "hold\nkey", "share": 0.4, "spent": 0.1, "status": "passed", "retained": 0.9}
EVENT = {"at": 0.1, "what": "passed", "stage": 0, "reached": 45, "of": 50}
POINT = {"at": 0.1, "level": 0, "reached": [0.5]}


def told(**changes):
    own = {"stages": [STAGE], "events": [EVENT], "points": [POINT], **changes}
    return _course(JobResult(Status.OK, "", {"stages": [own]}, 0.0, 0.0, ""), 0)


def test_course_is_read_on_one_line_and_capped():
    found = told(points=[POINT] * 500, events=[EVENT] * 500)
    assert found.stages[0].name == "hold key"
    assert len(found.points) == MAX_COURSE_POINTS
    assert len(found.events) < 500


@pytest.mark.parametrize(
    "changes",
    [
        {"stages": []},
        {"stages": [{**STAGE, "status": "solved"}]},
        {"events": [{**EVENT, "stage": 7}]},
        {"points": [{**POINT, "reached": [0.5, 0.5]}]},
        {"points": 3},
        {"extra": 1},
    ],
)
def test_nonsense_about_a_course_is_dropped(changes):
    assert told(**changes) is None


def test_nothing_is_asked_of_a_curriculum_by_default():
    assert Config().curriculum.form == "step"
