"""One machine with several GPUs: a job's box sees its own, and none is shared while another is free. The GPUs are made up."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from designer.errors import InterruptedRunError, SandboxError
from designer.executors import Job, JobResult, Limits
from designer.executors.devices import Devices, Pinned, present, visible
from designer.executors.embedded import Embedded
from designer.records import Status
from tests.designer.boxes import worker_code

LIMITS = Limits(cpu_s=20, wall_s=30, memory_bytes=2 * 1024**3)
GPUS = ("0", "1", "GPU-7c3f")


class Meeting:
    """An executor whose jobs wait until so many are at work, and say what they were given."""

    name = "meeting"

    def __init__(self, jobs: int) -> None:
        self.seen: list[tuple[str, ...]] = []
        self._barrier = threading.Barrier(jobs)

    def walls(self) -> str:
        return ""

    def run(self, job: Job, folder: Path, progress: object) -> JobResult:
        self._barrier.wait(20)
        self.seen.append(job.limits.devices)
        self._barrier.wait(20)
        return JobResult(Status.OK, "", {}, 0.0, 0.0, "")

    def stop(self) -> None:
        """Nothing runs."""


def side_by_side(share: float, jobs: int, at_once: int, verb: str = "train") -> list[tuple[str, ...]]:
    meeting = Meeting(at_once)
    pinned = Pinned(meeting, Devices(GPUS, share))
    run = lambda: pinned.run(Job(verb, {}, {}, LIMITS), Path(), print)  # noqa: E731
    threads = [threading.Thread(target=run) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return meeting.seen


def test_no_gpu_is_shared_while_another_is_free():
    assert sorted(side_by_side(1, 3, 3)) == [("0",), ("1",), ("GPU-7c3f",)]
    assert sorted(side_by_side(0.5, 3, 3)) == [("0",), ("1",), ("GPU-7c3f",)]


def test_jobs_beyond_the_gpus_wait_for_one():
    """Six jobs, three at once, a GPU each: a seventh part would hang at the barrier."""
    assert Counter(side_by_side(1, 6, 3)) == {("0",): 2, ("1",): 2, ("GPU-7c3f",): 2}


def test_shares_fill_a_gpu_and_no_more():
    assert Counter(side_by_side(0.5, 6, 6)) == {("0",): 2, ("1",): 2, ("GPU-7c3f",): 2}


def test_a_job_may_have_several():
    (given,) = side_by_side(2, 1, 1)
    assert len(set(given)) == 2


def test_only_trainings_get_one():
    assert side_by_side(1, 4, 4, verb="score") == [()] * 4


def test_a_stop_ends_the_wait_for_a_gpu():
    devices = Devices(("0",), 1)
    with devices.some():
        threading.Timer(0.1, devices.stop).start()
        with pytest.raises(InterruptedRunError), devices.some():
            pass


def test_too_few_gpus_are_refused_with_what_was_found():
    with pytest.raises(SandboxError, match="gpus_per_job = 4, and this machine shows 3 GPUs"):
        Devices(GPUS, 4)


def test_given_gpus_outweigh_the_drivers_list(tmp_path, monkeypatch):
    assert present({"CUDA_VISIBLE_DEVICES": "3, 5"}) == ("3", "5")
    assert present({"CUDA_VISIBLE_DEVICES": ""}) == () == visible({})
    listing = tmp_path / "nvidia-smi"
    listing.write_text("#!/bin/sh\necho GPU-a; echo GPU-b\n")
    listing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert present({}) == ("GPU-a", "GPU-b")


@pytest.mark.parametrize(("devices", "seen"), [(("1",), "1"), (("GPU-7c3f", "0"), "GPU-7c3f,0"), ((), None)])
def test_the_boxs_environment_names_its_gpus_and_no_others(tmp_path, monkeypatch, devices, seen):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    verb = "import os\noutput.result('ok', seen=os.environ.get('CUDA_VISIBLE_DEVICES'))\n"
    executor = Embedded(Path(sys.executable), worker_code(tmp_path / "code", verb), warm=False)
    limits = LIMITS.model_copy(update={"devices": devices})
    ended = executor.run(Job("probe", {}, {}, limits), tmp_path / "job", lambda _: None)
    assert ended.content["seen"] == seen, ended.error
