"""What the pages of all runs and of one run say: data for templates, every text short and safe to print."""

from __future__ import annotations

import time
from datetime import datetime
from typing import NamedTuple

from designer.archive import BASELINES, Archive
from designer.budget import planned_units
from designer.desk.shelf import Book
from designer.desk.worth import Worth
from designer.display import clock, count
from designer.feedback.guards import alarms_of, fitness_range
from designer.records import Candidate, Status
from designer.review.findings import judged
from designer.review.lineage import outcome
from designer.review.verdict import sentences, shown
from designer.statistics import interval, lower_bound
from designer.text import one_line

PAGE = 50


class RunRow(NamedTuple):
    """A line of the list of runs."""

    name: str
    text: str
    state: str
    tried: int
    trainings: int
    best: str
    when: str


class Leader(NamedTuple):
    """The best candidate so far by its search score, which is optimistic."""

    id: str
    score: str
    interval: str
    seeds: str


class Now(NamedTuple):
    """What a run does at this moment, for the part of its page that renews itself."""

    state: str
    doing: str
    trainings: tuple[tuple[str, str, int, str], ...]
    """(name, what piece, percent, steps a second)"""
    throughput: str
    leader: Leader | None
    done: int
    planned: int
    left: str
    calls: str
    alarms: tuple[tuple[str, str], ...]
    version: str


class CandidateRow(NamedTuple):
    """A line of the table of candidates."""

    id: str
    round: int
    origin: str
    parents: tuple[str, ...]
    outcome: str
    ended_well: bool
    score: str
    alarms: tuple[str, ...]
    why: str
    mark: str


class Paged(NamedTuple):
    """A page of a longer list. Pages count from 1."""

    number: int
    pages: int
    total: int

    @property
    def slice(self) -> slice:
        return slice((self.number - 1) * PAGE, self.number * PAGE)


