"""The embedded executor: a box made of what the kernel offers, without an engine. `sandbox/box.py` says what it covers."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from designer.errors import InterruptedRunError, SandboxError
from designer.executors import Job, JobResult, Limits, Progress
from designer.executors.boxed import fed, require_seal, signal_of
from designer.executors.ending import STOPPED, TIMED_OUT, Ending, judged, last_words
from designer.executors.folder import prepare_folder
from designer.executors.launcher import Box, ColdBox, launch
from designer.executors.stream import FrameReader
from designer.executors.walls import told
from designer.executors.warm import WarmProcesses, wanted_to_write
from designer.files import write_atomically
from designer.records import Status
from designer.scratch import scratch_folder, sweep
from designer.text import printable

MAX_STDERR_BYTES = 64 * 1024
CHUNK = 1 << 20
CHECK = Job("check", {}, {}, Limits(cpu_s=20, wall_s=30))
"""A box that does nothing: if it ends well, others can be made."""
KINDS = ("namespaces", "bwrap", "landlock")
"""What a box can be made of, the strongest first: namespaces of our own, those that bwrap makes for a user, none."""
NOT_HERE = (
    "the embedded sandbox is made of Linux's namespaces, Landlock and seccomp, and {platform} has none of them. Use Docker, "
    "or run designer on Linux."
)


class Embedded:
    """Runs each job as a process tree of its own, from a private copy of the worker's code."""

    name = "embedded"

    def __init__(
        self,
        python: Path,
        code: Path,
        namespaces: bool = True,
        unsafe: bool = False,
        warm: bool = True,
        only: str = "",
    ) -> None:
        """`python`: the worker environment's interpreter. `code`: a folder that holds `envs/` and `sandbox/`.

        namespaces: whether to use the kernel's namespaces where it allows them.
        unsafe: no walls at all, only limits. For a person who trusts every reward, or has a sandbox around everything.
        warm: whether jobs go to a process that is ready for them, where one can be made.
        only: the one kind of box to make ("namespaces", "bwrap", "landlock"), or none; "" for the first that holds.
        """
        self._python = python.absolute()  # a box runs in a folder of its own
        self._code = code.absolute()
        self._kinds = (only,) if only else ("none",) if unsafe else KINDS if namespaces else ("landlock",)
        self._kind = ""
        self._walls = ""
        self._choosing = threading.Lock()
        self._stopping = threading.Event()
        self._warm = WarmProcesses(self._python, self._code) if warm and not unsafe else None
        if self._warm:
            weakref.finalize(self, self._warm.close)

    def stop(self) -> None:
        """End every box that runs, and start none any more. Called from another thread."""
        self._stopping.set()
        if self._warm:
            self._warm.close()

    def walls(self) -> str:
        self._choose()
        return self._walls

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        if self._stopping.is_set():
            raise InterruptedRunError("the run was stopped before this box was started.")
        kind = self._choose()
        prepare_folder(job, folder)
        # A warm process has its environment already: a box that is to see certain GPUs is made anew.
        warm = self._warm.start(job, folder, kind) if self._warm and not job.limits.devices else None
        ended = self._watch(warm, kind, job, folder, progress) if warm else None
        if ended is None or wanted_to_write(ended):
            return self._in_a_box(kind, job, folder, progress)
        return ended

    def _choose(self) -> str:
        """Find the strongest kind of box that can be made here: start one that does nothing. Raises SandboxError."""
        with self._choosing:
            if not self._kind:
                sweep()
                self._kind, self._walls = self._first_that_holds()
        return self._kind

    def _first_that_holds(self) -> tuple[str, str]:
        if self._kinds != ("none",) and not sys.platform.startswith("linux"):
            raise SandboxError(NOT_HERE.format(platform=sys.platform))
        refusals = []
        for kind in self._kinds:
            try:
                with scratch_folder() as scratch:
                    ended = self._in_a_box(kind, CHECK, scratch / "job", lambda _: None)
            except SandboxError as refusal:
                refusals.append(str(refusal))
                continue
            if ended.status is Status.OK:
                return kind, ended.walls
            refusals.append(f"a box with {kind} doesn't work ({ended.status}): {ended.error}")
        reasons = "; ".join(dict.fromkeys(refusals))
        raise SandboxError(f"no sandbox can be made here with {self._python}: {reasons}")

    def _in_a_box(self, kind: str, job: Job, folder: Path, progress: Progress) -> JobResult:
        prepare_folder(job, folder)
        with scratch_folder() as box:
            return self._run(kind, job, folder, box, progress)

    def _run(self, kind: str, job: Job, folder: Path, box: Path, progress: Progress) -> JobResult:
        worker = ["-m", "sandbox.worker", str(folder.resolve()), *(["--unsealed"] if kind == "none" else [])]
        cold = launch(self._python, self._code, box, kind, worker, [folder.resolve()], job.limits, subprocess.DEVNULL)
        ended = self._watch(cold, kind, job, folder, progress)
        assert ended is not None, "a launcher always tells how it ended"
        return ended

    def _watch(self, box: Box, kind: str, job: Job, folder: Path, progress: Progress) -> JobResult | None:
        """Read what a box sends to its end. None where it ended and nobody could tell how."""
        started = time.monotonic()
        with contextlib.closing(box):
            reader = FrameReader(folder, job.limits.output_bytes, progress)
            try:
                stderr, complaint = _drain(box, reader, started + job.limits.wall_s, self._stopping)
            except BaseException:  # a full disk, Ctrl-C: nobody reads on, so the box must not go on
                box.kill()
                raise
            if complaint:
                box.kill()
                stderr += _left_over(box.err, MAX_STDERR_BYTES - len(stderr))
            report = box.wait()
        if complaint == STOPPED:
            raise InterruptedRunError("the run was stopped while this box was working.")
        if not complaint and not report:
            return None
        if not complaint:
            _require_walls(report, reader, stderr, kind)
        write_atomically(folder / "stderr.txt", printable(stderr.decode("utf-8", errors="replace")), durable=False)
        ending = Ending(
            result=reader.result,
            complaint=complaint,
            exit_status=report.get("exit"),
            signal=signal_of(report),
            stderr=stderr,
            cpu_s=float(report.get("cpu_s", 0.0)),
            wall_s=time.monotonic() - started,
            walls=_standing(report, reader) if isinstance(box, ColdBox) else self._walls,
        )
        return judged(ending, job.limits)


