"""What a run does at this moment, for other processes: `live.json` in its folder, replaced at most twice a second.

It is the heartbeat too: a thread replaces it every few seconds, whatever the loop waits for. So another process can tell a run
that works from one that hangs, one that ended in order, and one that was killed.

It is a view, not state: nothing reads it to go on, and losing it loses nothing. The journal says what happened.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import Literal, NamedTuple

from pydantic import ValidationError

from designer.archive import Archive
from designer.display import Display
from designer.journal import Event, TrialsFinished
from designer.proposers import Slot
from designer.records import Record
from designer.search import Batch

LIVE = "live.json"
PAUSE_S = 0.5
BEAT_S = 5.0
SILENT_S = 60.0
"""A process that is there and has not been heard of for so long hangs, or was halted."""
MAX_BYTES = 256 * 1024


class Training(Record):
    """One box at work. `share` and `steps_per_s` are what it says of itself."""

    candidate: str
    purpose: str
    seeds: int
    since: float
    until: float
    share: float = 0.0
    steps_per_s: float = 0.0
    began: bool = False


class Live(Record):
    """What is under way. at: when it was written [s since 1970]. pid: the process that runs the loop.

    host, boot: the machine, and which start of it. born: when the process began, so that another one with its number is not
    taken for it. beat_s: this machine's clock that stands still in sleep: a laptop that wakes up has no dead runs.
    ended: "" while the process is at work, then how it ended.
    """

    at: float
    pid: int
    host: str = ""
    boot: str = ""
    born: str = ""
    beat_s: float = 0.0
    ended: str = ""
    proposing: tuple[str, ...] = ()
    trainings: tuple[Training, ...] = ()


class Published:
    """Implements `Display`: passes everything on to another one, and keeps `live.json` true."""

    def __init__(self, inner: Display, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._inner = inner
        self._path = folder / LIVE
        self._clock = clock
        self._turn = Lock()
        self._me = Live(at=0.0, pid=os.getpid(), host=socket.gethostname(), boot=boot_id(), born=born(os.getpid()))
        self._proposing: tuple[str, ...] = ()
        self._trainings: dict[Batch, Training] = {}
        self._written = 0.0

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Show that this process lives while the block runs, and how it ended afterwards."""
        over = Flag()
        thread = Thread(target=self._beat, args=(over,), name="heartbeat", daemon=True)
        thread.start()
        ended = "finished"
        try:
            yield
        except BaseException as error:
            ended = f"stopped: {type(error).__name__}"
            raise
        finally:
            over.set()
            thread.join()
            with self._turn:
                self._me = self._me.model_copy(update={"ended": ended})
                self._proposing, self._trainings = (), {}
                self._write(now=True)

    def _beat(self, over: Flag) -> None:
        while not over.is_set():
            with self._turn:
                self._write(now=True)
            over.wait(BEAT_S)

    def proposing(self, slots: tuple[Slot, ...]) -> None:
        self._inner.proposing(slots)
        with self._turn:
            self._proposing, self._trainings = tuple(slot.id for slot in slots), {}
            self._write(now=True)

    def training(self, batches: tuple[Batch, ...]) -> None:
        self._inner.training(batches)
        with self._turn:
            self._proposing = ()
            self._trainings |= {batch: _training(batch) for batch in batches}  # others may still be at work
            self._write(now=True)

    def progress(self, batch: Batch, numbers: Mapping[str, float]) -> None:
        self._inner.progress(batch, numbers)
        share = min(1.0, max(0.0, numbers.get("share", 0.0)))
        speed = min(1e9, max(0.0, numbers.get("steps_per_s", 0.0)))
        with self._turn:
            known = self._trainings.get(batch)
            if known:
                self._trainings[batch] = known.model_copy(update={"share": share, "steps_per_s": speed, "began": True})
            self._write()

    def happened(self, event: Event, archive: Archive) -> None:
        self._inner.happened(event, archive)
        with self._turn:
            if isinstance(event, TrialsFinished):
                ended = {(trial.candidate, trial.purpose) for trial in event.trials}
                self._trainings = {b: t for b, t in self._trainings.items() if (b.candidate, b.purpose) not in ended}
            self._proposing = tuple(name for name in self._proposing if name not in archive.candidates)
            self._write()

    def _write(self, now: bool = False) -> None:
        """Replace the file. A disk that refuses it stops no run: the journal's next line will tell."""
        at = self._clock()
        if not now and at - self._written < PAUSE_S:
            return
        self._written = at
        now_at: dict[str, object] = {"at": at, "beat_s": time.monotonic()}
        doing = {"proposing": self._proposing, "trainings": tuple(self._trainings.values())}
        live = self._me.model_copy(update={**now_at, **doing})
        temporary = self._path.with_name(f".{LIVE}.tmp")
        with suppress(OSError):
            temporary.write_text(live.model_dump_json())
            temporary.replace(self._path)


class Pulse(NamedTuple):
    """How a run's process fares, as seen from another one.

    alive · silent (it is there and shows no sign of life) · elsewhere (another machine wrote it; only its age is known) ·
    ended (in order) · dead (killed, or the machine was) · unknown (no run has written here).
    """

    state: Literal["alive", "silent", "elsewhere", "ended", "dead", "unknown"]
    live: Live | None = None


def pulse_of(folder: Path) -> Pulse:
    """Say whether a run's process lives. Never raises."""
    live = _read(folder)
    if live is None:
        return Pulse("unknown")
    if live.ended:
        return Pulse("ended", live)
    if live.host and live.host != socket.gethostname():
        return Pulse("elsewhere", live)
    if live.boot != boot_id() or not _is_alive(live.pid) or (live.born and live.born != born(live.pid)):
        return Pulse("dead", live)
    return Pulse("silent" if time.monotonic() - live.beat_s > SILENT_S else "alive", live)


def read_live(folder: Path) -> Live | None:
    """Return what a run's process last said of itself, or None where there is no such process any more."""
    pulse = pulse_of(folder)
    return pulse.live if pulse.state in ("alive", "silent", "elsewhere") else None


def _read(folder: Path) -> Live | None:
    try:
        path = folder / LIVE
        if path.stat().st_size > MAX_BYTES:
            return None
        return Live.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def boot_id() -> str:
    """Return which start of this machine it is, or "" where it can't be known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def born(pid: int) -> str:
    """Return when a process began, in the kernel's ticks since the machine did; "" where it can't be known."""
    try:  # behind the name, which may hold anything: state is field 3, the start field 22 of `man 5 proc_pid_stat`
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _training(batch: Batch) -> Training:
    return Training(
        candidate=batch.candidate, purpose=batch.purpose, seeds=len(batch.seeds), since=batch.since, until=batch.until
    )
