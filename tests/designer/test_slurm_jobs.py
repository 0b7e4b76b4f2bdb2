"""Slurm's executor without Slurm and without submitit: posts, tickets and answers, by a queue that the test plays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from designer.config import Config
from designer.errors import ConfigError, InterruptedRunError, SandboxError
from designer.executors import Job, Limits
from designer.executors.parcel import END, End, framed, message, unpack
from designer.executors.slurm_jobs import TICKET, SlurmJobs, posts_root
from designer.executors.slurm_node import ANSWER, ORDER
from designer.executors.slurm_queue import LOGS, SlurmQueue, wanted_of
from designer.records import Status
from tests.designer.boxes import worker_code

LIMITS = Limits(cpu_s=600, wall_s=2400, memory_bytes=6 * 1024**3)
JOB = Job("train", {"n": 1}, {"reward.py": b"# one\n"}, LIMITS)


class Played:
    """A queue whose jobs do what the test says, at once. `how`: how each of them is said to have ended."""

    def __init__(self, do: Callable[[Path], None], how: str = "") -> None:
        self.do, self.how = do, how
        self.handed_in: list[Path] = []
        self.cancelled: list[str] = []

    def submit(self, post: Path, wanted: object) -> str:
        self.handed_in.append(post)
        self.do(post)
        return str(len(self.handed_in))

    def ended(self, number: str) -> str:
        return self.how

    def cancel(self, number: str) -> None:
        self.cancelled.append(number)


def good(post: Path) -> None:
    """Do the job as a node would: read the order, write an answer, leave submitit's last file."""
    order = unpack((post / ORDER).read_bytes())
    assert order.job.files == {"reward.py": b"# one\n"}
    result = framed("result.json", b'{"status": "ok", "n": 1}')
    (post / ANSWER).write_bytes(result + message(END, End(node="n1", cpu_s=2.0).model_dump_json().encode()))
    (post / LOGS).mkdir()
    (post / LOGS / "1_0_result.pkl").write_bytes(b"")


def nothing(post: Path) -> None:
    """Be lost, or wait in the queue."""


def config(tmp_path: Path, **executor: object) -> Config:
    named = {"backend": "slurm", "posts": tmp_path / "posts", "restarts": 1, **executor}
    return Config.model_validate({"executor": named, "sandbox": {"provider": "embedded"}})


def jobs(tmp_path: Path, queue: Played) -> SlurmJobs:
    code = tmp_path / "code"
    return SlurmJobs(queue, config(tmp_path), code if code.exists() else worker_code(code, "pass\n"), print, late_s=0.0)


def posts(tmp_path: Path) -> list[Path]:
    return list(posts_root(config(tmp_path)).glob("*"))


def test_a_job_comes_back_and_its_post_goes_away(tmp_path):
    ended = jobs(tmp_path, Played(good)).run(JOB, tmp_path / "job", lambda _: None)
    assert (ended.status, ended.content["n"], ended.cpu_s) == (Status.OK, 1, 2.0)
    assert posts(tmp_path) == []


def interrupted(tmp_path: Path, queue: Played) -> Path:
    """Ask for a job and die while it is in the queue. Returns its post."""

    class Killed(BaseException):
        pass

    def die(number: str) -> str:
        raise Killed

    queue.ended, queue.cancel = die, lambda number: None
    executor = jobs(tmp_path, queue)
    tickets: list[bytes] = []
    keep = executor._follow

    def follow(*of: object) -> None:
        tickets.append((queue.handed_in[0].parent / TICKET).read_bytes())
        order = (queue.handed_in[0] / ORDER).read_bytes()
        try:
            keep(*of)
        finally:  # what a killed process can't do: put back what an orderly end took away
            queue.handed_in[0].mkdir(parents=True, exist_ok=True)
            (queue.handed_in[0] / ORDER).write_bytes(order)
            (queue.handed_in[0].parent / TICKET).write_bytes(tickets[0])

    executor._follow = follow
    with pytest.raises(Killed):
        executor.run(JOB, tmp_path / "job", lambda _: None)
    return queue.handed_in[0]


def test_a_killed_run_finds_its_job_again_and_hands_nothing_in(tmp_path):
    post = interrupted(tmp_path, Played(nothing))
    good(post)  # it went on without anybody
    again = Played(good)
    ended = jobs(tmp_path, again).run(JOB, tmp_path / "job", lambda _: None)
    assert (ended.status, again.handed_in) == (Status.OK, [])


def test_another_job_in_the_same_folder_is_handed_in(tmp_path):
    interrupted(tmp_path, Played(nothing))
    again = Played(nothing, how="FAILED")
    with pytest.raises(SandboxError):
        jobs(tmp_path, again).run(JOB._replace(spec={"n": 2}), tmp_path / "job", lambda _: None)
    assert len(again.handed_in) == 2


def test_a_lost_job_is_handed_in_again_but_not_for_ever(tmp_path):
    queue = Played(nothing, how="NODE_FAIL")
    with pytest.raises(SandboxError, match=r"lost 2 times.*NODE_FAIL.*executor\.posts"):
        jobs(tmp_path, queue).run(JOB, tmp_path / "job", lambda _: None)
    assert len(set(queue.handed_in)) == 2
    assert posts(tmp_path) == []


def test_what_slurm_ends_for_its_memory_is_the_candidates(tmp_path):
    queue = Played(nothing, how="OUT_OF_MEMORY")
    ended = jobs(tmp_path, queue).run(JOB, tmp_path / "job", lambda _: None)
    assert (ended.status, len(queue.handed_in)) == (Status.OUT_OF_MEMORY, 1)


def test_a_stop_cancels_what_waits(tmp_path):
    queue = Played(nothing)
    executor = jobs(tmp_path, queue)
    threading.Timer(0.2, executor.stop).start()
    with pytest.raises(InterruptedRunError):
        executor.run(JOB, tmp_path / "job", lambda _: None)
    assert queue.cancelled == ["1"]
    assert posts(tmp_path) == []


def test_a_job_asks_for_its_box_and_some(tmp_path):
    wanted = wanted_of(config(tmp_path, sbatch="partition=gpu --account=lab exclusive", gpus_per_job=2), LIMITS, "train", True)
    assert (wanted["time"], wanted["mem"], wanted["gpus_per_node"]) == (50, "8192MB", 2)
    assert wanted["additional_parameters"] == {"no-requeue": True, "partition": "gpu", "account": "lab", "exclusive": True}
    with pytest.raises(ConfigError, match="whole GPUs"):
        wanted_of(config(tmp_path, gpus_per_job=0.5), LIMITS, "train", True)
    with pytest.raises(ConfigError, match="is no option"):
        wanted_of(config(tmp_path, sbatch="; rm -rf"), LIMITS, "train", False)


@pytest.mark.parametrize(
    ("squeue", "scontrol", "how"),
    [
        ("echo 7; echo 8", "exit 1", ""),
        ("echo 8", "echo JobId=7 JobState=NODE_FAIL Reason=None", "NODE_FAIL"),
        ("echo 8", "exit 1", "GONE"),
        ("exit 1", "exit 1", ""),
    ],
    ids=["listed", "ended", "forgotten", "the controller is away"],
)
def test_a_jobs_state_is_asked_of_the_controller(tmp_path, monkeypatch, squeue: str, scontrol: str, how: str):
    for name, does in (("squeue", squeue), ("scontrol", scontrol)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert SlurmQueue(None).ended("7") == how
