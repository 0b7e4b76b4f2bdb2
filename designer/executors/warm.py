"""Probes answered by a box that is ready for them: `sandbox/warm.py` in it forks one sealed child a candidate.

A cold box spends its time on importing torch. Here that is done once; a probe then takes what the candidate takes. Where the
warm box is busy, broken or can't be made, the caller starts a cold one: nothing depends on this but time.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from designer.errors import MachineError
from designer.executors import Job, JobResult, Limits
from designer.executors.ending import Ending, judged
from designer.executors.folder import prepare_folder
from designer.executors.launcher import Launched, kill, launch
from designer.executors.stream import MAGIC, FrameReader, StreamRefusedError
from designer.files import write_atomically
from designer.scratch import scratch_folder
from designer.text import printable

IDLE_S = 60.0
START_S = 120
SPARE_S = 30.0
MAX_ANSWER_BYTES = 16 * 1024**2


class _Asked(NamedTuple):
    """What a warm box is made for: all its candidates have these in common."""

    world: str
    seed: int
    limits: Limits
    kind: str


class _BoxFailedError(Exception):
    """The warm box ended, was too slow, or said something else than an answer."""


class WarmProbes:
    """Keeps at most one warm box. Safe to be asked by several threads: who finds it busy gets no answer."""

    def __init__(self, python: Path, code: Path) -> None:
        self._python = python
        self._code = code
        self._asked: _Asked | None = None
        self._launched: Launched | None = None
        self._open = contextlib.ExitStack()
        self._busy = threading.Lock()
        self._failed = False

    def answer(self, job: Job, folder: Path, kind: str, walls: str) -> JobResult | None:
        """Probe a candidate, or return None: then it is somebody else's to do. `walls`: what stands in a box of this kind."""
        source = job.files.get("reward.py")
        if job.verb != "probe" or self._failed or not isinstance(source, bytes) or not self._busy.acquire(blocking=False):
            return None
        try:
            request = json.dumps({"source": source.decode(), "entry": job.spec["entry"]}).encode()
            asked = _Asked(job.spec["world"], job.spec["seed"], job.limits, kind)
            return self._probed(asked, request, job, folder, walls)
        except (_BoxFailedError, MachineError, UnicodeDecodeError, KeyError):
            self._failed = True
            self._end()
            return None
        finally:
            self._busy.release()

    def close(self) -> None:
        """End the box. A probe that runs in it gets no answer."""
        self._failed = True
        launched = self._launched
        if launched:
            kill(launched.process)
        if self._busy.acquire(timeout=SPARE_S):
            self._end()
            self._busy.release()

    def _probed(self, asked: _Asked, request: bytes, job: Job, folder: Path, walls: str) -> JobResult:
        if self._asked != asked or not self._launched or self._launched.process.poll() is not None:
            self._end()
            self._start(asked)
        prepare_folder(job, folder)
        started = time.monotonic()
        self._say(struct.pack(">Q", len(request)) + request)
        payload = self._frame("answer", started + job.limits.wall_s + SPARE_S)
        return _told(payload, job, folder, time.monotonic() - started, walls)

    def _start(self, asked: _Asked) -> None:
        box = self._open.enter_context(scratch_folder())
        each, parent = asked.limits, asked.limits.model_copy(update={"cpu_s": asked.limits.cpu_s + START_S})
        worker = ["-m", "sandbox.warm", asked.world, *map(str, (asked.seed, each.cpu_s, each.wall_s, IDLE_S))]
        started: Future[Launched] = Future()
        start = partial(launch, self._python, self._code, box, asked.kind, worker, [], parent, subprocess.PIPE)
        tender = threading.Thread(target=_tend, args=(start, started), daemon=True)
        self._open.callback(tender.join, SPARE_S)
        tender.start()
        self._asked, self._launched = asked, started.result()
        self._frame("ready", time.monotonic() + START_S)

    def _end(self) -> None:
        """End the box, if there is one, and remove its folder."""
        launched, self._launched = self._launched, None
        if launched:
            kill(launched.process)
            launched.process.wait()
        self._open.close()
        if launched:
            for pipe in (launched.process.stdin, launched.process.stdout, launched.process.stderr, launched.report):
                with contextlib.suppress(OSError):
                    pipe and pipe.close()

    def _say(self, request: bytes) -> None:
        assert self._launched is not None
        assert self._launched.process.stdin is not None
        try:
            self._launched.process.stdin.write(request)
            self._launched.process.stdin.flush()
        except OSError as error:
            raise _BoxFailedError(str(error)) from None

    def _frame(self, name: str, deadline: float) -> bytes:
        """Read one frame of the parent's."""
        head = self._read(13 + len(name), deadline)
        (length,) = struct.unpack(">Q", head[-8:])
        if head[:-8] != MAGIC + bytes([len(name)]) + name.encode() or length > MAX_ANSWER_BYTES:
            raise _BoxFailedError(f"no frame {name!r}: {head[:40]!r}")
        return self._read(length, deadline)

    def _read(self, length: int, deadline: float) -> bytes:
        assert self._launched is not None
        assert self._launched.process.stdout is not None
        source, parts = self._launched.process.stdout.fileno(), bytearray()
        while len(parts) < length:
            ready, _, _ = select.select([source], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(source, length - len(parts)) if ready else b""
            if not part:
                raise _BoxFailedError("the warm box ended" if ready else "the warm box is too slow")
            parts += part
        return bytes(parts)


def _told(payload: bytes, job: Job, folder: Path, wall_s: float, walls: str) -> JobResult:
    """Read a child's answer as any box's: hostile, but for the line that the clerk wrote."""
    head, _, rest = payload.partition(b"\n")
    how: dict[str, Any] = json.loads(head)
    stream, stderr = rest[: how["stream_bytes"]], rest[how["stream_bytes"] :]
    reader, complaint = FrameReader(folder, job.limits.output_bytes, lambda _: None), how["complaint"]
    try:
        reader.feed(stream)
    except StreamRefusedError as refusal:
        complaint = complaint or str(refusal)
    if not reader.sealed and not complaint:
        raise _BoxFailedError(f"the child was not sealed: {reader.why_unsealed}")
    write_atomically(folder / "stderr.txt", printable(stderr.decode("utf-8", errors="replace")))
    ending = Ending(reader.result, complaint, how["exit"], how["signal"], stderr, how["cpu_s"], wall_s, walls)
    return judged(ending, job.limits)


def _tend(start: Callable[[], Launched], started: Future[Launched]) -> None:
    """Start a box and stay until its end: the kernel ends a process with the thread that started it.

    What the box's parent says on standard error is of no use, but must be read; the children's words come with their answers.
    """
    try:
        launched = start()
    except MachineError as error:
        started.set_exception(error)
        return
    started.set_result(launched)
    assert launched.process.stderr is not None
    with contextlib.suppress(OSError, ValueError):
        while os.read(launched.process.stderr.fileno(), 1 << 16):
            pass
    launched.process.wait()
