"""The docker executor: a fresh container for every job, with nothing in it but the job, the worker's code and its packages.

A container has no network, a read-only root, no capabilities, an ordinary user, and limits on memory, swap, processes, CPU,
files and time. The job and the code are bound read-only, as copies that its user may read; one framed stream comes out.
`sandbox/contained.py` is process 1 in there: it tries the walls before the worker starts, and ends everything when the line
to this process is cut, however this process dies; the engine then removes the container.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from designer.errors import InterruptedRunError, SandboxError
from designer.executors import Job, JobResult, Limits, Progress
from designer.executors.attached import Demultiplexer
from designer.executors.boxed import box_environment, fed, require_seal, signal_of
from designer.executors.ending import STOPPED, TIMED_OUT, Ending, judged, last_words
from designer.executors.engine import Engine, Line, close
from designer.executors.folder import prepare_folder
from designer.executors.owners import OWNER, RUN, own_label, sweep
from designer.executors.stream import FrameReader
from designer.executors.walls import told
from designer.files import disk_error, write_atomically
from designer.records import Status
from designer.scratch import scratch_folder
from designer.scratch import sweep as sweep_scratch
from designer.text import printable

USER = 10001
CODE, JOB, SCRATCH = "/code", "/job", "/tmp"
SCRATCH_OPTIONS = f"rw,noexec,nosuid,nodev,nr_inodes=1000,uid={USER},gid={USER},mode=0700"
PROCESSES, OPEN_FILES = 256, 256
CPUS = 1.0
CHUNK = 1 << 20
SPARE_WALL_S = 30.0  # this process keeps the clock; the launcher's own is for when it can't
END_S = 10.0
UNBOUNDED_BYTES = 1 << 60
CHECK_LIMITS = Limits(cpu_s=20, wall_s=60)


class Image(NamedTuple):
    """What containers are made of.

    python: the worker's interpreter in there. binds: folders of this machine that are bound read-only at the same place. With
    these an empty image will do: how the run flags are tested where no base image can be had.
    """

    reference: str
    python: str = "/opt/worker/bin/python"
    binds: tuple[str, ...] = ()


class Options(NamedTuple):
    """What can be chosen of a container. runtime: such as runsc, not given: the engine's. gpu: pass all GPUs through."""

    runtime: str | None = None
    gpu: bool = False


DEFAULT = Options()


