"""Trackers: where a run's numbers go besides its own folder. One small protocol for ours and for a third party's.

A tracker is told points: what the journal says, as numbers over an axis. It never sees the run's state, can't change it, and
nothing that it does (raise, hang) can harm the run: see `tracking.py`. docs/trackers.md lists the names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

Axis = Literal["steps", "candidates", "calls"]
"""What a point's step counts: environment steps, candidates proposed, or model calls answered."""


class Point(NamedTuple):
    """One value.

    number: from 0, the same in every session of a run: the order of the journal. series: "" for the whole run, or one
    training, such as "g01c02/search-s7". step: where on the axis; of a training, its own environment steps; of the run, those
    of all trainings together. value: a finite number, or text, which is data: capped, and without control characters.
    """

    number: int
    series: str
    tag: str
    axis: Axis
    step: int
    value: float | str
    at: float

    @property
    def name(self) -> str:
        """Its one name, where a tracker has no series."""
        return f"{self.series}/{self.tag}" if self.series else self.tag


class TrackedRun(NamedTuple):
    """Whose points these are.

    folder: the run's; a tracker's files may lie in there. settings: by their dotted names. handed_over: the number of points
    that earlier sessions handed to this tracker.
    """

    name: str
    folder: Path
    task: str
    settings: Mapping[str, str | int | float | bool]
    handed_over: int


class Tracker(Protocol):
    """Is called from one thread of its own, in this order: `begin`, `track` any number of times, `end`."""

    def begin(self, run: TrackedRun) -> int:
        """Open. Return the number of the first point that is wanted: `run.handed_over` to go on, 0 to begin anew."""

    def track(self, points: Sequence[Point]) -> None:
        """Take points, in the order of their numbers. None is handed over twice, unless `begin` asks for it."""

    def end(self) -> None:
        """Write out and close. The run may be gone on with later."""
