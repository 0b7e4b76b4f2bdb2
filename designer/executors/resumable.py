"""Never do a finished job twice: a wrapper that leaves a note in the folder of every job that ended, and believes it later."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from designer.executors import Executor, Job, JobResult, Progress
from designer.files import write_atomically
from designer.records import Record, Status, digest

NOTE = "ended.json"


class KeptResult(Record):
    """A `JobResult` in a note."""

    status: Status
    error: str
    content: dict[str, Any]
    cpu_s: float
    wall_s: float
    walls: str

    @property
    def result(self) -> JobResult:
        return JobResult(*(getattr(self, name) for name in JobResult._fields))


class _Ended(KeptResult):
    """A job that ended. `files`: what lay in its folder then."""

    job: str
    files: tuple[str, ...]


class Resumable:
    """Runs a job through another executor unless the same job has already ended in the same folder and its files are there."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.name = executor.name

    def walls(self) -> str:
        return self._executor.walls()

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        identity = job_digest(job)
        stored = stored_result(folder, identity)
        if stored is not None:
            return stored
        result = self._executor.run(job, folder, progress)
        files = tuple(sorted(path.name for path in folder.iterdir()))
        write_atomically(folder / NOTE, _Ended(job=identity, files=files, **result._asdict()).model_dump_json())
        return result

    def stop(self) -> None:
        self._executor.stop()


def job_digest(job: Job) -> str:
    """Identify a job by what it asks for and by the content of its files."""
    files = {name: _content_hash(content) for name, content in job.files.items()}
    return digest({"verb": job.verb, "spec": json.loads(json.dumps(job.spec)), "files": files})


def _content_hash(content: bytes | Path) -> str:
    return hashlib.sha256(content.read_bytes() if isinstance(content, Path) else content).hexdigest()


def stored_result(folder: Path, identity: str | None) -> JobResult | None:
    """Return how the job in this folder ended, if it did; with an identity, only if it is that job with all its files."""
    try:
        ended = _Ended.model_validate_json((folder / NOTE).read_bytes())
    except (OSError, ValidationError):
        return None
    if identity is not None and (ended.job != identity or not all((folder / name).exists() for name in ended.files)):
        return None
    return ended.result
