"""What a person sees while a run goes on: a live table on a terminal, plain lines elsewhere, nothing in tests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import fmean
from threading import Lock
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from designer.archive import BASELINES, HUMAN, Archive
from designer.journal import (
    BudgetSpent,
    CallFinished,
    CandidateProposed,
    Event,
    JudgeSwitchedOff,
    OpinionTaken,
    Pruned,
    Reviewed,
    RunFinished,
    Screened,
    TrainedTogether,
    TrialsFinished,
)
from designer.proposers import Slot
from designer.records import Status
from designer.search import Batch
from designer.text import one_line, printable

MAX_STEPS_PER_S = 1e9


class Display(Protocol):
    """Is told what goes on. `progress` is called from other threads."""

    def proposing(self, slots: tuple[Slot, ...]) -> None: ...
    def training(self, batches: tuple[Batch, ...]) -> None: ...
    def progress(self, batch: Batch, numbers: Mapping[str, float]) -> None: ...
    def happened(self, event: Event, archive: Archive) -> None: ...


class Silent:
    """Shows nothing."""

    def proposing(self, slots: tuple[Slot, ...]) -> None:
        pass

    def training(self, batches: tuple[Batch, ...]) -> None:
        pass

    def progress(self, batch: Batch, numbers: Mapping[str, float]) -> None:
        pass

    def happened(self, event: Event, archive: Archive) -> None:
        pass


class Plain:
    """One line an event."""

    def __init__(self, console: Console, unit: str) -> None:
        self._console = console
        self._unit = f" {one_line(unit, 40)}" if unit else ""

    def proposing(self, slots: tuple[Slot, ...]) -> None:
        self._say(f"round {slots[0].round}: asking for {count(len(slots), 'reward')}")

    def training(self, batches: tuple[Batch, ...]) -> None:
        if not batches:
            return
        names = ", ".join(f"{b.candidate} ({count(len(b.seeds), 'seed')}{_piece(b)})" for b in batches)
        self._say(f"training {names}")

    def progress(self, batch: Batch, numbers: Mapping[str, float]) -> None:
        pass

    def happened(self, event: Event, archive: Archive) -> None:
        line = told(event, self._unit)
        if line:
            self._say(line)

    def _say(self, line: str) -> None:
        self._console.print(Text(printable(line)), soft_wrap=True)


class LiveTable(Plain):
    """Plain's lines, and below them a table of what trains now. Use it as a context manager."""

    def __init__(self, console: Console, unit: str, planned_steps: int) -> None:
        """`planned_steps`: environment steps of all trainings of this run, for the time that is left."""
        super().__init__(console, unit)
        self._lock = Lock()
        self._running: dict[Batch, Mapping[str, float]] = {}
        self._planned = planned_steps
        self._done = 0
        self._started = time.monotonic()
        self._best = "none yet"
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4, transient=True)

    def __enter__(self) -> LiveTable:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def progress(self, batch: Batch, numbers: Mapping[str, float]) -> None:
        with self._lock:
            self._running[batch] = numbers

    def happened(self, event: Event, archive: Archive) -> None:
        super().happened(event, archive)
        with self._lock:
            if isinstance(event, TrialsFinished):
                ended = {(t.candidate, t.purpose) for t in event.trials}
                self._running = {b: n for b, n in self._running.items() if (b.candidate, b.purpose) not in ended}
            self._done = sum(trial.steps for trial in archive.trials.values())
            best = archive.ranked()
            if best:
                self._best = f"{best[0].id} with {archive.search_score(best[0].id):.3g}{self._unit} (optimistic)"
                human = archive.search_score(HUMAN)
                self._best += "" if human is None else f", the {BASELINES[HUMAN]} {human:.3g}"

    def _table(self) -> Group:
        with self._lock:
            running = list(self._running.items())
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("training", "seeds", "done", "", "steps/s"):
            table.add_column(column)
        for batch, numbers in running:
            share, steps_per_s = _share(numbers), _steps_per_s(numbers)
            table.add_row(
                batch.candidate,
                str(len(batch.seeds)),
                ProgressBar(total=1.0, completed=share, width=24),
                f"{share:.0%}" if share < 1 else "judging",
                f"{steps_per_s:,.0f}",
            )
        return Group(table, Text(f"best so far: {self._best}   {self._time_left(running)}", style="dim"))

    def _time_left(self, running: list[tuple[Batch, Mapping[str, float]]]) -> str:
        speed = sum(_steps_per_s(numbers) for _, numbers in running)
        if speed < 1:
            return ""
        left_s = max(0, self._planned - self._done) / speed
        return f"elapsed {clock(time.monotonic() - self._started)}, about {clock(left_s)} of training left"