class Docker:
    """Runs each job in a container of its own."""

    name = "docker"

    def __init__(self, engine: Engine, image: Image, code: Path, options: Options = DEFAULT) -> None:
        """`code`: a folder that holds `envs/` and `sandbox/`."""
        self._engine = engine
        self._image = image
        self._code = code.absolute()
        self._options = options
        self._walls = ""
        self._runtime = ""
        self._choosing = threading.RLock()  # the self-check is a run
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End every container that runs, and start none any more. Called from another thread."""
        self._stopping.set()

    def walls(self) -> str:
        self._begin()
        with self._choosing:
            if not self._walls:
                self._walls = self._tried()
        return self._walls

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        if self._stopping.is_set():
            raise InterruptedRunError("the run was stopped before this box was started.")
        self._begin()
        prepare_folder(job, folder)
        with scratch_folder() as scratch:
            staged(self._code, scratch / "code")
            staged(folder, scratch / "job")
            return self._run(job, folder, scratch, progress)

    def _begin(self) -> None:
        """See that the engine answers and has the image; sweep what dead processes left. Once. Raises SandboxError."""
        with self._choosing:
            if self._runtime:
                return
            about = self._engine.about()
            if not self._engine.has_image(self._image.reference):
                environment = self._image.reference.removeprefix("designer-").partition(":")[0]
                raise SandboxError(f"the engine has no image {self._image.reference}. Type: designer image build {environment}")
            sweep(self._engine)
            sweep_scratch()
            self._runtime = self._options.runtime or about.runtime

    def _tried(self) -> str:
        with scratch_folder() as scratch:
            ended = self.run(Job("check", {}, {}, CHECK_LIMITS), scratch / "job", lambda _: None)
        if ended.status is not Status.OK:
            raise SandboxError(f"a container of {self._image.reference} doesn't work ({ended.status}): {ended.error}")
        return ended.walls

    def _run(self, job: Job, folder: Path, scratch: Path, progress: Progress) -> JobResult:
        started = time.monotonic()
        reader, heard = FrameReader(folder, job.limits.output_bytes, progress), Demultiplexer()
        container = self._engine.create(
            self._image.reference, self._command(job.limits), self._settings(job.limits, scratch), self._config(folder)
        )
        try:
            line = self._engine.attach(container)  # before the start: what comes first must not be missed
            try:
                self._engine.start(container)
                complaint = self._listen(line, reader, heard, started + job.limits.wall_s, container)
            finally:
                close(line)
        finally:
            self._engine.remove(container)
        if complaint == STOPPED:
            raise InterruptedRunError("the run was stopped while this box was working.")
        report = _usable_report(heard, reader, complaint)
        write_atomically(folder / "stderr.txt", printable(heard.stderr().decode("utf-8", errors="replace")), durable=False)
        ending = Ending(
            result=reader.result,
            complaint=complaint,
            exit_status=report.get("exit"),
            signal=signal_of(report),
            stderr=heard.stderr(),
            cpu_s=float(report.get("cpu_s", 0.0)),
            wall_s=time.monotonic() - started,
            walls=told([self._runtime, *report.get("walls", ()), *(["seccomp"] if reader.sealed else [])]),
            out_of_memory=report.get("out_of_memory") is True,
        )
        return judged(ending, job.limits)

    def _listen(self, line: Line, reader: FrameReader, heard: Demultiplexer, deadline: float, container: str) -> str:
        """Read until the container ends, or must be killed: at the deadline, at the first broken frame, when asked to stop.

        Returns why it was killed, or "" where it ended by itself.
        """
        ended = False
        try:
            while not ended:
                chunk = _heard(line)
                ended = chunk == b""
                if complaint := fed(reader, heard.feed(chunk or b"")):
                    return complaint
                if not ended and self._stopping.is_set():
                    return STOPPED
                if not ended and time.monotonic() > deadline:
                    return TIMED_OUT
            return ""
        finally:
            if not ended:
                self._kill(line, heard, container)

    def _kill(self, line: Line, heard: Demultiplexer, container: str) -> None:
        """Kill a container and read on until its line ends: an engine whose output nobody takes waits with the kill."""

        def kill() -> None:
            with suppress(SandboxError):  # it is removed by force afterwards
                self._engine.kill(container)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        give_up = time.monotonic() + END_S
        while time.monotonic() < give_up and (chunk := _heard(line)) != b"":
            heard.feed(chunk or b"")
        killer.join(END_S)

    def _command(self, limits: Limits) -> list[str]:
        python = self._image.python
        spec = {
            "argv": [python, "-s", "-P", "-m", "sandbox.worker", JOB],
            "cpu_s": limits.cpu_s,
            # CUDA reserves more addresses than there is memory; the container's memory is bounded all the same.
            "memory_bytes": UNBOUNDED_BYTES if self._options.gpu or limits.devices else limits.memory_bytes,
            "file_bytes": limits.file_bytes,
            "wall_s": limits.wall_s + SPARE_WALL_S,
            "read_only": ["/", CODE, JOB],
        }
        return [python, "-s", "-P", "-S", "-m", "sandbox.contained", json.dumps(spec)]

    def _settings(self, limits: Limits, scratch: Path) -> dict[str, Any]:
        """Return the engine's side of a container: its walls and its limits."""
        from docker.types import DeviceRequest, LogConfig, Mount, Ulimit

        binds = {scratch / "code": CODE, scratch / "job": JOB, **{Path(path): path for path in self._image.binds}}
        # A container numbers the GPUs that it is given anew, so it needs no variable to choose among them.
        wanted: dict[str, Any] = {"device_ids": list(limits.devices)} if limits.devices else {"count": -1}
        gpus = [DeviceRequest(capabilities=[["gpu"]], **wanted)] if self._options.gpu or limits.devices else None
        return {
            "network_mode": "none",
            "ipc_mode": "none",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "pids_limit": PROCESSES,
            "mem_limit": limits.memory_bytes,
            "memswap_limit": limits.memory_bytes,
            "nano_cpus": int(CPUS * 1e9),
            "ulimits": [
                Ulimit(name="fsize", soft=limits.file_bytes, hard=limits.file_bytes),
                Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
                Ulimit(name="core", soft=0, hard=0),
            ],
            "tmpfs": {SCRATCH: f"{SCRATCH_OPTIONS},size={limits.file_bytes}"},
            "mounts": [Mount(target, str(source), type="bind", read_only=True) for source, target in binds.items()],
            "log_config": LogConfig(type="none"),
            "init": False,  # the launcher is process 1
            "auto_remove": True,
            "runtime": self._options.runtime,
            "device_requests": gpus,
        }

    def _config(self, folder: Path) -> dict[str, Any]:
        """Return the container's own side."""
        return {
            "user": f"{USER}:{USER}",
            "environment": box_environment(CODE, SCRATCH),
            "working_dir": SCRATCH,
            "entrypoint": [],
            "hostname": "box",
            "labels": {OWNER: own_label(), RUN: str(folder)},
        }


def staged(source: Path, target: Path) -> None:
    """Copy a folder so that a container's user may read it, whatever the rights of the original. Raises DiskError."""
    try:
        shutil.copytree(source, target, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("__pycache__"))
        for folder, _, files in os.walk(target):
            os.chmod(folder, 0o755)
            for name in files:
                os.chmod(Path(folder, name), 0o644)
    except OSError as error:
        raise disk_error(target, error) from error


def _heard(line: Line) -> bytes | None:
    """Return what a line brings within a moment: b"" at its end, None where nothing came."""
    with selectors.DefaultSelector() as selector:
        selector.register(line.fileno(), selectors.EVENT_READ)
        if not selector.select(timeout=0.2):
            return None
    try:
        return os.read(line.fileno(), CHUNK)
    except BlockingIOError:
        return None
    except ConnectionError:
        return b""


def _usable_report(heard: Demultiplexer, reader: FrameReader, complaint: str) -> Mapping[str, Any]:
    """Return what the launcher reported; refuse what ran without walls. Raises SandboxError."""
    report = heard.report()
    if complaint:
        return report or {}
    if report is None:
        words = last_words(heard.stderr())
        raise SandboxError(f"the container ended without a word of its launcher. Was it killed, or the engine? {words}".strip())
    if "refused" in report:
        raise SandboxError(f"the container refused to start its worker: {printable(str(report['refused']))}")
    require_seal(reader)
    return report


def leftovers(engine: Engine) -> Sequence[str]:
    """Name the containers of this process that an engine still has."""
    return [f"container {kept.id[:12]} ({kept.state})" for kept in engine.containers(f"{OWNER}={own_label()}")]