def paged(total: int, asked: str) -> Paged:
    """Return the page that was asked for, or the nearest that there is."""
    pages = max(1, -(-total // PAGE))
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else 1
    return Paged(min(max(1, number), pages), pages, total)


def run_row(name: str, book: Book | str) -> RunRow:
    """Sum up a run for the list; one that can't be read says why."""
    if isinstance(book, str):
        return RunRow(name, one_line(book, 160), "unreadable", 0, 0, "–", "")
    best = leader_of(book.archive, book.run.task.fitness_unit)
    score = "" if best is None or not book.run.task.is_judged else best.score
    when = datetime.fromtimestamp(book.began_s).strftime("%Y-%m-%d %H:%M") if book.began_s else ""
    return RunRow(
        name, one_line(book.run.task.text, 120), book.state, len(book.archive.candidates), len(book.archive.trials),
        f"{best.id} {score}".strip() if best else "–", when,
    )  # fmt: skip


def leader_of(archive: Archive, unit: str) -> Leader | None:
    """Return the best candidate by the lower end of its mean's interval."""
    finished = archive.finished
    name = finished.winner if finished else next((c.id for c in archive.ranked()), None)
    score = archive.search_score(name) if name else None
    if name is None or score is None:
        return None
    scores = archive.search_scores(name)
    own = interval(scores)
    if own:
        told = f"{shown(own.low)} to {shown(own.high)}"
    else:
        spread = archive.search_spread()
        told = f"at least {shown(lower_bound(scores, spread))}" if spread else "one seed, no interval"
    return Leader(name, f"{shown(score)} {unit}".strip(), told, count(len(scores), "seed"))


def now(book: Book, clock_s: float | None = None) -> Now:
    """Say what a run does, how far it is and what is left."""
    archive, live, search = book.archive, book.live, book.run.config.search
    trainings = () if live is None else tuple(
        (BASELINES.get(t.candidate, t.candidate), _piece(t.purpose, t.seeds, t.since, t.until), round(100 * t.share),
         f"{t.steps_per_s:,.0f}" if t.began else "waits")
        for t in live.trainings
    )  # fmt: skip
    speed = sum(t.steps_per_s for t in live.trainings if t.share < 1) if live else 0.0
    planned = planned_units(search.size, search.cut, len(book.run.baselines))
    done = sum(_new_share(archive, key) for key in archive.trials)
    return Now(
        state=book.state,
        doing=_doing(book),
        trainings=trainings,
        throughput=f"{speed:,.0f} steps/s" if speed >= 1 else "",
        leader=leader_of(archive, book.run.task.fitness_unit),
        done=round(done),
        planned=max(round(planned), round(done)),
        left=_left(book, speed, planned, done, clock_s or time.time()),
        calls=_calls(book),
        alarms=alarmed(archive)[:8],
        version=f"{book.state}-{len(archive.trials)}-{len(archive.candidates)}-{len(book.opinions)}",
    )


def _new_share(archive: Archive, key: object) -> float:
    return archive.trials[key].until  # type: ignore[index] # keys of the same mapping


def _piece(purpose: str, seeds: int, since: float, until: float) -> str:
    part = f", from {since:.0%} on" if since else f", to {until:.0%}" if until < 1 else ""
    return f"{purpose}, {count(seeds, 'seed')}{part}"


def _doing(book: Book) -> str:
    if book.archive.finished:
        return f"Finished: {one_line(book.archive.finished.reason)}."
    if book.live is None:
        return "Stopped. Nothing finished is lost; it goes on with: designer run and the run's folder."
    if book.live.proposing:
        return f"Asking for {count(len(book.live.proposing), 'reward')}: {', '.join(book.live.proposing[:8])}."
    if book.live.trainings:
        return f"Training {count(len(book.live.trainings), 'reward')}."
    return "Between two steps."


def _left(book: Book, speed: float, planned: float, done: float, now_s: float) -> str:
    """Say what is left of the budget, in the unit that the budget has."""
    budget = book.run.config.search.budget
    spent = f"at work for {clock(book.archive.spent_s)} of {budget}" if budget and book.archive.spent_s else ""
    if book.archive.finished or book.live is None:
        return spent
    left_steps = max(0.0, planned - done) * book.run.task.steps
    time_left = f"about {clock(left_steps / speed)} of training left" if speed >= 1 else ""
    elapsed = f"{clock(max(0.0, now_s - book.began_s))} since the start" if book.began_s else ""
    return ", ".join(part for part in (spent, elapsed, time_left) if part)


def _calls(book: Book) -> str:
    llm = book.run.config.llm
    if llm.provider == "composer":
        return "no language model"
    return f"{book.archive.calls_started} of at most {llm.max_calls} model calls"


def alarmed(archive: Archive) -> tuple[tuple[str, str], ...]:
    """Return (candidate, alarm) of every alarm, the latest candidate's first."""
    seen = fitness_range(archive)
    found = [(name, one_line(remark.text, 200)) for name in archive.candidates for remark in alarms_of(archive, name, seen)]
    return tuple(reversed(found))


def verdict_sentences(book: Book) -> list[str]:
    """Return the run's verdict in plain sentences."""
    return sentences(judged(book.run, book.archive, book.latest_s - book.began_s))


def candidate_rows(book: Book, chosen: list[Candidate], marks: dict[str, str], worth: Worth) -> list[CandidateRow]:
    """Sum up candidates for the table. marks: a person's last word on each (approved, rejected)."""
    archive, seen = book.archive, fitness_range(book.archive)
    rows = []
    for candidate in chosen:
        told, well = outcome(archive, candidate, scored=not worth.by_answers)
        alarms = tuple(remark.text.partition(":")[0] for remark in alarms_of(archive, candidate.id, seen))
        rows.append(
            CandidateRow(
                id=candidate.id, round=candidate.round, origin=str(candidate.verb), parents=candidate.parents, outcome=told,
                ended_well=well, score=worth.told.get(candidate.id, "–"), alarms=alarms,
                why=one_line(candidate.why, 140), mark=marks.get(candidate.id, ""),
            )
        )  # fmt: skip
    return rows


def ordered(archive: Archive, by: str, worth: Worth | None = None) -> list[Candidate]:
    """Return the candidates by score (the default), by age, or those that ended badly first.

    worth: what puts them in order where no fitness does.
    """
    aged = sorted(archive.candidates.values(), key=lambda c: (c.round, c.sample))
    if by == "age":
        return aged
    ranked = [candidate.id for candidate in archive.ranked()]
    if worth is not None and worth.by_answers:
        ranked = sorted(worth.values, key=lambda name: -worth.values[name])
    ranks = {name: place for place, name in enumerate(ranked)}
    if by == "failed":
        return sorted(aged, key=lambda c: (archive.verdicts[c.id].status is Status.OK and c.id in ranks, c.id))
    return sorted(aged, key=lambda c: ranks.get(c.id, len(ranks)))
