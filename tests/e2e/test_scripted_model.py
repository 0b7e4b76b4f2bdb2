"""The whole command with a language model: a scripted endpoint on loopback, spoken to by the real client over TCP."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from designer.archive import Archive
from designer.journal import read
from designer.records import Status
from tests.designer.loopback import Asked, error, reply, scripted_server
from tests.e2e.command import SECRET, TINY, designer, only_run, stand_in, started

TASK = "half_cheetah_backward"
SEARCH = (*TINY, "--search.population", "5")
REWARD = """import torch
from torch import Tensor


def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    weight = {weight}
    return {{"run": -weight * s.torso_velocity[:, 0], "effort": -0.1 * a.square().sum(-1)}}
"""
FENCED = "Here it is.\n```python\n{code}```\nWhy: speed pays.\nExpects: it runs backward.\n"
TYPO = "torso_velocty"


def fenced(weight: float) -> str:
    return FENCED.format(code=REWARD.format(weight=weight))


# What the first five calls get, whichever slot asks first; the weight tells them apart.
FIRST = (
    fenced(2.0),
    REWARD.format(weight=3.0),
    fenced(4.0).replace("torso_velocity", TYPO),
    fenced(5.0).replace("torso_velocity", TYPO),
    "I'm afraid I can't do that.",
)


class Model:
    """Answers by what it is asked: a repair of weight 4 succeeds, one of weight 5 and one of nothing never do."""

    def __init__(self) -> None:
        self._turn = 0

    def __call__(self, asked: Asked) -> object:
        if TYPO in asked.prompt:
            last = asked.body["messages"][-1]["content"]
            return reply(fenced(4.0) if "weight = 4.0" in last else fenced(5.0).replace("torso_velocity", TYPO))
        if "the reply holds no code block" in asked.prompt:
            return reply("Still no.")
        self._turn += 1
        return reply(FIRST[self._turn - 1], usage={"prompt_tokens": 100, "completion_tokens": 10})


class Designed(NamedTuple):
    """A finished run, what was printed, and what the endpoint was asked."""

    folder: Path
    out: str
    requests: list[Asked]

    @property
    def archive(self) -> Archive:
        return Archive.of(stamped.event for stamped in read(self.folder / "journal.jsonl"))

    def by_weight(self, weight: float) -> str:
        (found,) = [c.id for c in self.archive.in_round(1) if f"weight = {weight}" in c.source]
        return found


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> tuple[str, str]:
    return stand_in(tmp_path_factory.mktemp("worker"))


@pytest.fixture(scope="module")
def designed(worker, tmp_path_factory) -> Designed:
    folder = tmp_path_factory.mktemp("designed")
    with scripted_server(Model()) as server:
        model = ("--llm.model", "scripted-1", "--llm.base-url", server.base_url)
        ended = designer("run", TASK, *SEARCH, *worker, *model, cwd=folder, variables={"OPENAI_API_KEY": SECRET})
    assert ended.code == 0, ended.err + ended.out
    return Designed(only_run(folder / "runs"), ended.out + ended.err, server.requests)


def test_every_way_to_answer_becomes_a_candidate(designed):
    archive = designed.archive
    assert len(archive.candidates) == 5
    statuses = {weight: archive.verdicts[designed.by_weight(weight)].status for weight in (2.0, 3.0, 4.0, 5.0)}
    assert statuses == {2.0: Status.OK, 3.0: Status.OK, 4.0: Status.OK, 5.0: Status.REJECTED}


def test_reply_without_a_fence_is_read(designed):
    assert designed.archive.trials_of(designed.by_weight(3.0), "search")[0].status is Status.OK


def test_broken_reply_is_sent_back_once_with_its_fault_and_mended(designed):
    verdict = designed.archive.verdicts[designed.by_weight(4.0)]
    assert (verdict.status, verdict.repairs, verdict.faults) == (Status.OK, 1, ())
    repairs = [asked.prompt for asked in designed.requests if "weight = 4.0" in asked.prompt and TYPO in asked.prompt]
    assert "Did you mean torso_velocity?" in repairs[0]


def test_reply_that_never_becomes_valid_is_recorded_with_its_faults_and_not_trained(designed):
    archive = designed.archive
    refused = designed.by_weight(5.0)
    verdict = archive.verdicts[refused]
    assert verdict.repairs == 1
    assert any(TYPO in str(fault) for fault in verdict.faults)
    assert archive.trials_of(refused, "search") == []
    assert TYPO in (designed.folder / "candidates" / refused / "reward.py").read_text()
    assert refused not in {batch.name for batch in (designed.folder / "candidates").glob("*/search-*")}
    assert f"{refused} init: rejected: line 7" in designed.out


def test_header_names_the_walls_that_stood_around_every_box(designed):
    (header,) = [line for line in designed.out.splitlines() if line.startswith("sandbox:")]
    assert "seccomp" in header
    assert designed.archive.walls == {header.removeprefix("sandbox:  ")}


def test_winner_is_the_best_that_could_be_trained(designed):
    assert "weight = 4.0" in designed.archive.candidates[designed.archive.finished.winner].source


def test_every_exchange_is_stored_and_counted(designed):
    stored = sorted(path.stem for path in (designed.folder / "llm").glob("*.json"))
    archive = designed.archive
    assert len(stored) == len(designed.requests) == archive.calls_started == len(archive.calls) == 5 + 3
    assert {call.key for call in archive.calls} == set(stored)
    assert {call.prompt_tokens for call in archive.calls} == {100, None}
    exchange = json.loads((designed.folder / "llm" / f"{stored[0]}.json").read_bytes())
    assert exchange["reply"]["model"] == "served-model"
    assert "torso_velocity" in exchange["request"]["messages"][-1]["content"]


def test_key_is_sent_and_written_nowhere(designed):
    assert {asked.headers["authorization"] for asked in designed.requests} == {f"Bearer {SECRET}"}
    files = [path for path in designed.folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in designed.out


def test_prompts_never_hold_the_fitness_or_the_human_reward(designed):
    task = json.loads((designed.folder / "task" / "task.json").read_bytes())
    for asked in designed.requests:
        assert task["human"]["source"] not in asked.prompt
        assert task["fitness"].get("text", "no text") not in asked.prompt


def test_candidate_is_shown_with_its_prompt(designed, tmp_path):
    shown = designer("show", designed.folder, designed.by_weight(4.0), "--prompt", cwd=tmp_path)
    assert shown.code == 0, shown.err
    assert "[reply of served-model]" in shown.out
    assert TYPO in shown.out


def test_replay_comes_to_the_same_end_without_any_server(designed, tmp_path):
    replayed = designer("replay", designed.folder, cwd=tmp_path)
    assert replayed.code == 0, replayed.err
    assert f"came to the same end: {designed.archive.finished.winner} then" in replayed.out
    again = Designed(only_run(tmp_path / "runs"), replayed.out, [])
    assert again.archive.candidates.keys() == designed.archive.candidates.keys()
    assert {c.id: c.source for c in again.archive.candidates.values()} == {
        c.id: c.source for c in designed.archive.candidates.values()
    }
    assert "answers another prompt" not in replayed.out + replayed.err


def test_endpoint_that_refuses_the_key_stops_the_run_and_it_goes_on_with_a_good_one(worker, tmp_path):
    answers = Model()
    good = f"Bearer {SECRET}"

    def guarded(asked: Asked) -> object:
        return answers(asked) if asked.headers["authorization"] == good else error(401, f"bad key {SECRET}x")

    with scripted_server(guarded) as server:
        model = ("--llm.model", "scripted-1", "--llm.base-url", server.base_url)
        typed = ("run", TASK, *SEARCH, *worker, *model)
        refused = designer(*typed, cwd=tmp_path, variables={"OPENAI_API_KEY": "sk-wrong-one"})
        assert refused.code == 2
        folder = only_run(tmp_path / "runs")
        assert "refused the key" in refused.err
        assert f"Go on with: designer run runs/{folder.name}" in refused.err
        assert "sk-wrong-one" not in refused.err + refused.out
        ended = designer("run", f"runs/{folder.name}", cwd=tmp_path, variables={"OPENAI_API_KEY": SECRET})
    assert ended.code == 0, ended.err
    assert Designed(folder, "", []).archive.finished.winner is not None


def test_person_who_writes_reply_files_is_a_model_too(worker, tmp_path):
    search = (*TINY, "--executor.slots", "2")
    process = started("run", TASK, *search, *worker, "--llm.provider", "manual", cwd=tmp_path)
    answered = []

    def answer() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Waiting for the reply in "):
                path = tmp_path / line.removeprefix("Waiting for the reply in ").strip()
                answered.append(path.name)
                path.write_text(fenced(1.0 + len(answered)))

    person = threading.Thread(target=answer)
    patience = threading.Timer(60, process.kill)
    with process:
        person.start()
        patience.start()
        person.join()
        patience.cancel()
        assert process.wait() == 0, process.stderr.read()
    assert sorted(answered) == ["r01-init-s00-a0.reply.md", "r01-init-s01-a0.reply.md"]
    run = Designed(only_run(tmp_path / "runs"), "", [])
    assert "weight = 3.0" in run.archive.candidates[run.archive.finished.winner].source
    assert "Make the half-cheetah run backward" in (run.folder / "llm" / "r01-init-s00-a0.prompt.md").read_text()
