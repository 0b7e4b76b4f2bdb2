"""What runs a job: a folder of files in, one framed stream out, and a verdict on how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from designer.records import Record, Status

JobVerb = Literal[
    "check", "describe", "probe", "train", "train_together", "rollout", "score", "analyse", "explain", "compare", "render"
]
Progress = Callable[[Mapping[str, float]], None]


class Limits(Record):
    """What a box may use. CPU time is the candidate's limit; the wall clock guards the machine.

    devices: the GPUs that it may see, as CUDA_VISIBLE_DEVICES names them; none: nothing is said of them.
    """

    cpu_s: int
    wall_s: float
    memory_bytes: int = 6 * 1024**3
    file_bytes: int = 64 * 1024**2
    output_bytes: int = 1024**3
    devices: tuple[str, ...] = ()


class Job(NamedTuple):
    """One run of the worker. `spec` becomes job.json; `files` are put beside it (name -> content or a file to copy)."""

    verb: JobVerb
    spec: Mapping[str, Any]
    files: Mapping[str, bytes | Path]
    limits: Limits


class JobResult(NamedTuple):
    """How the worker ended. What it sent lies in the job's folder.

    content: its `result.json`, checked for size and syntax, or {} where it sent none.
    walls: what stood around it, in words.
    """

    status: Status
    error: str
    content: Mapping[str, Any]
    cpu_s: float
    wall_s: float
    walls: str


class Executor(Protocol):
    """Runs jobs. The result is what the worker did; a MachineError is what the executor failed to do."""

    name: str

    def walls(self) -> str:
        """Say what stands around a job here, tried once. Raises SandboxError where no box can be made that holds."""
        ...

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        """Run a job to its end in `folder` (made here; what an earlier, killed attempt left there is removed)."""
        ...

    def stop(self) -> None:
        """End every job that runs: each raises InterruptedRunError. Called from another thread."""
        ...
