"""What a node of a cluster does with an order: run the job in its own sandbox, in a folder of its own, and tell of it.

A node has its own `designer` and its own worker environment; the run's copy of the worker's code comes with the order. The box
is the same as on one machine, made by the same providers. What is told is `parcel.py`'s.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from queue import Queue
from threading import Thread

from designer.config import Config
from designer.errors import DesignerError, MachineError
from designer.executors import Executor, Job
from designer.executors.devices import visible
from designer.executors.parcel import END, STDERR, End, Order, framed, framed_file, message, unpack, unpack_folder
from designer.executors.stream import FILES, PROGRESS
from designer.scratch import scratch_folder

PROGRESS_EVERY_S = 0.2
WAITING = 8
"""Messages that wait to be taken: a box may make them faster than a network carries them."""


class Node:
    """One process of a node. It keeps the executor of the run it last worked for, and with it its warm boxes."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._made_for = ""
        self._executor: Executor | None = None

    def executor(self, settings: str, code: bytes) -> Executor:
        """Return what runs boxes by these settings, with this code. Raises DesignerError."""
        from designer.sandboxes import provider_of

        wanted = hashlib.sha256(settings.encode() + code).hexdigest()
        if self._executor is None or wanted != self._made_for:
            self.forget()
            folder = self._open.enter_context(scratch_folder())
            unpack_folder(code, folder)
            self._executor = provider_of(Config.model_validate_json(settings)).executor(folder)
            self._made_for = wanted
        return self._executor

    def forget(self) -> None:
        """End what is kept."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.stop()
        self._open.close()


@cache
def this_process() -> Node:
    """Return this process's `Node`: an engine gives one process many tasks, one after the other."""
    return Node()


def messages(parcel: bytes, code: bytes) -> Iterator[bytes]:
    """Do what an order asks and yield messages as they come; the last one is the end."""
    told: Queue[bytes | None] = Queue(WAITING)
    Thread(target=_work, args=(parcel, code, told), daemon=True).start()
    while (next_one := told.get()) is not None:
        yield next_one


def _work(parcel: bytes, code: bytes, told: Queue[bytes | None]) -> None:
    try:
        end = _done(unpack(parcel), code, told)
    except DesignerError as error:
        kind = type(error).__name__ if isinstance(error, MachineError) else "SandboxError"
        end = End(node=platform.node(), failed=kind, error=str(error))
    except Exception as error:  # noqa: BLE001 - the edge of this process: whoever waits must hear of it
        end = End(node=platform.node(), failed="SandboxError", error=f"{type(error).__name__}: {error}"[:1000])
    told.put(message(END, end.model_dump_json().encode()))
    told.put(None)


def _done(order: Order, code: bytes, told: Queue[bytes | None]) -> End:
    executor = this_process().executor(order.settings, code)
    if order.job is None:
        return End(node=platform.node(), walls=executor.walls())
    job = order.job
    if order.gpus:
        job = job._replace(limits=job.limits.model_copy(update={"devices": visible(os.environ)}))
    with scratch_folder() as scratch:
        folder = scratch / "job"
        ended = executor.run(job, folder, _Told(told))
        for name in _sent(job, folder):
            for piece in framed_file(name, folder / name):
                told.put(piece)
        words = (folder / STDERR).read_text(errors="replace") if (folder / STDERR).is_file() else ""
    return End(
        node=platform.node(),
        status=ended.status,
        error=ended.error,
        cpu_s=ended.cpu_s,
        wall_s=ended.wall_s,
        walls=ended.walls,
        stderr=words,
    )


def _sent(job: Job, folder: Path) -> list[str]:
    """Name what a box left in its job's folder, beside what was put there."""
    return sorted(path.name for path in folder.iterdir() if path.name in FILES and path.name not in job.files)


class _Told:
    """Passes progress on, the first at once, the others not too often: a box may tell of it a million times."""

    def __init__(self, told: Queue[bytes | None]) -> None:
        self._told = told
        self._last = -float("inf")

    def __call__(self, numbers: Mapping[str, float]) -> None:
        if time.monotonic() - self._last >= PROGRESS_EVERY_S:
            self._last = time.monotonic()
            self._told.put(framed(PROGRESS, json.dumps(dict(numbers)).encode()))
