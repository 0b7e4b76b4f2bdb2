"""Boxes forked by a process that is ready for them: `sandbox/warm.py`, in a box of its own, forks one sealed child a job.

A cold box spends its time on importing torch and loading a world. Here that is done once; a job then takes what the job takes.
Where no warm process can be made, or it ends, the caller starts a cold box: nothing depends on this but time.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

from designer.errors import MachineError
from designer.executors import Job, JobResult, Limits
from designer.executors.launcher import ColdBox, launch
from designer.records import Status
from designer.scratch import scratch_folder

Role = Literal["candidates", "judges"]
ROLES: Mapping[str, Role] = {
    "probe": "candidates",
    "explain": "candidates",
    "train": "candidates",
    "train_together": "candidates",
    "rollout": "judges",
    "score": "judges",
    "analyse": "judges",
    "compare": "judges",
}
REFUSED_WRITES = ("PermissionError", "Read-only file system", "File too large")
"""What an error says of a world or a library that wanted to write a file: a child here writes none, a cold box has a folder."""
IDLE_S = 120.0
START_S = 120
SPARE_S = 30.0
CHILDREN = 64
MAX_FILES = 60
"""A job with more files goes to a cold box: a packet carries so many descriptors (`sandbox/crew.py`), a few for its streams."""
PARENT = Limits(cpu_s=10**7, wall_s=0, memory_bytes=1 << 46, file_bytes=1 << 20)
"""What a warm process may use: no less than any child, which lowers it for itself."""


def wanted_to_write(ended: JobResult) -> bool:
    """Say whether a job failed for want of a folder to write to, by what its error says."""
    return ended.status is Status.CRASHED and any(words in ended.error for words in REFUSED_WRITES)


class WarmBox:
    """A child that does a job. A `Box`."""

    def __init__(self, line: socket.socket, out: IO[bytes], err: IO[bytes]) -> None:
        self.out, self.err = out, err
        self._line = line

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)

    def wait(self) -> Mapping[str, Any]:
        """Return how the child ended, {} where the warm process did before it."""
        said = b""
        with contextlib.suppress(OSError):
            while part := self._line.recv(8192):
                said += part
        report: Mapping[str, Any] = json.loads(said) if said else {}
        return report

    def close(self) -> None:
        for end in (self._line, self.out, self.err):
            end.close()


class WarmProcesses:
    """At most one warm process for each role. Safe to be asked by several threads at once: a process serves any number."""

    def __init__(self, python: Path, code: Path) -> None:
        self._roles = {role: _WarmProcess(python, code, role) for role in sorted(set(ROLES.values()))}

    def start(self, job: Job, folder: Path, kind: str) -> WarmBox | None:
        """Start a job whose folder is laid out, in a box of this kind; None where that is somebody else's to do."""
        role = ROLES.get(job.verb)
        return self._roles[role].start(job, folder, kind) if role else None

    def close(self) -> None:
        """End the processes, and every child with them."""
        for process in self._roles.values():
            process.close()


class _WarmProcess:
    """One warm process: made at the first job, made anew for another world or kind of box, given up at its first failure."""

    def __init__(self, python: Path, code: Path, role: Role) -> None:
        self._python, self._code, self._role = python, code, role
        self._made_for: tuple[str, str] | None = None
        self._line: socket.socket | None = None
        self._box: ColdBox | None = None
        self._open = contextlib.ExitStack()
        self._asking = threading.Lock()
        self._failed = False

    def start(self, job: Job, folder: Path, kind: str) -> WarmBox | None:
        with self._asking:
            world = job.spec.get("world", self._made_for and self._made_for[0])
            if self._failed or world is None or len(job.files) > MAX_FILES:
                return None
            try:
                if self._made_for != (world, kind) or self._has_ended():
                    self._end()
                    self._make(world, kind, job.spec)
                return self._asked(job, folder)
            except (OSError, MachineError):
                self._failed = True
                self._end()
                return None

    def close(self) -> None:
        self._failed = True
        box = self._box
        if box:
            box.kill()
        if self._asking.acquire(timeout=SPARE_S):
            self._end()
            self._asking.release()

    def _asked(self, job: Job, folder: Path) -> WarmBox:
        """Hand a job to the warm process. Raises OSError."""
        assert self._line is not None
        names = ["job.json", *job.files]
        request = {"files": names, "cpu_s": job.limits.cpu_s, "memory_bytes": job.limits.memory_bytes}
        with contextlib.ExitStack() as handed, contextlib.ExitStack() as kept:
            line, its_line = socket.socketpair()
            handed.callback(its_line.close)
            kept.callback(line.close)
            ends = [its_line.fileno()]
            pipes = []
            for _ in range(2):
                read_end, write_end = os.pipe()
                handed.callback(os.close, write_end)
                pipes.append(kept.enter_context(os.fdopen(read_end, "rb", buffering=0)))
                ends.append(write_end)
            ends += [handed.enter_context((folder / name).open("rb")).fileno() for name in names]
            socket.send_fds(self._line, [json.dumps(request).encode()], ends)
            kept.pop_all()
        return WarmBox(line, *pipes)

    def _make(self, world: str, kind: str, spec: Mapping[str, Any]) -> None:
        """Start a warm process and wait until it is ready. Raises OSError, MachineError."""
        box = self._open.enter_context(scratch_folder())
        line, its_line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._open.callback(line.close)
        seed = spec.get("seed", 0)
        worker = ["-m", "sandbox.warm", self._role, world, str(seed), str(IDLE_S)]
        with its_line:
            started: Future[ColdBox] = Future()
            start = partial(launch, self._python, self._code, box, kind, worker, [], PARENT, its_line.fileno(), CHILDREN)
            tender = threading.Thread(target=_tend, args=(start, started), daemon=True)
            self._open.callback(_join, tender)
            tender.start()
            self._box = started.result()
        ready, _, _ = select.select([line], [], [], START_S)
        if not ready or not line.recv(64):
            raise OSError("the warm process is not ready")
        self._made_for, self._line = (world, kind), line

    def _has_ended(self) -> bool:
        """Say whether the process has closed its end, as it does when nothing was asked for a while."""
        assert self._line is not None
        ready, _, _ = select.select([self._line], [], [], 0)
        return bool(ready)

    def _end(self) -> None:
        """End the process, if there is one, and remove its folder."""
        box, self._box, self._made_for, self._line = self._box, None, None, None
        if box:
            box.kill()
            box.process.wait()
        self._open.close()


def _join(thread: threading.Thread) -> None:
    """Wait for a thread's end, unless it is this one: an executor may be forgotten anywhere."""
    if thread is not threading.current_thread():
        thread.join(SPARE_S)


def _tend(start: Callable[[], ColdBox], started: Future[ColdBox]) -> None:
    """Start a box and stay until its end: the kernel ends a process with the thread that started it.

    What a warm process says on its standard streams is of no use, but must be read; the children have streams of their own.
    """
    try:
        box = start()
    except MachineError as error:
        started.set_exception(error)
        return
    started.set_result(box)
    with contextlib.closing(box):
        streams = [box.out, box.err]
        while streams:
            ready, _, _ = select.select(streams, [], [])
            streams = [s for s in streams if s not in ready or os.read(s.fileno(), 1 << 16)]
        box.process.wait()
