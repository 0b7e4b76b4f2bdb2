"""Run at most so many boxes at once, however many threads ask: model calls wait for an endpoint, boxes for a core."""

from __future__ import annotations

import threading
from pathlib import Path

from designer.executors import Executor, Job, JobResult, Progress


class AtMost:
    """Wraps an `Executor`; a job beyond the limit waits until one ends."""

    def __init__(self, executor: Executor, boxes: int) -> None:
        self.name = executor.name
        self._executor = executor
        self._free = threading.BoundedSemaphore(boxes)

    def walls(self) -> str:
        return self._executor.walls()

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        with self._free:
            return self._executor.run(job, folder, progress)

    def stop(self) -> None:
        self._executor.stop()
