"""What the loop keeps an eye on through a night: clocks, disk, idle slots, and whether the model's endpoint is there."""

from __future__ import annotations

from collections.abc import Callable

from designer.archive import Archive
from designer.clocks import Clocks, TimeWatch, WorkClock
from designer.disk import DiskGuard
from designer.further import further
from designer.journal import Event
from designer.llm.outage import Outage
from designer.search import Advance, Batch, Search, Stop
from designer.together import one_stage
from designer.workbench import Workbench

READ_EVERY_S = 60.0
PORTION = 2
"""Trainings a slot between two questions to a search that must end in time."""


class Vigil:
    """Asked by the loop before each step and every second of a wait."""

    def __init__(self, bench: Workbench, archive: Archive, record: Callable[[Event], None]) -> None:
        self.outage = Outage()
        self.say: Callable[[str], None] = lambda line: None
        self._bench = bench
        self._archive = archive
        self._record = record
        self._begun: set[Batch] = set()
        self.watch_with(Clocks(), bench)
        self.disk = DiskGuard(bench.folder, bench.config.disk)

    def watch_with(self, clocks: Clocks, bench: Workbench) -> None:
        """Go by these clocks."""
        self.clock = WorkClock(bench.config.search, self._archive, clocks)
        self._times = TimeWatch(clocks)

    def look(self) -> None:
        """Prune or stop before the disk is full, and tell of clocks that jumped. Raises DiskError."""
        if line := self._times.noticed():
            self.say(line)
        for pruned in self.disk.look(self._archive):
            self._record(pruned)

    def begin_step(self) -> None:
        """Look, and read the clock. Raises DiskError."""
        self.look()
        self.read_clock()

    def read_clock(self) -> None:
        """Write down how long the run has been at work, where its search goes by that."""
        if self.clock.limited:
            self._record(self.clock.read())

    def first(self, batches: tuple[Batch, ...], slots: int) -> tuple[Batch, ...]:
        """Return the trainings to begin before the search is asked anew: all, unless it must end at a time of day."""
        self._begun = set()
        return self._portion(one_stage(self._bench, batches), slots)

    def beside(self, search: Search, slots: int) -> tuple[Batch, ...]:
        """Return what can begin too when one of these trainings has ended and a slot is idle. Raises DiskError."""
        self.begin_step()
        return self._portion(further(self._bench, search, self._archive, self._begun), slots)

    def _portion(self, batches: tuple[Batch, ...], slots: int) -> tuple[Batch, ...]:
        now = batches[: PORTION * slots] if self.clock.ends and batches and batches[0].purpose == "search" else batches
        self._begun.update(now)
        return now

    def work_without_replies(self, search: Search) -> tuple[Batch, ...]:
        """Look, and return what can be trained while the endpoint is away. Where no time is left to wait, waiting is over.

        Raises DiskError.
        """
        self.look()
        if not self.outage.lasts or self.outage.given_up:
            return ()
        if self.clock.limited and self.clock.is_due(READ_EVERY_S):
            self.read_clock()
        match getattr(search, "meanwhile", _nothing)(self._archive):
            case Advance(batches=batches):
                return batches
            case Stop(reason=reason):
                self.outage.give_up(reason)
        return ()


def _nothing(_: Archive) -> None:
    """Most rules need the whole round."""
