"""What trackers are told: a fold of the journal, event by event, so that every session of a run finds the same points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from designer.archive import BASELINES, Archive
from designer.journal import CallFinished, CandidateProposed, Event, RunFinished, Screened, TrialsFinished
from designer.records import Status, Trial, TrialKey
from designer.text import one_line, printable
from designer.trackers import Axis, Point

MAX_TERMS = 20
MAX_NAME, MAX_TEXT = 60, 4000
Value = tuple[str, str, Axis, int, float | str]
"""A point without its number and time: series, tag, axis, step, value."""
Known = Mapping[TrialKey, Trial | None]
"""What was known of an event's trials before it."""


class Measured:
    """Folds events into points. Give it a run's events from the first on."""

    def __init__(self) -> None:
        self._archive = Archive()
        self._number = 0
        self._steps = 0
        self._calls = self._tokens = 0
        self._cost = 0.0
        self._refused = self._failed = self._duplicates = 0

    def take(self, event: Event, at: float) -> list[Point]:
        """Return the points of the next event. at: when it was [s since 1970]."""
        trials = event.trials if isinstance(event, TrialsFinished) else ()
        known = {trial.key: self._archive.trials.get(trial.key) for trial in trials}
        self._archive.add(event)
        points = []
        for series, tag, axis, step, value in self._of(event, known):
            if isinstance(value, str) or math.isfinite(value):
                points.append(Point(self._number, series, tag, axis, step, value, at))
                self._number += 1
        return points

    def _of(self, event: Event, known: Known) -> Iterable[Value]:
        match event:
            case CandidateProposed():
                return self._proposed(event)
            case Screened(duplicate_of=original):
                self._duplicates += bool(original)
                return [("", "candidates/duplicates", "candidates", len(self._archive.candidates), self._duplicates)]
            case CallFinished():
                return self._called(event)
            case TrialsFinished():
                return list(self._trained(event, known))
            case RunFinished(reason=reason, winner=winner):
                code = f"{winner}\n\n{self._archive.source(winner)}" if winner else "none"
                ends = {"run/end": reason, "run/winner": code}
                return [("", tag, "steps", self._steps, printable(text, MAX_TEXT)) for tag, text in ends.items()]
            case _:
                return []

    def _proposed(self, event: CandidateProposed) -> list[Value]:
        """Count, and say who proposed what: words and code, which are data."""
        candidate, verdict = event.candidate, event.verdict
        self._refused += verdict.status is not Status.OK
        at = len(self._archive.candidates)
        faults = "".join(f"\nrefused: {fault}" for fault in verdict.faults)
        told = f"{candidate.verb} by {one_line(candidate.proposer, MAX_NAME)}: {one_line(candidate.why, 400)}{faults}"
        return [
            ("", "candidates/proposed", "candidates", at, at),
            ("", "candidates/refused", "candidates", at, self._refused),
            (candidate.id, "code", "candidates", at, printable(f"{told}\n\n{candidate.source}", MAX_TEXT)),
        ]

    def _called(self, event: CallFinished) -> list[Value]:
        """Add a model call up. What an endpoint didn't say adds nothing."""
        self._calls += 1
        self._tokens += (event.prompt_tokens or 0) + (event.completion_tokens or 0)
        self._cost += event.cost or 0.0
        sums = {"calls/tokens": self._tokens, "calls/cost": self._cost}
        return [("", tag, "calls", self._calls, value) for tag, value in sums.items()]

    def _trained(self, event: TrialsFinished, known: Known) -> Iterator[Value]:
        first = event.trials[0]
        for trial in event.trials:
            before = known.get(trial.key)
            if trial.trained_here:
                self._steps += max(0, trial.steps - (before.steps if before else 0))
            yield from _curve(trial, before)
        if first.status is not Status.OK:
            self._failed += 1
            yield "", "candidates/failed", "candidates", len(self._archive.candidates), self._failed
            return
        results = [trial.result for trial in event.trials if trial.result]
        if not first.is_whole or not results:
            return
        alone = first.purpose == "search" and first.candidate not in BASELINES
        tag = "search/fitness" if alone else f"{first.purpose}/{first.candidate}"
        yield "", tag, "steps", self._steps, sum(result.fitness for result in results) / len(results)
        if alone:
            yield from self._leader()

    def _leader(self) -> Iterator[Value]:
        best = self._archive.ranked()
        if best:
            score = self._archive.search_score(best[0].id)
            assert score is not None
            yield "", "search/best", "steps", self._steps, score


def _curve(trial: Trial, before: Trial | None) -> Iterator[Value]:
    """Return what a training's checkpoints scored, and what its terms paid; of a paused one's second half, the new ones."""
    series = f"{trial.candidate}/{trial.purpose}-s{trial.seed}"
    whole = trial.steps / trial.until if trial.until else 0
    told = len(before.scores) if before else 0
    for score in trial.scores[told:]:
        at = round(score.fraction * whole)
        yield series, "fitness", "steps", at, score.fitness
        yield series, "episode_s", "steps", at, score.episode_s
        if score.success is not None:
            yield series, "success", "steps", at, score.success
    for trace in trial.traces[:MAX_TERMS] if trial.is_whole else ():
        for k, mean in enumerate(trace.mean):
            yield series, f"term/{_plain(trace.name)}", "steps", round((k + 1) / len(trace.mean) * whole), mean


def _plain(name: str) -> str:
    """Return a term's name as any tracker takes it: letters, digits and _ ; the box may have named it anything."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name[:MAX_NAME]) or "_"
