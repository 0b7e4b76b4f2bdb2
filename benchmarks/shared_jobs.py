"""Boxes that several benchmark runs share: the same job, asked for again by another run, is brought from a folder on disk.

    --sandbox.provider benchmarks.shared_jobs:SharedJobs, with the folder in the environment variable SHARED_JOBS

A training is a pure function of its job (reward, seeds, steps, settings), so runs of different rules over one task may share
what they have in common: baselines, and the candidates of a first round. Nothing but time depends on it.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from designer.config import Config
from designer.executors import Executor, Job, JobResult, Progress
from designer.executors.resumable import Resumable, job_digest, stored_result
from designer.sandboxes import EMBEDDED, provider_of

FOLDER = "SHARED_JOBS"
SHARED_VERBS = ("describe", "train", "rollout", "score")


class SharedJobs:
    """Implements `Provider`: embedded boxes behind a folder of finished jobs."""

    name = "benchmarks.shared_jobs:SharedJobs"
    isolates = True

    def __init__(self, config: Config) -> None:
        sandbox = config.sandbox.model_copy(update={"provider": EMBEDDED})
        self._provider = provider_of(config.model_copy(update={"sandbox": sandbox}))

    def executor(self, code: Path) -> Executor:
        return _Shared(self._provider.executor(code), Path(os.environ[FOLDER]))

    def broken(self, code: Path) -> Mapping[str, Executor]:
        return self._provider.broken(code)

    def leftovers(self) -> Sequence[str]:
        return self._provider.leftovers()


class _Shared:
    """Implements `Executor`."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        self._executor = executor
        self._folder = folder
        self.name = executor.name

    def walls(self) -> str:
        return self._executor.walls()

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        if job.verb not in SHARED_VERBS:
            return self._executor.run(job, folder, progress)
        identity = job_digest(job)
        known = self._folder / identity
        stored = stored_result(known, identity)
        if stored is None:
            known = self._folder / f"{identity}-{uuid.uuid4().hex[:8]}"
            stored = Resumable(self._executor).run(job, known, progress)
            if not (self._folder / identity).exists():
                known = known.rename(self._folder / identity)
        shutil.copytree(known, folder, dirs_exist_ok=True)
        return stored

    def stop(self) -> None:
        self._executor.stop()
