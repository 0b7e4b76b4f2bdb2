"""A box may send anything: a result that doesn't fit ends in one clean error or in the candidate's status, never in a score."""

from pathlib import Path
from typing import Any

import pytest

from designer.errors import SandboxError
from designer.executors import Job, JobResult
from designer.executors.fake import Fake
from designer.executors.results import read_played, read_scored, read_table
from designer.records import Status, Trial
from designer.search import Batch
from designer.trials import run_batch
from designer.workbench import Workbench
from tests.contract.test_job_schema import CONFIG, SOURCE, task
from tests.designer.cheetah_table import cheetah_table

BATCH = Batch("g01c00", "search", (1,))
GOOD_INDEX = [[0, 0, 1], [1, 0, 2]]
GOOD_SCORE = {"fitness": [1.0, 2.0, 4.0], "success": [True, False, True], "length": [10, 20, 1000]}


def judged(folder: Path, index: Any = GOOD_INDEX, score: Any = GOOD_SCORE) -> Trial:
    """Train and judge with boxes that send these."""
    sent = {"rollout": index if isinstance(index, dict) else {"index": index}, "score": score}

    def answer(job: Job) -> JobResult | None:
        if job.verb not in sent:
            return None
        (folder / "candidates/g01c00/search-s1/rollout/trajectories.safetensors").write_bytes(b"")
        return JobResult(Status.OK, "", {"status": "ok", "error": "", **sent[job.verb]}, 1.0, 1.0, "none")

    bench = Workbench(task(), cheetah_table(), CONFIG, Fake(answer), folder)
    (trial,) = run_batch(bench, BATCH, SOURCE, lambda _: None).trials
    return trial


def test_good_results_become_scores(tmp_path: Path) -> None:
    first, last = judged(tmp_path).scores
    assert (first.fraction, first.fitness, first.success, first.episodes) == (0.5, 1.0, 1.0, 1)
    assert (last.fraction, last.fitness, last.success, last.episodes) == (1.0, 3.0, 0.5, 2)
    assert last.episode_s == pytest.approx(510 * 0.05)


def test_order_of_the_index_does_not_matter(tmp_path: Path) -> None:
    first, last = judged(tmp_path, index=[[1, 0, 2], [0, 0, 1]]).scores
    assert (first.fitness, last.fitness) == (4.0, 1.5)


@pytest.mark.parametrize(
    "index",
    [
        {},
        None,
        3,
        "rollout",
        [],
        [[0, 0, 1]],
        [[0, 0, 1], [0, 0, 2]],
        [[0, 0, 1], [1, 0, 2], [1, 0, 2]],
        [[0, 0, 1], [1, 1, 2]],
        [[0, 0, 1], [7, 0, 2]],
        [[0, 0, 1], [-1, 0, 2]],
        [[0, 0, 1], [1, 0, 0]],
        [[0, 0, 3], [1, 0, -1]],
        [[0, 0, 1], [1, 0]],
        [[0, 0, 1], [1, 0, 2, 3]],
        [[0, 0, 1], [1, 0, 2.5]],
        [[0, 0, 1], [1, 0, "two"]],
        [[0, 0, 1], None],
        [[0, 0, 1], [1, 0, 3]],
    ],
    ids=str,
)
def test_index_that_does_not_fit_is_the_sandboxes_failure(tmp_path: Path, index: Any) -> None:
    with pytest.raises(SandboxError, match="box"):
        judged(tmp_path, index=index)


@pytest.mark.parametrize(
    "change",
    [
        {"fitness": None},
        {"fitness": [1.0, 2.0]},
        {"fitness": [1.0, 2.0, 4.0, 5.0]},
        {"fitness": [1.0, 2.0, None]},
        {"fitness": [1.0, 2.0, float("nan")]},
        {"fitness": [1.0, 2.0, float("inf")]},
        {"fitness": [1.0, 2.0, "much"]},
        {"fitness": {"0": 1.0}},
        {"success": [True]},
        {"success": [0.5, 0.5, 0.5]},
        {"success": "yes"},
        {"length": [10, 20]},
        {"length": [10, 20, 0]},
        {"length": [10, 20, 1001]},
        {"length": None},
    ],
    ids=str,
)
def test_scores_that_do_not_fit_are_the_sandboxes_failure(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="score box"):
        judged(tmp_path, score={**GOOD_SCORE, **change})


@pytest.mark.parametrize("key", sorted(GOOD_SCORE))
def test_score_without_a_part_is_the_sandboxes_failure(tmp_path: Path, key: str) -> None:
    with pytest.raises(SandboxError, match=f"the score box sent a result whose {key} can't be used: Field required"):
        judged(tmp_path, score={name: part for name, part in GOOD_SCORE.items() if name != key})


def test_training_that_sends_no_policy_is_the_candidates_crash(tmp_path: Path) -> None:
    def answer(job: Job) -> JobResult | None:
        assert job.verb == "train", "nothing is played"
        return JobResult(Status.OK, "", {"status": "ok", "error": ""}, 1.0, 1.0, "none")

    bench = Workbench(task(), cheetah_table(), CONFIG, Fake(answer), tmp_path)
    (trial,) = run_batch(bench, BATCH, SOURCE, lambda _: None).trials
    assert (trial.status, trial.scores) == (Status.CRASHED, ())
    assert trial.error == "the training box sent no policy"


def test_refused_policy_is_the_candidates_crash(tmp_path: Path) -> None:
    def answer(job: Job) -> JobResult | None:
        refused = JobResult(Status.REJECTED, "the policy file was refused: it is empty", {}, 1.0, 1.0, "none")
        return refused if job.verb == "rollout" else None

    bench = Workbench(task(), cheetah_table(), CONFIG, Fake(answer), tmp_path)
    (trial,) = run_batch(bench, BATCH, SOURCE, lambda _: None).trials
    assert (trial.status, trial.scores) == (Status.CRASHED, ())
    assert trial.error == "the policy file was refused: it is empty"


def described(**changes: Any) -> dict[str, Any]:
    return {"table": {**cheetah_table().model_dump(mode="json"), **changes}}


def test_good_table_is_read() -> None:
    assert read_table(described()) == cheetah_table()


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"table": None},
        {"table": {"world": "x"}},
        described(fields=[]),
        described(fields=None),
        described(dt_s=0),
        described(dt_s=float("nan")),
        described(episode_steps=0),
        described(surprise=1),
        described(fields=[{**cheetah_table().fields[0].model_dump(mode="json"), "low": [0.0]}]),
    ],
)
def test_table_that_does_not_fit_is_the_sandboxes_failure(content: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="the describe box sent"):
        read_table(content)


def test_what_came_is_told() -> None:
    with pytest.raises(SandboxError, match=r"played 1 policies, \[\(0, 0\)\], where 2 checkpoints of 1 policies were asked"):
        read_played({"index": [[0, 0, 1]]}, checkpoints=2, policies=1)
    with pytest.raises(SandboxError, match=r"sent \[1, 2\] numbers for 2 episodes"):
        read_scored({"fitness": [1.0, 2.0], "success": None, "length": [3]}, episodes=2, step_limit=9)
