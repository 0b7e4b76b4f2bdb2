"""What a run does at this moment, for other processes: `live.json` in its folder, replaced at most twice a second.

It is a view, not state: nothing reads it to go on, and losing it loses nothing. The journal says what happened.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

from pydantic import ValidationError

from designer.archive import Archive
from designer.display import Display
from designer.journal import Event, TrialsFinished
from designer.proposers import Slot
from designer.records import Record
from designer.search import Batch

LIVE = "live.json"
PAUSE_S = 0.5
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
    """What is under way. at: when it was written [s since 1970]. pid: the process that runs the loop."""

    at: float
    pid: int
    proposing: tuple[str, ...] = ()
    trainings: tuple[Training, ...] = ()


class Published:
    """Implements `Display`: passes everything on to another one, and keeps `live.json` true."""

    def __init__(self, inner: Display, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._inner = inner
        self._path = folder / LIVE
        self._clock = clock
        self._turn = Lock()
        self._proposing: tuple[str, ...] = ()
        self._trainings: dict[Batch, Training] = {}
        self._written = 0.0

    def proposing(self, slots: tuple[Slot, ...]) -> None:
        self._inner.proposing(slots)
        with self._turn:
            self._proposing, self._trainings = tuple(slot.id for slot in slots), {}
            self._write(now=True)

    def training(self, batches: tuple[Batch, ...]) -> None:
        self._inner.training(batches)
        with self._turn:
            self._proposing = ()
            self._trainings = {batch: _training(batch) for batch in batches}
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
        live = Live(at=at, pid=os.getpid(), proposing=self._proposing, trainings=tuple(self._trainings.values()))
        temporary = self._path.with_name(f".{LIVE}.tmp")
        with suppress(OSError):
            temporary.write_text(live.model_dump_json())
            temporary.replace(self._path)


def read_live(folder: Path) -> Live | None:
    """Return what a run's process last said of itself, or None where there is no such process any more."""
    try:
        path = folder / LIVE
        if path.stat().st_size > MAX_BYTES:
            return None
        live = Live.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return live if _is_alive(live.pid) else None


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