def _standing(report: Mapping[str, Any], reader: FrameReader) -> str:
    return told([*report.get("walls", ()), *(["seccomp"] if reader.sealed else [])], report.get("gaps", ()))


def _require_walls(report: Mapping[str, Any], reader: FrameReader, stderr: bytes, kind: str) -> None:
    """Refuse what ran without the walls that it was to have. Raises SandboxError."""
    if "refused" in report:
        raise SandboxError(f"the box refused to start its worker ({kind}): {printable(str(report['refused']))}")
    ended = report.get("launcher_exit", -1)
    if ended >= 0:
        raise SandboxError(f"the box's launcher ended with {ended} and no report: {last_words(stderr) or 'is it a Python?'}")
    if kind != "none":
        require_seal(reader)


def _drain(box: Box, reader: FrameReader, deadline: float, stopping: threading.Event) -> tuple[bytes, str]:
    """Read both streams to their end, or until the box must be killed: at the deadline, at the first broken frame, when
    asked to stop. (A process that got away may hold the streams open for ever: after a kill nobody waits for their end.)

    Returns the start of standard error, and why the box must be killed ("" where it ended by itself).
    """
    stderr, complaint = bytearray(), ""
    with selectors.DefaultSelector() as selector:
        selector.register(box.out, selectors.EVENT_READ, "out")
        selector.register(box.err, selectors.EVENT_READ, "err")
        while selector.get_map() and not complaint:
            for key, _ in selector.select(timeout=0.2):
                chunk = os.read(key.fd, CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.data == "err":
                    stderr += chunk[: MAX_STDERR_BYTES - len(stderr)]
                else:
                    complaint = complaint or fed(reader, chunk)
            if selector.get_map() and not complaint:
                complaint = STOPPED if stopping.is_set() else TIMED_OUT if time.monotonic() > deadline else ""
    return bytes(stderr), complaint


def _left_over(file: IO[bytes], limit: int) -> bytes:
    """Return what lies in a pipe now, without waiting for more."""
    os.set_blocking(file.fileno(), False)
    try:
        return os.read(file.fileno(), limit)
    except BlockingIOError:
        return b""
