"""Slurm's commands as a site has them, played by scripts: the script that is handed in, what `doctor` says, a job's end."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from designer.config import Config
from designer.errors import InterruptedRunError
from designer.executors.conformance import Bench, job
from designer.executors.slurm_jobs import SlurmProvider
from designer.records import Status
from tests.cluster import fake_slurm
from tests.cluster.conftest import require, wait_until
from tests.e2e.command import ROOT, designer

SLURM = ("--executor.backend", "slurm", "--executor.slots", "2")


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A machine with Slurm's commands; returns the folder of their notes."""
    require("slurm", "submitit")
    variables = fake_slurm.install(tmp_path / "slurm")
    for name, value in {**variables, "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)
    return Path(variables[fake_slurm.NOTES])


def config(posts: Path) -> Config:
    executor = {"backend": "slurm", "slots": 2, "posts": posts}
    return Config.model_validate({"executor": executor, "sandbox": {"provider": "embedded"}})


def test_a_dry_run_prints_slurms_script_and_hands_nothing_in(site, tmp_path):
    options = ("--executor.gpus_per_job", "1", "--executor.sbatch", "partition=gpu account=lab")
    posts = ("--executor.posts", tmp_path / "posts")
    ended = designer("run", "half_cheetah_backward", *SLURM, *options, *posts, "--dry-run", cwd=tmp_path)
    assert ended.code == 0, ended.err
    said = ended.out.strip().splitlines()
    assert said[0] == "#!/bin/bash"
    asked = {line.removeprefix("#SBATCH --") for line in said if line.startswith("#SBATCH")}
    assert {"partition=gpu", "account=lab", "gpus-per-node=1", "cpus-per-task=1", "no-requeue"} <= asked
    assert "job-name=designer-train" in asked
    post = tmp_path / "posts" / "POST" / "slurm"
    assert f"output={post}/%j_0_log.out" in asked
    assert said[-1].startswith("srun ")
    assert said[-1].endswith(f" -u -m submitit.core._submit {post}")
    assert list(site.iterdir()) == []
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "posts").exists()


def test_a_dry_run_is_of_slurm_only(tmp_path):
    ended = designer("run", "half_cheetah_backward", "--dry-run", cwd=tmp_path)
    assert ended.code == 2
    assert "add --executor.backend slurm" in ended.err


def test_the_script_is_the_one_that_is_handed_in(site, tmp_path):
    """The dry run's and the real one differ in the post, the time and the name alone."""
    printed = designer(
        "run", "half_cheetah_backward", *SLURM, "--executor.posts", tmp_path / "p", "--dry-run", cwd=tmp_path
    ).out
    provider = SlurmProvider(config(tmp_path / "p"), print)
    code = Bench(provider, config(tmp_path / "p"), tmp_path).code("output.result('ok', who=job['who'])\n")
    ended = provider.executor(code).run(job(who="me"), tmp_path / "job", lambda _: None)
    assert (ended.status, ended.content["who"]) == (Status.OK, "me")
    (handed_in,) = site.glob("*.sh")

    def shape(script: str) -> list[str]:
        return [
            line.split("=")[0] if line.startswith("#SBATCH") else line.split(" ")[0] for line in script.splitlines() if line
        ]

    assert shape(printed) == shape(handed_in.read_text())
    wait_until(lambda: (site / "1").read_text().strip() == "COMPLETED")


def test_a_stop_cancels_the_job_with_what_runs_in_it(site, tmp_path):
    provider = SlurmProvider(config(tmp_path / "posts"), print)
    code = Bench(provider, config(tmp_path / "posts"), tmp_path).code(
        "import time\noutput.progress(share=0.1)\ntime.sleep(300)\n"
    )
    executor, at_work, failed = provider.executor(code), threading.Event(), []

    def one() -> None:
        try:
            executor.run(job(), tmp_path / "job", lambda _: at_work.set())
        except InterruptedRunError as stopped:
            failed.append(stopped)

    thread = threading.Thread(target=one)
    thread.start()
    assert at_work.wait(120)
    executor.stop()
    thread.join(60)
    assert len(failed) == 1
    assert (site / "1").read_text().strip() == "CANCELLED"
    group = int((site / "1.pid").read_text())
    wait_until(lambda: not _lives(group))
    assert not list((tmp_path / "posts").iterdir())


def test_doctor_says_what_slurm_offers_and_has_a_job_describe_a_world(site, tmp_path):
    options = ("--executor.posts", tmp_path / "posts", "--sandbox.provider", "embedded")
    ended = designer("doctor", *SLURM, *options, cwd=tmp_path)
    assert ended.code == 0, ended.out + ended.err
    assert fake_slurm.OFFER in ended.out
    assert "a box ran and described HalfCheetah-v5" in ended.out
    jobs = [site / path.stem for path in site.glob("*.sh")]
    assert jobs, "the box was a job of Slurm's"
    wait_until(lambda: all(job.read_text().strip() == "COMPLETED" for job in jobs))


def test_doctor_says_that_no_slurm_is_there(tmp_path):
    require("slurm", "submitit")
    ended = designer("doctor", *SLURM, cwd=tmp_path)
    assert ended.code == 2
    assert "no Slurm answers here" in ended.out


def _lives(group: int) -> bool:
    """Say whether a process of a group is at work: a dead one may wait long for whoever inherited it."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            state, _, its_group = (place / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                return True
    return False
