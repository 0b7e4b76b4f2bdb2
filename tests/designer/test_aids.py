"""Aids on the host: settings that are off by default, jobs that name what is on, files that say where a task is solved."""

import json

import pytest

from designer.aids import AidLog, sentences
from designer.check import check
from designer.config import Config
from designer.errors import ConfigError
from designer.executors import JobResult
from designer.executors.fake import Fake
from designer.proposers import Entry, Slot
from designer.proposers.composer import Composer, design_of
from designer.proposers.composer.stages import split
from designer.proposers.llm import LanguageModel
from designer.records import Candidate, Status, Verb, Verdict
from designer.search import Batch
from designer.trainers import require_trainer
from designer.trials import _aids, run_batch
from designer.workbench import Workbench
from tests.designer.cheetah_table import cheetah_table
from tests.designer.prompt_material import FOLDER
from tests.designer.small_run import GOOD, task
from tests.designer.test_stages import GRID, REWARD, brief


def config(**fading) -> Config:
    return Config.model_validate({"fading": fading})


def test_nothing_is_on_by_default_and_each_aid_is_named_where_it_is():
    assert (Config().aids, Config().aids_told, Config().asks_solved) == ({}, [], "")
    on = config(reward=0.7, goal=2.0, clock=False, discount="rising")
    assert on.aids == {
        "anneal": {"share": 0.7, "goal": 2.0},
        "discount": {"kind": "rising", "first": 0.9, "share": 0.5},
        "timeless": True,
    }
    assert on.aids_told == [
        "rewards fade over 70% of the training",
        "rewards see no clock",
        "the discount grows from 0.9 by 50% of the training",
    ]
    assert on.asks_solved == "strict"
    assert not config(discount="ads").asks_solved
    tolerant = Config.model_validate({"fading": {"reward": 0.5}, "help": {"tolerance": 0.5}})
    assert tolerant.asks_solved == "slack"
    assert tolerant.aids["help"] == {"carry": 0, "grace": 0, "starts": 0, "tolerance": 0.5}
    assert "what counts as solved has a slack of 0.5 at first" in tolerant.aids_told


AIDS = {
    "fading": {"fading": {"reward": 0.7, "clock": False, "discount": "ads"}},
    "help": {"help": {"carry": 0.8, "grace": 3, "starts": 0.5, "tolerance": 1.0}},
    "variants": {"variants": {"rule": "window"}},
}
SIZES = ("half_cheetah", "short", "long")


def jobs_of(folder, **settings) -> dict[str, dict]:
    """What each box of a candidate's batch is told, by verb."""
    config = Config.model_validate({"evaluation": {"checkpoints": 2, "episodes": 2}, **settings})
    table = cheetah_table().model_copy(update={"variants": SIZES})
    bench = Workbench(task(), table, config, Fake(), folder)
    run_batch(bench, Batch("g01c00", "search", (1, 2)), GOOD.format(weight=1.0), lambda _: None)
    return {job["verb"]: job for job in (json.loads(path.read_text()) for path in folder.rglob("job.json"))}


@pytest.mark.parametrize("aid", AIDS)
def test_the_judges_world_is_as_it_always_is(tmp_path, aid):
    """An aid is named in the training's job and nowhere else: who plays and scores is told the same with it and without."""
    without, with_it = jobs_of(tmp_path / "without"), jobs_of(tmp_path / "with", **AIDS[aid])
    assert set(without) == {"train", "rollout", "score"}
    assert with_it["rollout"] == without["rollout"]
    assert with_it["score"] == without["score"]
    assert with_it["rollout"]["world"] == "half_cheetah"
    assert with_it["train"].pop("aids")
    assert with_it["train"] == without["train"]


def test_trainer_without_aids_is_refused():
    asked = Config.model_validate({"fading": {"discount": "rising"}, "training": {"trainer": "sb3"}})
    with pytest.raises(ConfigError, match="discount grows"):
        require_trainer(asked, GRID)


def test_tolerance_that_nothing_goes_by_is_refused():
    alone = Config.model_validate({"help": {"tolerance": 0.5}})
    with pytest.raises(ConfigError, match="nothing that is trained goes by it"):
        require_trainer(alone, GRID)
    for other in ({"fading": {"reward": 0.5}, "help": {"tolerance": 0.5}}, {"help": {"tolerance": 0.5, "starts": 0.2}}):
        require_trainer(Config.model_validate(other), GRID)


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("def solved(s):\n    return s.goal_distance == 0\n", ""),
        ("def solved(s, slack):\n    return s.goal_distance < 1 + slack\n", ""),
        ("def solved(s, a):\n    return s.goal_distance == 0\n", "solved takes s, a"),
        ("def solved(s):\n    return {'x': s.goal_distance}\n", "says when the task is solved and returns no condition"),
        ("def solved(s):\n    return s.goal == 0\n", "goal"),
    ],
)
def test_solved_is_checked(code, complaint):
    faults = check(REWARD + code, GRID)
    assert bool(faults) == bool(complaint)
    assert complaint in str(faults)


def test_composer_says_where_the_task_is_solved_where_that_is_asked():
    slot = Slot(round=1, sample=0, verb=Verb.INIT)
    plain, asked, wide = (Composer("stages", asks_solved=asks).propose(brief(), slot) for asks in ("", "strict", "slack"))
    assert "def solved" not in plain.source
    assert "def solved(s: State)" in asked.source
    assert "def solved(s: State, slack: Tensor)" in wide.source
    assert "+ widened_by * slack" in wide.source
    assert check(wide.source, GRID) == ()
    assert "STAGES" in asked.source
    assert check(asked.source, GRID) == ()
    candidate = Candidate(
        id="g01c00", round=1, sample=0, verb=Verb.INIT, source=asked.source, proposer="composer", form="stages", why=""
    )
    entry = Entry(candidate, Verdict(status=Status.OK), (), ())
    assert design_of(brief(entries=(entry,)), entry) is not None
    assert split(asked.source)[1].count("def solved") == 1


def test_prompt_asks_for_solved_only_where_an_aid_needs_it():
    slot = Slot(round=1, sample=0, verb=Verb.INIT)
    for form in ("step", "stages"):
        without, with_it, wide = (
            LanguageModel(Named(), FOLDER, form=form, asks_solved=asks).prompt(brief(), slot)
            for asks in ("", "strict", "slack")
        )
        assert "solved(s)" not in without
        assert "solved(s)" in with_it
        assert "slack" not in with_it
        assert "solved(s, slack)" in wide


class Named:
    name = "a model"


def test_box_is_read_with_care():
    log = {"name": "help\x1b[0m", "at": [0.0, 0.5], "value": [1.0, 0.0]}
    good = JobResult(Status.OK, "", {"aids": [[log]]}, 0, 0, "")
    assert [aid.value for aid in _aids(good, 0)] == [(1.0, 0.0)]
    assert "\x1b" not in _aids(good, 0)[0].name
    for bad in ({"aids": 3}, {"aids": [[{**log, "value": ["x"]}]]}, {"aids": [[{**log, "at": [0.0]}]]}, {}):
        assert _aids(JobResult(Status.OK, "", bad, 0, 0, ""), 0) == ()


def test_report_says_what_an_aid_did():
    assert sentences([AidLog(name="discount", at=(0, 0.25, 0.5), value=(0.9, 0.99, 0.99))]) == [
        "The discount went from 0.9 to 0.99, where it was from 25% of the training on."
    ]
    assert sentences([AidLog(name="help", at=(0, 0.5), value=(1, 1))]) == ["The help was 1 all along."]
