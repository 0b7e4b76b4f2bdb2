"""Trackers at a run: each in a thread of its own, so that one that raises or hangs is switched off and the run goes on.

A tracker is handed the points of the whole journal first, from the number on that it asks for, then those of each event as it
happens. How many it was handed is noted before it gets them: a kill at that moment can lose it a few, and never doubles any.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from designer.archive import Archive
from designer.config import knobs
from designer.display import Display
from designer.files import write_atomically
from designer.journal import Event
from designer.proposers import Slot
from designer.runs import Run
from designer.search import Batch
from designer.text import one_line
from designer.trackers import Point, TrackedRun
from designer.trackers.choosing import Named
from designer.trackers.points import Measured

LONGEST_CALL_S = 120.0
LONGEST_END_S = 60.0
NOTES = "tracked"
Say = Callable[[str], None]


class Tracked:
    """Implements `Display`: passes everything on to another one, and hands each event's points to the trackers."""

    def __init__(self, inner: Display, run: Run, trackers: Sequence[Named], say: Say, longest_call_s: float) -> None:
        self._inner = inner
        self._measured = Measured()
        before = [point for stamped in run.events() for point in self._measured.take(stamped.event, stamped.at)]
        self.errands = [Errand(each, run, say, longest_call_s) for each in trackers]
        self._hand_over(before)

    def proposing(self, slots: tuple[Slot, ...]) -> None:
        self._inner.proposing(slots)

    def training(self, batches: tuple[Batch, ...]) -> None:
        self._inner.training(batches)

    def progress(self, batch: Batch, numbers: Mapping[str, float]) -> None:
        self._inner.progress(batch, numbers)

    def happened(self, event: Event, archive: Archive) -> None:
        self._inner.happened(event, archive)
        self._hand_over(self._measured.take(event, time.time()))

    def _hand_over(self, points: list[Point]) -> None:
        for errand in self.errands:
            errand.give(points)


class Errand:
    """One tracker, called from a thread of its own; the run never waits for it, but for a while at its end."""

    def __init__(self, named: Named, run: Run, say: Say, longest_call_s: float) -> None:
        self.name = named.name
        self._tracker = named.tracker
        self._note = run.folder / NOTES / "".join(c if c.isalnum() else "-" for c in named.name)
        self._run = TrackedRun(run.folder.name, run.folder, run.task.text, _settings(run), _number_in(self._note))
        self._say = say
        self._longest_call_s = longest_call_s
        self._waiting: queue.SimpleQueue[list[Point] | None] = queue.SimpleQueue()
        self._called_at: float | None = None
        self._off = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"tracker {named.name}", daemon=True)
        self._thread.start()

    def give(self, points: list[Point]) -> None:
        """Have points tracked soon. Where the tracker has not come back from a call for long, it is switched off instead."""
        called_at = self._called_at
        if called_at is not None and time.monotonic() - called_at > self._longest_call_s:
            self._switch_off(f"it has not come back for {self._longest_call_s:.0f} s")
        if points and not self._off.is_set():
            self._waiting.put(points)

    def finish(self) -> None:
        """Say that nothing more comes."""
        self._waiting.put(None)

    def wait(self, until: float) -> None:
        """Wait for the tracker's end until this time of the monotonic clock, then leave it alone."""
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            self._switch_off("it has not ended in time, and is left alone")

    def _work(self) -> None:
        try:
            self._call_all()
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a tracker does, the run goes on
            self._switch_off(f"{type(error).__name__}: {one_line(str(error), 300)}")

    def _call_all(self) -> None:
        first = self._timed(lambda: self._tracker.begin(self._run))
        done = self._run.handed_over
        while (points := self._waiting.get()) is not None:
            wanted = [point for point in points if point.number >= first]
            if not wanted or self._off.is_set():
                continue
            done = max(done, wanted[-1].number + 1)
            write_atomically(self._note, str(done))
            self._timed(lambda wanted=wanted: self._tracker.track(wanted))  # type: ignore[misc]
        if not self._off.is_set():
            self._timed(self._tracker.end)

    def _timed(self, call: Callable[[], int | None]) -> int:
        self._called_at = time.monotonic()
        try:
            return call() or 0
        finally:
            self._called_at = None

    def _switch_off(self, reason: str) -> None:
        if not self._off.is_set():
            self._off.set()
            self._say(f"the tracker {self.name} is switched off: {reason}. The run goes on without it.")


@contextmanager
def tracking(
    run: Run,
    display: Display,
    trackers: Sequence[Named],
    say: Say,
    longest_call_s: float = LONGEST_CALL_S,
    longest_end_s: float = LONGEST_END_S,
) -> Iterator[Tracked]:
    """Have trackers told of a run while the block runs. The times are limits, for tests of trackers that hang."""
    tracked = Tracked(display, run, trackers, say, longest_call_s)
    try:
        yield tracked
    finally:
        until = time.monotonic() + longest_end_s
        for errand in tracked.errands:
            errand.finish()
        for errand in tracked.errands:
            errand.wait(until)


def _settings(run: Run) -> dict[str, str | int | float | bool]:
    """Return what is set, by dotted names."""
    values = {knob.name: knob.default for knob in knobs(run.config) if knob.default is not None}
    return {name: value if isinstance(value, int | float) else str(value) for name, value in values.items()}


def _number_in(note: Path) -> int:
    with suppress(OSError, ValueError):
        return int(note.read_text())
    return 0
