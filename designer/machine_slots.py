"""Share a machine's slots among all runs of a user: a lock file for each, held while a box works.

The kernel lets go of a lock when its process ends, however it ends, so nothing has to be cleaned up after a kill -9.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from designer.errors import InterruptedRunError
from designer.executors import Executor, Job, JobResult, Progress
from designer.records import Record
from designer.user_folders import cache_folder, named_folder

VARIABLE = "DESIGNER_SLOTS"
LOOK_EVERY_S = 0.2
TELL_AFTER_S = 10.0
MAX_BYTES = 4096


class Held(Record):
    """What holds a slot: a job of a run (its folder), in a process, since when [s since 1970]."""

    slot: int
    run: str
    job: str
    pid: int
    since: float


class MachineSlots:
    """The slots of this machine, as lock files in one folder. Every run that names the same folder shares them."""

    def __init__(self, folder: Path, count: int, say: Callable[[str], None] = lambda line: None) -> None:
        self._folder = folder
        self._count = count
        self._say = say
        self._stopping = threading.Event()
        self._told = False

    def stop(self) -> None:
        """End every wait for a slot."""
        self._stopping.set()

    @contextmanager
    def one(self, run: Path, job: str) -> Iterator[int | None]:
        """Hold a slot while the block runs; wait until one is free. None where the folder can't be used: then nothing is.

        Raises InterruptedRunError.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._tell(f"slots are not shared with other runs: {self._folder} can't be made ({error.strerror}).")
            yield None
            return
        slot, descriptor = self._wait(run, job)
        try:
            yield slot
        finally:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def _wait(self, run: Path, job: str) -> tuple[int, int]:
        began = time.monotonic()
        while True:
            for slot in range(self._count):
                descriptor = _take(self._folder / f"slot-{slot}")
                if descriptor is not None:
                    held = Held(slot=slot, run=str(run.resolve()), job=job, pid=os.getpid(), since=time.time())
                    with suppress(OSError):  # a full disk: what is written is for people only
                        os.ftruncate(descriptor, 0)
                        os.pwrite(descriptor, held.model_dump_json().encode(), 0)
                    return slot, descriptor
            if time.monotonic() - began > TELL_AFTER_S:
                others = sorted({Path(held.run).name for held in held_slots(self._folder)} - {run.name})
                if others:
                    self._tell(f"all {self._count} slots of this machine are held, also by {', '.join(others)}: waiting")
            if self._stopping.wait(LOOK_EVERY_S):
                raise InterruptedRunError("the run was stopped while it waited for a slot of this machine.")

    def _tell(self, line: str) -> None:
        if not self._told:
            self._told = True
            self._say(line)


class Sharing:
    """Wraps an `Executor`: each job holds a slot of the machine."""

    def __init__(self, executor: Executor, slots: MachineSlots, run: Path) -> None:
        self.name = executor.name
        self._executor = executor
        self._slots = slots
        self._run = run

    def walls(self) -> str:
        return self._executor.walls()

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        place = folder.relative_to(self._run) if folder.is_relative_to(self._run) else Path(folder.name)
        with self._slots.one(self._run, f"{job.verb} {place}"):
            return self._executor.run(job, folder, progress)

    def stop(self) -> None:
        self._slots.stop()
        self._executor.stop()


def held_slots(folder: Path) -> list[Held]:
    """Return who holds which slot now. A file that nobody locks is of no one, whatever it says."""
    found = []
    for path in sorted(folder.glob("slot-*")):
        descriptor = _take(path, shared=True)
        if descriptor is not None:
            os.close(descriptor)
            continue
        with suppress(OSError, ValidationError):
            found.append(Held.model_validate_json(path.read_bytes()[:MAX_BYTES]))
    return sorted(found, key=lambda held: held.slot)


def slots_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """Return where the lock files are: $DESIGNER_SLOTS if set, else the user's runtime folder, else their cache folder."""
    if named := named_folder(variables, VARIABLE):
        return named
    runtime = variables.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and os.path.isdir(runtime):
        return Path(runtime) / "designer" / "slots"
    return cache_folder(variables) / "slots"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _take(path: Path, shared: bool = False) -> int | None:
    """Lock a slot's file and return its descriptor, which no child inherits; None where somebody else holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
