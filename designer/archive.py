"""The archive: everything a run knows, folded from its journal. A search, a report and a resumed run read nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from designer.journal import (
    Asked,
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
    Screened,
    TimeRead,
    TrainedTogether,
    TrialsFinished,
)
from designer.proposers import Entry
from designer.records import Candidate, Purpose, Remark, Status, Trial, TrialKey, Verdict
from designer.statistics import Spread, lower_bound, mean, pooled_spread

HUMAN, SPARSE, RANDOM = "human", "sparse", "random"
HINDSIGHT = "hindsight"
"""The reviewer that holds a trained reward against the run's good episodes: `auditing.py`."""
BASELINES = {HUMAN: "human-written reward", SPARSE: "fitness as reward", RANDOM: "random play"}


@dataclass
class Archive:
    """Candidates, verdicts and trials by name. Built by `add`, event by event; the order within a round doesn't matter.

    trials: of a training that was paused and went on, the latest piece; it holds the earlier ones' scores.
    screened: what was found of a candidate before its first training.
    together: which candidates were trained in one box.
    spent_s: how long the run has been at work by its last reading of the clock, where its search goes by that.
    training_s: how much of it was training and judging. left_s: how long until it must be done, or None.
    """

    started: RunStarted | None = None
    candidates: dict[str, Candidate] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    trials: dict[TrialKey, Trial] = field(default_factory=dict)
    walls: set[str] = field(default_factory=set)
    calls_started: int = 0
    calls: list[CallFinished] = field(default_factory=list)
    spent: str = ""
    spent_s: float = 0.0
    training_s: float = 0.0
    left_s: float | None = None
    judges_off: dict[str, str] = field(default_factory=dict)
    reviews: dict[tuple[str, str], Reviewed] = field(default_factory=dict)
    screened: dict[str, Screened] = field(default_factory=dict)
    opinions: list[OpinionTaken] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)
    together: list[TrainedTogether] = field(default_factory=list)
    finished: RunFinished | None = None
    _rounds: dict[int, dict[int, Candidate]] = field(default_factory=dict)
    _by_purpose: dict[tuple[str, Purpose], dict[int, Trial]] = field(default_factory=dict)

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
            case Asked(round=round_):
                self.asked.add(round_)
            case Reviewed(reviewer=reviewer, candidate=name):
                self.reviews[reviewer, name] = event
            case CandidateProposed(candidate=candidate, verdict=verdict):
                self.candidates[candidate.id] = candidate
                self.verdicts[candidate.id] = verdict
                self._rounds.setdefault(candidate.round, {})[candidate.sample] = candidate
            case Screened(candidate=name):
                self.screened[name] = event
            case TrialsFinished(trials=trials, walls=walls):
                for trial in trials:
                    self._keep(trial)
                self.walls.add(walls)
            case TrainedTogether():
                self.together.append(event)
            case TimeRead(spent_s=seconds, training_s=training_s, left_s=left_s):
                self.spent_s = max(self.spent_s, seconds)
                self.training_s = max(self.training_s, training_s)
                self.left_s = left_s
            case RunFinished():
                self.finished = event

    def _keep(self, trial: Trial) -> None:
        known = self.trials.get(trial.key)
        if known is None or known.until < trial.until:
            self.trials[trial.key] = trial
            self._by_purpose.setdefault((trial.candidate, trial.purpose), {})[trial.seed] = trial

    def knows(self, event: Event) -> bool:
        """Say whether an event that several threads may report is already in."""
        return (isinstance(event, BudgetSpent) and bool(self.spent)) or (
            isinstance(event, JudgeSwitchedOff) and event.judge in self.judges_off
        )

    def unscored(self) -> Archive:
        """Return this archive without scores and what was found by them: what a search may know that people alone steer."""
        hidden = replace(self, trials={}, _by_purpose={})
        for trial in self.trials.values():
            hidden._keep(trial.model_copy(update={"scores": (), "evidence": None}))
        return hidden

    def in_round(self, round_: int) -> list[Candidate]:
        """Return a round's candidates by sample."""
        return [candidate for _, candidate in sorted(self._rounds.get(round_, {}).items())]

    @property
    def rounds(self) -> list[int]:
        """The rounds that have begun."""
        return sorted(self._rounds)

    def trials_of(self, candidate: str, purpose: Purpose) -> list[Trial]:
        """Return a candidate's trials by seed."""
        return [trial for _, trial in sorted(self._by_purpose.get((candidate, purpose), {}).items())]

    def has_trained(self, candidate: str, purpose: Purpose, seeds: Sequence[int], until: float) -> bool:
        """Say whether all of these seeds were trained so far, however it ended."""
        there = {trial.seed for trial in self.trials_of(candidate, purpose) if trial.until >= until}
        return there.issuperset(seeds)

    def search_scores(self, candidate: str) -> list[float]:
        """Return the fitness of every search seed that was trained to the end and ended well."""
        return [t.result.fitness for t in self.trials_of(candidate, "search") if t.is_whole and t.result]

    def search_score(self, candidate: str) -> float | None:
        """Return a candidate's mean fitness over the search seeds that it was trained to the end on, or None.

        A duplicate's is that of the reward which it is.
        """
        return mean(self.search_scores(self.original(candidate)))

    def factors(self, candidate: str, purpose: Purpose = "search") -> tuple[float, ...] | None:
        """Return the mean of each factor of the task's order, over the seeds that were trained to the end, or None."""
        trials = self.trials_of(self.original(candidate), purpose)
        ends = [trial.factors[-1] for trial in trials if trial.is_whole and trial.factors]
        return tuple(fmean(values) for values in zip(*ends, strict=True)) if ends else None

    def source(self, name: str) -> str:
        """Return a candidate's code, "" for a baseline: nobody proposed it."""
        return "" if name in BASELINES else self.candidates[name].source

    def original(self, candidate: str) -> str:
        """Return the earlier candidate that this one is the same reward as, or itself."""
        return self.duplicate_of(candidate) or candidate

    def duplicate_of(self, candidate: str) -> str:
        """Return the earlier candidate that this one is the same reward as, or ""."""
        screened = self.screened.get(candidate)
        return screened.duplicate_of if screened else ""

    def kept_out(self, candidate: str) -> str:
        """Return what a guard found that keeps a sound candidate from being trained, or ""."""
        screened = self.screened.get(candidate)
        return next((remark.text for remark in screened.remarks if remark.blocking), "") if screened else ""

    def final_scores(self, candidate: str) -> list[float]:
        """Return the final fitness of every final seed that ended well."""
        return [t.result.fitness for t in self.trials_of(candidate, "final") if t.result]

    def search_spread(self) -> Spread | None:
        """Return how far a candidate's search seeds differ, pooled over all candidates that were tried on several."""
        return pooled_spread(self.search_scores(name) for name in sorted(self.candidates))

    def ranked(self) -> list[Candidate]:
        """Return the candidates that have a search score by its lower bound, best first; ties go to the earlier one."""
        pooled = self.search_spread()
        scored = [(self.search_scores(c.id), c) for c in self.candidates.values()]
        ordered = [(-lower_bound(scores, pooled), c.round, c.sample, c) for scores, c in scored if scores]
        return [c for *_, c in sorted(ordered, key=lambda item: item[:3])]

    def trainable(self, candidate: str) -> bool:
        return self.verdicts[candidate].status is Status.OK and not self.kept_out(candidate)

    def entries(self, before_round: int, remarks: dict[str, tuple[Remark, ...]]) -> tuple[Entry, ...]:
        """Return what is known of the earlier rounds' candidates, oldest first."""
        earlier = [candidate for round_ in self.rounds if round_ < before_round for candidate in self.in_round(round_)]
        return tuple(self._entry(candidate, remarks.get(candidate.id, ())) for candidate in earlier)

    def _entry(self, candidate: Candidate, remarks: tuple[Remark, ...]) -> Entry:
        reviews = (review for (_, name), review in self.reviews.items() if name == candidate.id)
        said = tuple(remark for review in reviews for remark in review.remarks)
        trials = tuple(self.trials_of(self.original(candidate.id), "search"))
        told = tuple(dict.fromkeys((*remarks, *said)))
        return Entry(candidate, self.verdicts[candidate.id], trials, told)
