"""What all executors on a cluster share: what a node is told, and that jobs which are lost with their node start again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from designer.config import Config
from designer.errors import InterruptedRunError, SandboxError
from designer.executors import Job
from designer.executors.devices import TRAINING
from designer.executors.parcel import Order, pack

LOCAL = "local"
Say = Callable[[str], None]
Done = TypeVar("Done")


class LostError(Exception):
    """A job is gone with what ran it: its node, or the engine's process there. Never something that the job did."""


class Restarts:
    """Does something on a node until it ends, whatever happens to nodes, but not for ever."""

    def __init__(self, most: int, say: Say) -> None:
        self._most = most
        self._say = say
        self.stopping = threading.Event()

    def until_it_ends(self, what: str, once: Callable[[], Done]) -> Done:
        """Call `once` until it isn't lost. Raises SandboxError where it is lost too often, InterruptedRunError."""
        for lost in range(self._most + 1):
            self.require_going()
            try:
                return once()
            except LostError as why:
                self.require_going()
                if lost == self._most:
                    raise SandboxError(
                        f"a job ({what}) was lost {lost + 1} times, each time with its node: {why}. "
                        "See to the cluster, or raise executor.restarts; `designer run RUN` then goes on."
                    ) from why
                self._say(f"a job ({what}) was lost with its node and starts again: {why}")
        raise AssertionError("the last loss raises")

    def require_going(self) -> None:
        """Raise InterruptedRunError where the run was stopped."""
        if self.stopping.is_set():
            raise InterruptedRunError("the run was stopped while this box was working, or before it was started.")


def order_for(config: Config, job: Job | None) -> bytes:
    """Return what a node is told: what boxes are made of there, and the job. Raises DiskError."""
    gpus = job is not None and job.verb in TRAINING and config.executor.gpus_per_job > 0
    return pack(Order(node_settings(config), job, gpus))


def node_settings(config: Config) -> str:
    """Return the settings as they are on a node: only what boxes are made of, and no further cluster."""
    return Config(worker=config.worker, sandbox=config.sandbox).model_dump_json()
