"""Slurm without a Slurm: the same executor over submitit's local queue, whose jobs are processes of this machine.

`sandbox.provider = tests.cluster.local_slurm:provider` examines it. The posts are in the folder that LOCAL_SLURM_POSTS names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from designer.config import Config
from designer.executors.slurm_jobs import SlurmProvider
from designer.executors.slurm_node import work
from designer.executors.slurm_queue import LOGS

POSTS = "LOCAL_SLURM_POSTS"


class LocalQueue:
    """Implements `Queue`. A job's number is that of its process, so another process can look for it too."""

    def __init__(self) -> None:
        self.jobs: dict[str, Any] = {}

    def submit(self, post: Path, wanted: Mapping[str, Any]) -> str:
        import submitit

        executor = submitit.LocalExecutor(folder=post / LOGS)
        executor.update_parameters(timeout_min=wanted["time"], gpus_per_node=wanted.get("gpus_per_node", 0))
        job = executor.submit(work, str(post))
        self.jobs[job.job_id] = job
        return job.job_id

    def ended(self, number: str) -> str:
        if number in self.jobs:
            return self.jobs[number].state if self.jobs[number].done() else ""
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return "GONE"
        return ""

    def cancel(self, number: str) -> None:
        if number in self.jobs:
            self.jobs[number].cancel()


def config() -> Config:
    executor = {"backend": "slurm", "slots": 2, "posts": os.environ[POSTS]}
    return Config.model_validate({"executor": executor, "sandbox": {"provider": "embedded"}})


def provider(_: Config) -> SlurmProvider:
    """Return Slurm's provider with submitit's local queue, and embedded boxes."""
    return SlurmProvider(config(), print, LocalQueue())