def _piece(batch: Batch) -> str:
    """Say which piece of a training a batch is, or nothing where it is the whole."""
    if batch.since:
        return f", from {batch.since:.0%} " + (f"to {batch.until:.0%}" if batch.until < 1 else "on")
    return f", to {batch.until:.0%}" if batch.until < 1 else ""


def _share(numbers: Mapping[str, float]) -> float:
    """Return how much of a training is done. A box can say anything of itself; it must not break the table."""
    return min(1.0, max(0.0, numbers.get("share", 0.0)))


def _steps_per_s(numbers: Mapping[str, float]) -> float:
    return min(MAX_STEPS_PER_S, max(0.0, numbers.get("steps_per_s", 0.0)))


def told(event: Event, unit: str) -> str:
    """Return an event as one line, or "" where it isn't worth one. `unit` stands right behind a fitness."""
    match event:
        case CandidateProposed(candidate=candidate, verdict=verdict):
            origin = f" from {', '.join(candidate.parents)}" if candidate.parents else ""
            if verdict.status is Status.OK:
                return f"{candidate.id} {candidate.verb}{origin}: {one_line(candidate.why, 110)}"
            faults = one_line(str(verdict.faults[0]), 110) if verdict.faults else ""
            return f"{candidate.id} {candidate.verb}{origin}: {verdict.status}: {faults}"
        case TrainedTogether(candidates=names, status=status, error=error):
            failed = "" if status is Status.OK else f": {status}: {one_line(error, 110)}; each is trained in a box of its own"
            return f"{', '.join(names)}: trained in one box{failed}"
        case TrialsFinished():
            return _told_trials(event, unit)
        case CallFinished(key=key, model=model, completion_tokens=tokens):
            return f"{model} answered {key} ({'tokens unknown' if tokens is None else count(tokens, 'token')})"
        case Screened(candidate=name, remarks=remarks):
            return f"{name}: {one_line(remarks[0].text, 200)}" if remarks else ""
        case JudgeSwitchedOff(judge=judge, reason=reason):
            return f"the {judge} is switched off: {reason}"
        case OpinionTaken(kind=kind, text=text, name=name):
            return "" if kind == "rank" else f"taken up: {one_line(text, 110) if kind == 'say' else f'{kind} {name}'}"
        case Reviewed(reviewer=reviewer, candidate=candidate, remarks=remarks, dropped=dropped):
            unsaid = f" ({count(dropped, 'claim')} not confirmed)" if dropped else ""
            return f"{reviewer} on {candidate}: {count(len(remarks), 'remark')}{unsaid}"
        case BudgetSpent(reason=reason):
            return f"no further model calls: {reason}"
        case Pruned(what=what, files=files, freed_bytes=freed):
            return f"the disk is nearly full: {count(files, 'file')} removed, {freed / 1024**2:.0f} MB ({what})"
        case RunFinished(reason=reason):
            return f"done: {reason}"
        case _:
            return ""


def _told_trials(event: TrialsFinished, unit: str) -> str:
    first = event.trials[0]
    name = BASELINES.get(first.candidate, first.candidate)
    results = [trial.result.fitness for trial in event.trials if trial.result]
    if not results:
        return f"{name}: {first.status}: {one_line(first.error, 110)}"
    mean = sum(results) / len(results)
    spread = f", {min(results):.3g} to {max(results):.3g}" if len(results) > 1 else ""
    ends = [trial.factors[-1] for trial in event.trials if trial.factors]
    ordered = f", by the order {', '.join(f'{fmean(values):.3g}' for values in zip(*ends, strict=True))}" if ends else ""
    found = f"fitness {mean:.3g}{unit}{ordered} ({count(len(results), 'seed')}{spread}"
    if not first.trained_here:
        return f"{name}{', kept from an earlier run' if first.from_cache else ''}: {found})"
    trained = "trained" if first.is_whole else f"trained to {first.until:.0%}"
    return f"{name} {trained}: {found}, {first.wall_s:.0f} s)"


def count(number: int, noun: str) -> str:
    """Return "1 seed", "2 seeds"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def clock(seconds: float) -> str:
    """Return a duration as people say it: 45 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
