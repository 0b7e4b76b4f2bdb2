"""THE LOOP. Start reading here.

A search reads the archive and says what is next; the loop does it and writes down what happened. There is no other state:
kill the process at any moment, call `design` again, and it goes on with what is missing.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TypeVar

from designer.archive import Archive
from designer.display import Display
from designer.feedback.critic import Critic
from designer.feedback.ranking import Asks, ask_raters
from designer.journal import Event, Journal, RunFinished, TrialsFinished
from designer.pace import longest_first
from designer.proposers import Proposer, Slot
from designer.proposing import Desk, proposals_for
from designer.reviewing import Reader, brief_for, opinions_for, preparations
from designer.screening import looks_before
from designer.search import Advance, Ask, Batch, Propose, Search, Stop
from designer.together import trainings_together
from designer.trials import run_batch, tidy
from designer.vigil import Vigil
from designer.waiting import Idle, More, Tasks, nothing, side_by_side, stop_all
from designer.workbench import Workbench

Done = TypeVar("Done", bound=Event)


class Loop:
    """One run: its journal, its archive, and the people at work in it."""

    def __init__(
        self, bench: Workbench, search: Search, proposer: Proposer, journal: Journal, archive: Archive, display: Display
    ) -> None:
        self.bench = bench
        self.search = search
        self.proposer = proposer
        self.journal = journal
        self.archive = archive
        self.display = display
        self.critic: Critic | None = None
        self.readers: list[Reader] = []
        self.ask: Asks = ask_raters
        self.world_source, self.parallel = "", 1
        self.stopping, self._turn = threading.Event(), threading.Lock()
        self.vigil = Vigil(bench, archive, self.record)

    def design(self, slots: int) -> Archive:
        """Run to the end, with at most `slots` boxes at once. Raises DesignerError; what is finished stays finished."""
        while self.archive.finished is None:
            self.vigil.begin_step()  # a search reads no clock: the loop does, and writes it down
            match self.search.next(self.archive):
                case Propose(slots=wanted):
                    self.display.proposing(wanted)
                    self.prepare(wanted, slots)
                    brief = brief_for(self.bench, self.archive, wanted[0].round, self.world_source)
                    proposals = proposals_for(wanted, Desk(self.proposer, self.critic, brief, self.bench))
                    self._together(max(slots, self.parallel), proposals, partial(self.meanwhile, slots))
                case Advance(batches=batches):
                    self.advance(batches, slots)
                case Ask(round=round_):
                    for answer in self.ask(self.bench, self.archive, round_, self.stopping):
                        self.record(answer)
                case Stop(reason=reason, winner=winner):
                    self.record(RunFinished(reason=reason, winner=winner))
        return self.archive

    def prepare(self, wanted: tuple[Slot, ...], slots: int) -> None:
        """Before a round: take up what people said, have the parents' failing episodes read and their films looked at."""
        round_ = wanted[0].round
        for taken in opinions_for(self.bench.folder, self.archive, round_):
            self.record(taken)
        self._together(slots, preparations(self.bench, self.archive, round_))
        for reader in self.readers:
            brief = brief_for(self.bench, self.archive, round_, self.world_source)
            self._together(reader.parallel, reader.readings(wanted, brief, self.archive, self.bench))

    def advance(self, batches: tuple[Batch, ...], slots: int) -> None:
        """Look at what was never trained, or else train. Where the night has an end, a search is asked more often."""
        if looks := looks_before(self.bench, batches, self.archive):
            self._together(slots, looks)
            return
        now = self.vigil.first(batches, slots)
        with self.vigil.clock.training():
            self._together(slots, trainings_together(self.bench, self.archive, now, slots, self.display.progress))
            self._together(slots, self.trainings(now), more=lambda: self.trainings(self.vigil.beside(self.search, slots)))

    def trainings(self, batches: tuple[Batch, ...]) -> list[partial[TrialsFinished]]:
        """Return what is to be done for trainings that begin now, the longest first."""
        self.display.training(batches)
        return [partial(self.train_and_judge, batch) for batch in longest_first(self.archive, batches)]

    def meanwhile(self, slots: int) -> None:
        """While replies are waited for: where the endpoint is away, train what is there, or stop waiting when it's time."""
        while batches := self.vigil.work_without_replies(self.search):
            self.advance(batches[:slots], slots)

    def train_and_judge(self, batch: Batch) -> TrialsFinished:
        """Train one reward on its seeds and have the evaluator score the policies."""
        before = self.archive.trials_of(batch.candidate, batch.purpose) if batch.since else ()
        return run_batch(self.bench, batch, self.archive.source(batch.candidate), partial(self.display.progress, batch), before)

    def record(self, event: Event) -> None:
        """Write an event down; only then is it so. Model calls are recorded from the threads that make them."""
        with self._turn:
            if self.archive.knows(event):
                return
            self.journal.append(event)
            self.archive.add(event)
            self.display.happened(event, self.archive)
        if isinstance(event, TrialsFinished):
            tidy(self.bench.folder, event.trials[0].folder)

    def _together(self, slots: int, tasks: Tasks[Done], idle: Idle | None = None, more: More[Done] = nothing) -> None:
        halt = partial(stop_all, self.stopping, self.bench.executor)
        side_by_side(slots, tasks, self.record, halt, idle or self.vigil.look, more)
