"""Which clock counts what, on a machine that may sleep or have its clock set.

awake    CLOCK_MONOTONIC: stands still while the machine sleeps. What a run may use is counted by it: the limits of boxes, a
         budget in time, the patience with an endpoint, the heartbeat. A night with the lid closed uses none of them.
boot     CLOCK_BOOTTIME: goes on in sleep. Only the difference to `awake` is read, to say that the machine slept.
wall     the time of day: for `--until`, which is one, and for the journal's stamps, which decide nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from designer.archive import Archive
from designer.config import SearchConfig
from designer.display import clock
from designer.journal import TimeRead

LEAST_TOLD_S = 60.0
"""Shorter sleeps and smaller changes of the clock are not worth a line."""


def boot_s() -> float:
    """Return the seconds since the machine started, sleep included where this system counts it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Clocks(NamedTuple):
    """Three clocks [s]."""

    awake: Callable[[], float] = time.monotonic
    boot: Callable[[], float] = boot_s
    wall: Callable[[], float] = time.time


class TimeWatch:
    """Notices that the machine slept, or that its clock was set."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._asleep_s, self._set_s = self._offsets()

    def noticed(self) -> str:
        """Say what happened to the clocks since the last call, or ""."""
        asleep_s, set_s = self._offsets()
        slept, moved = asleep_s - self._asleep_s, set_s - self._set_s
        self._asleep_s, self._set_s = asleep_s, set_s
        told = []
        if slept > LEAST_TOLD_S:
            told.append(f"the machine slept for {clock(slept)}; that counts for nothing but --until")
        if abs(moved) > LEAST_TOLD_S:
            told.append(f"the machine's clock was set {'forward' if moved > 0 else 'back'} by {clock(abs(moved))}")
        return "; ".join(told)

    def _offsets(self) -> tuple[float, float]:
        boot = self._clocks.boot()
        return boot - self._clocks.awake(), self._clocks.wall() - boot


class WorkClock:
    """Reads how long a run has been at work, and how long it still may be, for a search that reads no clock itself."""

    def __init__(self, search: SearchConfig, archive: Archive, clocks: Clocks) -> None:
        """`archive`: what earlier sessions of the run read."""
        self._clocks = clocks
        self._began = clocks.awake() - archive.spent_s
        self._training_s = archive.training_s
        self._training_began: float | None = None
        self._until = datetime.fromisoformat(search.until).timestamp() if search.until else None
        self.limited = search.budget is not None or self._until is not None
        self._read_at = -float("inf")

    @property
    def ends(self) -> bool:
        """Whether there is a time of day at which all must be done."""
        return self._until is not None

    def read(self) -> TimeRead:
        self._read_at = self._clocks.awake()
        left = None if self._until is None else self._until - self._clocks.wall()
        now_s = 0.0 if self._training_began is None else self._read_at - self._training_began
        return TimeRead(spent_s=self._read_at - self._began, training_s=self._training_s + now_s, left_s=left)

    def is_due(self, every_s: float) -> bool:
        """Say whether the last reading is so old."""
        return self._clocks.awake() - self._read_at >= every_s

    @contextmanager
    def training(self) -> Iterator[None]:
        """Count the time that the block takes as training."""
        began = self._training_began = self._clocks.awake()
        yield
        self._training_s += self._clocks.awake() - began
        self._training_began = None
