"""A bandit over paused trainings: ORSO's rule (Zhang et al. 2024) with D3RB balancing (Dann et al. 2023).

A round's candidates are arms. Each pull trains one arm one slice further; the arm with the smallest balancing potential
phi_i = d_i sqrt(n_i) is pulled next, where n_i counts its slices. After a pull the arm is tested against the others:

    u_i / n_i + d_i sqrt(n_i) / n_i + c sqrt(ln n_i / n_i)  <  max_j (u_j / n_j - c sqrt(ln n_j / n_j))    then d_i doubles

u_i sums the arm's scores, scaled to 0..1 over all scores so far. A round has as many pulls as halving's would cost; it ends
early when an arm is trained to its end and no other is due before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from designer.archive import Archive
from designer.budget import round_units
from designer.config import SearchConfig
from designer.proposers import Slot
from designer.records import Trial
from designer.search import Action, Advance, Batch, Propose
from designer.search.planning import affords, descent, finals_or_stop, fresh_slots, missing_slots, trainable
from designer.seeds import search_seed

SLICES = 4
CONFIDENCE = 0.1
D_MIN = 0.1


class Arm(NamedTuple):
    """A candidate as D3RB sees it: its slice scores, scaled to 0..1, and its regret coefficient d."""

    candidate: str
    scores: tuple[float, ...]
    d: float

    @property
    def potential(self) -> float:
        return self.d * math.sqrt(len(self.scores))


class Bandit:
    """Implements `Search`."""

    name = "bandit (D3RB)"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        self._config = config
        self._baselines = baselines

    def next(self, archive: Archive) -> Action:
        for round_ in range(1, self._config.rounds + 1):
            if not archive.in_round(round_) and round_ > 1 and not affords(archive, self._config, self._pulls() / SLICES):
                break
            missing = missing_slots(archive, round_, self._config.population, self._slots)
            if missing and not archive.spent:
                return Propose(missing)
            pull = self._pull(archive, round_)
            if pull:
                return Advance(pull)
        finalists = [c.id for c in archive.ranked()[: self._config.finalists]]
        return finals_or_stop(archive, self._config, self._baselines, finalists)

    def _slots(self, archive: Archive, round_: int) -> list[Slot]:
        """Plan a round: half written anew, half from the best so far, as ORSO does."""
        population = self._config.population
        parents = [c.id for c in archive.ranked() if c.round < round_]
        fresh = population if not parents else -(-population // 2)
        slots = fresh_slots(round_, range(fresh))
        for turn, sample in enumerate(range(fresh, population)):
            verb, chosen = descent(turn, parents)
            slots.append(Slot(round=round_, sample=sample, verb=verb, parents=chosen))
        return slots

    def _pulls(self) -> int:
        """Return how many slices a round may train: what halving would spend on it."""
        return round(round_units(self._config.size, 0.5, 0) * SLICES)

    def _pull(self, archive: Archive, round_: int) -> tuple[Batch, ...]:
        """Return the next slices: every arm's first one together, then one at a time."""
        seed = search_seed(self._config.seed)
        trials = {c.id: _search_trial(archive, c.id, seed) for c in trainable(archive, archive.in_round(round_))}
        new = [name for name, trial in trials.items() if trial is None]
        if new:
            return tuple(Batch(name, "search", (seed,), until=1 / SLICES) for name in new)
        alive = {name: trial for name, trial in trials.items() if trial is not None and trial.result}
        arms = d3rb({name: _slices(trial) for name, trial in alive.items()})
        done = sum(round(trial.until * SLICES) for trial in trials.values() if trial is not None)
        open_arms = [arm for arm in arms if not alive[arm.candidate].is_whole]
        if not open_arms or done >= self._pulls():
            return self._at_least_one(alive, arms, seed)
        chosen = min(open_arms, key=lambda arm: (arm.potential, arm.candidate))
        return (_slice(alive[chosen.candidate], seed),)

    def _at_least_one(self, alive: dict[str, Trial], arms: Sequence[Arm], seed: int) -> tuple[Batch, ...]:
        """Finish the arm with the best last slice where the pulls ended before any arm did: a round must leave a score."""
        if not arms or any(trial.is_whole for trial in alive.values()):
            return ()
        best = max(arms, key=lambda arm: (arm.scores[-1], arm.candidate))
        return (_slice(alive[best.candidate], seed),)


def d3rb(slices: dict[str, tuple[float, ...]]) -> list[Arm]:
    """Replay the misspecification test over each arm's slices. Scores are scaled over all arms, so units don't matter."""
    seen = [score for scores in slices.values() for score in scores]
    if not seen:
        return []
    low, span = min(seen), max(seen) - min(seen) or 1.0
    scaled = {name: tuple((score - low) / span for score in scores) for name, scores in slices.items()}
    best = max(_mean(scores) - _width(len(scores)) for scores in scaled.values())
    return [Arm(name, scores, _coefficient(scores, best)) for name, scores in scaled.items()]


def _coefficient(scores: tuple[float, ...], best: float) -> float:
    """Double d as often as the arm fails the test: its optimistic mean stays below the best arm's pessimistic one."""
    n, d = len(scores), D_MIN
    while _mean(scores) + d / math.sqrt(n) + _width(n) < best:
        d *= 2
    return d


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores)


def _width(n: int) -> float:
    return CONFIDENCE * math.sqrt(math.log(max(n, 2)) / n)


def _slices(trial: Trial) -> tuple[float, ...]:
    """Return the score at the end of every slice so far."""
    at = [(k + 1) / SLICES for k in range(round(trial.until * SLICES))]
    return tuple(score for share in at if (score := trial.fitness_at(share)) is not None)


def _slice(trial: Trial, seed: int) -> Batch:
    return Batch(trial.candidate, "search", (seed,), until=min(1.0, trial.until + 1 / SLICES), since=trial.until)


def _search_trial(archive: Archive, candidate: str, seed: int) -> Trial | None:
    return next((trial for trial in archive.trials_of(candidate, "search") if trial.seed == seed), None)
