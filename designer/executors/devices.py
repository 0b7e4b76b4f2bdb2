"""The GPUs of one machine, handed out to jobs: each box sees those it was given and no others, by CUDA_VISIBLE_DEVICES."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from designer.errors import InterruptedRunError, SandboxError
from designer.executors import Executor, Job, JobResult, Progress

VARIABLE = "CUDA_VISIBLE_DEVICES"
TRAINING = frozenset({"train", "train_together"})
"""The verbs that a GPU is for. All others look at numbers, or play."""
LIST = ("nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader")
LIST_S = 20.0
SMALLEST_SHARE = 1e-9


def visible(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPUs that an environment names."""
    return tuple(name.strip() for name in variables.get(VARIABLE, "").split(",") if name.strip())


def present(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPUs that this process may use: those it was given, else all that the driver lists."""
    if VARIABLE in variables:
        return visible(variables)
    if shutil.which(LIST[0]) is None:
        return ()
    try:
        said = subprocess.run(LIST, capture_output=True, text=True, timeout=LIST_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in said.splitlines() if line.strip())


class Devices:
    """Hands out shares of GPUs. The freest comes first, so that none is shared while another is free."""

    def __init__(self, names: tuple[str, ...], share: float) -> None:
        """`share`: GPUs of a job: a whole number, or less than 1. Raises SandboxError where there are too few."""
        self._share = share
        self._wanted = max(1, round(share))
        if len(names) < self._wanted:
            raise SandboxError(
                f"executor.gpus_per_job = {share:g}, and this machine shows {len(names)} GPUs (nvidia-smi lists them, "
                f"{VARIABLE} narrows them down). Lower it."
            )
        self._free = dict.fromkeys(names, 1.0)
        self._changed = threading.Condition()
        self._stopping = False

    def stop(self) -> None:
        """End every wait."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    @contextmanager
    def some(self) -> Iterator[tuple[str, ...]]:
        """Hold a job's GPUs while the block runs; wait until there are enough. Raises InterruptedRunError."""
        each = min(1.0, self._share)
        with self._changed:
            while (chosen := self._freest(each)) is None:
                if self._stopping:
                    raise InterruptedRunError("the run was stopped while it waited for a GPU.")
                self._changed.wait()
            for name in chosen:
                self._free[name] -= each
        try:
            yield chosen
        finally:
            with self._changed:
                for name in chosen:
                    self._free[name] += each
                self._changed.notify_all()

    def _freest(self, each: float) -> tuple[str, ...] | None:
        """Return the freest GPUs, or None while too few of them have room."""
        ranked = sorted(self._free, key=lambda name: -self._free[name])[: self._wanted]
        return tuple(ranked) if all(self._free[name] >= each - SMALLEST_SHARE for name in ranked) else None


class Pinned:
    """Wraps an `Executor`: a training gets GPUs of its own, as many as `Devices` gives."""

    def __init__(self, executor: Executor, devices: Devices) -> None:
        self.name = executor.name
        self._executor = executor
        self._devices = devices

    def walls(self) -> str:
        return self._executor.walls()

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        if job.verb not in TRAINING:
            return self._executor.run(job, folder, progress)
        with self._devices.some() as names:
            limits = job.limits.model_copy(update={"devices": names})
            return self._executor.run(job._replace(limits=limits), folder, progress)

    def stop(self) -> None:
        self._devices.stop()
        self._executor.stop()
