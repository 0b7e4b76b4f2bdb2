"""A language model as the rater: probed, asked in both orders, told no score, and never paid twice for an answer."""

from __future__ import annotations

import json
import re

import pytest

from designer.call_forecast import count_calls
from designer.commands import require_model
from designer.errors import ConfigError, ImagesRefusedError
from designer.executors import JobResult
from designer.executors.fake import Fake
from designer.llm.scripted import Scripted
from designer.records import Status
from tests.designer.small_run import config, reply, small_run
from tests.designer.test_loop import attempt

MODEL = {"provider": "scripted", "script": "x"}


class Rater:
    """A proposer that also ranks: by how high the first quantity ends, or as it is told to for a role."""

    def __init__(self, **said):
        self.said = said

    def __call__(self, request):
        key = request.key
        if key.role in self.said:
            return self.said[key.role](request)
        if key.role in ("rater", "rater-probe"):
            return answered(better(request.messages[-1].content))
        return reply(key.round + key.sample / 10)


def answered(word):
    return f"```json\n{json.dumps({'better': word, 'why': 'the numbers'})}\n```"


def better(prompt):
    """Read the means of what moves, as a model would."""
    found = re.search(r"- torso_position\[x\]\n  - first: (.*)\n  - second: (.*)\n", prompt)
    if not found:
        return "unsure"
    first, second = (float(side.split(", ")[-1]) for side in found.groups())
    way = -1 if "fall" in prompt.split("World:")[0] else 1
    return "same" if first == second else "first" if way * (first - second) > 0 else "second"


def moving(job):
    """Make episodes in which the first quantity ends at what the policy is worth."""
    if job.verb != "analyse":
        return None
    ends = job.spec["fitness"][0]
    episode = {"fitness": 0.0, "steps": 100, "edges": [0, 50, 100], "stages": {"torso_position[x]": [0.0, ends]}, "events": []}
    return JobResult(Status.OK, "", {"policies": [{"worst": episode, "best": episode}], "pinned": [0.0]}, 1.0, 1.0, "")


def played(folder, said, executor=None, **changes):
    feedback = {"source": "ranking", "rater": "model", "answers": 4}
    run = small_run(folder, search={"rule": "icpl"}, feedback=feedback, **changes)
    llm = Scripted(said)
    return run, attempt(run, executor or Fake(moving), llm), llm


def test_a_model_steers_a_run_by_what_its_episodes_show(tmp_path):
    _, archive, llm = played(tmp_path, Rater())
    assert {opinion.by for opinion in archive.opinions} == {"model"}
    assert archive.finished.winner == max(archive.candidates, key=lambda name: archive.search_score(name) or 0.0)
    asked = [request for request in llm.requests if request.key.role == "rater"]
    assert len(asked) == 2 * len(archive.opinions) == 16
    assert not any(re.search(r"task score[^.\n]*\d|weight = ", request.messages[-1].content) for request in asked)


def test_an_answer_that_turns_with_the_order_is_none(tmp_path):
    _, archive, _ = played(tmp_path, Rater(rater=lambda request: answered("first")))
    assert archive.opinions
    assert all(opinion.ranking.places == () for opinion in archive.opinions)
    assert archive.finished.winner is None


@pytest.mark.parametrize(
    ("says", "probe"),
    [
        (lambda request: answered("first"), "a known answer"),
        (lambda request: answered("second"), "a known answer"),
        (lambda request: "the first one is nice", "a known answer"),
        (lambda request: answered(better(request.messages[-1].content.replace("fall", "rise"))), "the opposite aim"),
        (lambda request: answered("first" if request.key.attempt == 0 else "second"), "one episode twice"),
    ],
)
def test_a_rater_that_fails_a_probe_is_asked_nothing(tmp_path, says, probe):
    _, archive, llm = played(tmp_path, Rater(**{"rater-probe": says}))
    assert probe in archive.judges_off["rater"]
    assert archive.opinions == []
    assert not any(request.key.role == "rater" for request in llm.requests)


def test_a_run_that_dies_while_it_asks_buys_no_answer_twice_and_ends_alike(tmp_path):
    run, whole, _ = played(tmp_path / "whole", Rater())
    lines = run.journal.read_bytes().splitlines(keepends=True)
    at = next(k for k, line in enumerate(lines) if b'"by":"model"' in line) + 2
    run.journal.write_bytes(b"".join(lines[:at]))  # killed after two of four answers
    again = Scripted(Rater())
    resumed = attempt(run, Fake(moving), again)
    assert [o.ranking for o in resumed.opinions] == [o.ranking for o in whole.opinions]
    assert resumed.finished == whole.finished
    assert not [request for request in again.requests if request.key.role == "rater" and request.key.round == 2]


def test_frames_are_shown_where_the_model_sees_and_left_out_where_it_refuses(tmp_path):
    no_viewer = {"viewer-probe": lambda request: "no"}
    _, _, llm = played(tmp_path / "sees", Rater(**no_viewer), llm={"frames": 2})
    assert all(len(request.messages[-1].images) == 4 for request in llm.requests if request.key.role == "rater")

    def blind(request):
        if request.has_images:
            raise ImagesRefusedError("no pictures")
        return answered(better(request.messages[-1].content))

    _, archive, _ = played(tmp_path / "blind", Rater(rater=blind, **no_viewer), llm={"frames": 2})
    assert any(opinion.ranking.places for opinion in archive.opinions)


def test_its_calls_are_forecast(tmp_path):
    feedback = {"source": "ranking", "rater": "model", "answers": 4}
    _, _, llm = played(tmp_path, Rater())
    forecast = count_calls(config(search={"rule": "icpl"}, feedback=feedback, llm=MODEL), has_fitness=True)
    assert forecast.least <= llm.calls <= forecast.most


def test_a_model_that_ranks_has_to_be_there():
    with pytest.raises(ConfigError, match=r"--llm\.model"):
        require_model(config(feedback={"source": "ranking", "rater": "model"}))
