"""The archive: everything a run knows, folded from its journal. A search, a report and a resumed run read nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from designer.journal import (
    BudgetSpent,
    CallFinished,
    CallStarted,
    CandidateProposed,
    Event,
    JudgeSwitchedOff,
    OpinionTaken,
    Reviewed,
    RunFinished,
    RunStarted,
    TrialsFinished,
)
from designer.proposers import Entry
from designer.records import Candidate, Purpose, Remark, Status, Trial, TrialKey, Verdict
from designer.statistics import mean

HUMAN, SPARSE = "human", "sparse"
BASELINES = {HUMAN: "human-written reward", SPARSE: "fitness as reward"}


@dataclass
class Archive:
    """Candidates, verdicts and trials by name. Built by `add`, event by event; the order within a round doesn't matter."""

    started: RunStarted | None = None
    candidates: dict[str, Candidate] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    trials: dict[TrialKey, Trial] = field(default_factory=dict)
    walls: set[str] = field(default_factory=set)
    calls_started: int = 0
    calls: list[CallFinished] = field(default_factory=list)
    spent: str = ""
    judges_off: dict[str, str] = field(default_factory=dict)
    reviews: dict[tuple[str, str], Reviewed] = field(default_factory=dict)
    opinions: list[OpinionTaken] = field(default_factory=list)
    finished: RunFinished | None = None

    @classmethod
    def of(cls, events: Iterable[Event]) -> Archive:
        archive = cls()
        for event in events:
            archive.add(event)
        return archive

    def add(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case RunStarted():
                self.started = event
            case CallStarted():
                self.calls_started += 1
            case CallFinished():
                self.calls.append(event)
            case BudgetSpent(reason=reason):
                self.spent = reason
            case JudgeSwitchedOff(judge=judge, reason=reason):
                self.judges_off[judge] = reason
            case OpinionTaken():
                self.opinions.append(event)
            case Reviewed(reviewer=reviewer, candidate=name):
                self.reviews[reviewer, name] = event
            case CandidateProposed(candidate=candidate, verdict=verdict):
                self.candidates[candidate.id] = candidate
                self.verdicts[candidate.id] = verdict
            case TrialsFinished(trials=trials, walls=walls):
                self.trials.update({trial.key: trial for trial in trials})
                self.walls.add(walls)
            case RunFinished():
                self.finished = event

    def knows(self, event: Event) -> bool:
        """Say whether an event that several threads may report is already in."""
        return (isinstance(event, BudgetSpent) and bool(self.spent)) or (
            isinstance(event, JudgeSwitchedOff) and event.judge in self.judges_off
        )

    def in_round(self, round_: int) -> list[Candidate]:
        """Return a round's candidates by sample."""
        return sorted((c for c in self.candidates.values() if c.round == round_), key=lambda c: c.sample)

    def trials_of(self, candidate: str, purpose: Purpose) -> list[Trial]:
        """Return a candidate's trials by seed."""
        found = (t for t in self.trials.values() if t.candidate == candidate and t.purpose == purpose)
        return sorted(found, key=lambda trial: trial.seed)

    def search_score(self, candidate: str) -> float | None:
        """Return a candidate's mean fitness over its search trials, or None."""
        return mean([t.result.fitness for t in self.trials_of(candidate, "search") if t.result])

    def final_scores(self, candidate: str) -> list[float]:
        """Return the final fitness of every final seed that ended well."""
        return [t.result.fitness for t in self.trials_of(candidate, "final") if t.result]

    def ranked(self) -> list[Candidate]:
        """Return the candidates that have a search score, best first; ties go to the earlier one."""
        scored = [(self.search_score(c.id), c) for c in self.candidates.values()]
        ordered = [(-score, c.round, c.sample, c) for score, c in scored if score is not None]
        return [c for *_, c in sorted(ordered, key=lambda item: item[:3])]

    def trainable(self, candidate: str) -> bool:
        return self.verdicts[candidate].status is Status.OK

    def entries(self, before_round: int, remarks: dict[str, tuple[Remark, ...]]) -> tuple[Entry, ...]:
        """Return what is known of the earlier rounds' candidates, oldest first."""
        earlier = sorted((c for c in self.candidates.values() if c.round < before_round), key=lambda c: (c.round, c.sample))
        return tuple(self._entry(candidate, remarks.get(candidate.id, ())) for candidate in earlier)

    def _entry(self, candidate: Candidate, remarks: tuple[Remark, ...]) -> Entry:
        reviews = (review for (_, name), review in self.reviews.items() if name == candidate.id)
        said = tuple(remark for review in reviews for remark in review.remarks)
        trials = tuple(self.trials_of(candidate.id, "search"))
        return Entry(candidate, self.verdicts[candidate.id], trials, (*remarks, *said))
