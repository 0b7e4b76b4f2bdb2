"""A drafted fitness: read as code, tried on scripted episodes, approved or stamped, and bought once."""

from __future__ import annotations

import json

import pytest

from designer.assemble import make_loop
from designer.deriving import ATTEMPTS, Derived, Refused, decided, read_draft, scripted, settled
from designer.display import Silent
from designer.errors import TaskError
from designer.executors import Job, JobResult
from designer.executors.fake import Fake
from designer.executors.resumable import Resumable
from designer.records import Status
from designer.review.verdict import sentences, verdict_of
from designer.runs import create, open_run
from tests.designer.cheetah_table import cheetah_table
from tests.designer.small_run import NOW, config, task
from tests.designer.test_loop import STARTED

CODE = "import numpy as np\n\n\ndef fitness(t):\n    return t.mean(-t.torso_velocity[..., 0])\n"
SUCCESS = "\n\ndef success(t):\n    return fitness(t) > 1.0\n"
CHECKS = {
    "unit": "m/s",
    "checks": [
        {"name": "backward beats standing", "better": {"torso_velocity[x]": -2.0}, "worse": {"torso_velocity[x]": 0.0}},
        {"name": "standing beats forward", "better": {"torso_velocity[x]": 0.0}, "worse": {"torso_velocity[x]": 2.0}},
    ],
}


def said(code=CODE + SUCCESS, checks=CHECKS) -> str:
    return f"Here.\n```python\n{code}```\n```json\n{json.dumps(checks)}\n```\n"


def without_fitness(folder, replies):
    script = folder / "replies"
    script.mkdir()
    for attempt, text in enumerate(replies):
        (script / f"r00-fitness-s00-a{attempt}.reply.md").write_text(text)
    bare = task(fitness=None, fitness_origin="none", human=None, fitness_unit="")
    return create(folder / "runs", bare, cheetah_table(), config(llm={"provider": "scripted", "script": script}), NOW)


class Judge(Fake):
    """Scores scripted episodes by their backward speed, or by nothing."""

    def __init__(self, blind: int = 0) -> None:
        super().__init__(self.judge)
        self.blind = blind

    def judge(self, job: Job) -> JobResult | None:
        if job.verb != "score" or "scripted" not in job.spec:
            return None
        self.blind -= 1
        fitness = [0.0 if self.blind >= 0 else -e["fields"]["torso_velocity"][0] for e in job.spec["scripted"]]
        return JobResult(Status.OK, "", {"fitness": fitness, "success": None, "length": [1] * len(fitness)}, 0.0, 0.0, "")


def test_unattended_draft_is_used_and_stamped_everywhere(tmp_path):
    run, told = without_fitness(tmp_path, [said()]), []
    run = settled(run, Judge(), told.append, ask=None)
    assert open_run(run.folder).task == run.task
    assert run.task.fitness_origin == "derived, unverified"
    assert (run.task.fitness.name, run.task.success.name, run.task.fitness_unit) == ("fitness", "success", "m/s")
    assert any("derived, unverified" in line for line in told)
    loop = make_loop(run, Resumable(Fake()), Silent(), lambda line: None)
    loop.record(STARTED)
    assert "Derived, unverified" in sentences(verdict_of(run, loop.archive))[0]


def test_draft_is_bought_once_and_no_fitness_that_is_there_is_replaced(tmp_path):
    run = settled(without_fitness(tmp_path, [said()]), Judge(), lambda line: None, None)
    assert settled(run, Judge(), lambda line: None, None) is run
    assert len(run.archive().calls) == 1


def test_draft_that_fails_its_own_checks_is_sent_back(tmp_path):
    run = settled(without_fitness(tmp_path, [said(), said()]), Judge(blind=1), lambda line: None, None)
    assert [call.key for call in run.archive().calls] == ["r00-fitness-s00-a0", "r00-fitness-s00-a1"]
    asked = json.loads((run.folder / "llm" / "r00-fitness-s00-a1.json").read_text())["request"]["messages"][-1]["content"]
    assert "backward beats standing" in asked
    assert "scores 0" in asked


def test_model_that_never_drafts_a_usable_one_stops_with_what_to_do(tmp_path):
    with pytest.raises(TaskError, match="Give --fitness"):
        settled(without_fitness(tmp_path, ["no"] * ATTEMPTS), Judge(), lambda line: None, None)


@pytest.mark.parametrize("answer", [True, False])
def test_person_at_the_terminal_decides(answer):
    shown = []
    draft = read_draft(said(), cheetah_table())

    def ask(text: str) -> bool:
        shown.append(text)
        return answer

    if answer:
        assert decided(task(fitness=None), draft, ask).fitness_origin == "derived, approved"
    else:
        with pytest.raises(TaskError, match="not approved"):
            decided(task(fitness=None), draft, ask)
    assert CODE.strip() in shown[0]
    assert "standing beats forward" in shown[0]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I can't.", "no block"),
        (said(code="def fitness(t):\n  return (\n"), "never closed"),
        (said(code="import os\ndef fitness(t):\n    return t.length\n"), "only numpy and math"),
        (said(code="class A:\n    def fitness(t):\n        return 1\n"), "top level"),
        (said(checks={"checks": CHECKS["checks"][:1]}), "at least 2"),
        (said(checks={"checks": [{"better": {"torso_speed": 1.0}, "worse": {}}] * 2}), "torso_speed"),
    ],
)
def test_reply_without_a_usable_draft_says_why(reply, reason):
    draft = read_draft(reply, cheetah_table())
    assert isinstance(draft, Refused)
    assert reason in draft.reason


def test_draft_without_success_is_fine():
    draft = read_draft(said(code=CODE), cheetah_table())
    assert isinstance(draft, Derived)
    assert not draft.has_success


def test_scripted_episode_holds_given_values_and_the_middle_of_the_others():
    episode = scripted({"torso_velocity[x]": -2.0}, cheetah_table())
    field = cheetah_table().by_name["torso_velocity"]
    assert episode["fields"]["torso_velocity"] == [-2.0, (field.low[1] + field.high[1]) / 2]
    assert episode["shapes"]["torso_velocity"] == [2]
