"""Greedy search as Eureka published it (Ma et al. 2023), for comparison: not a recommendation.

    a candidate's score    the maximum over the checkpoints of one seed
    a round                all descend from the best of the round before it, which is then forgotten
    the winner             the best score of any round, taken as it is

The paper's size is population 16, rounds 5. What is known to go wrong is kept: the maximum picks noise, and a worse round
replaces a better parent. Only the finals are ours: the winner is trained again on new seeds beside the baselines, so that its
claimed score can be compared with what it is worth.
"""

from __future__ import annotations

from designer.archive import Archive
from designer.config import SearchConfig
from designer.proposers import Slot
from designer.records import Candidate, Verb
from designer.search import Action
from designer.search.planning import finals_or_stop, fresh_slots, plain_round


class Greedy:
    """Implements `Search`."""

    name = "greedy (Eureka as published)"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        self._config = config
        self._baselines = baselines

    def next(self, archive: Archive) -> Action:
        for round_ in range(1, self._config.rounds + 1):
            action = plain_round(archive, self._config, round_, self._slots)
            if action:
                return action
        best = best_by_maximum(archive, list(archive.candidates.values()))
        finalists = [best.id] if best else []
        return finals_or_stop(archive, self._config, self._baselines, finalists)

    def _slots(self, archive: Archive, round_: int) -> list[Slot]:
        """Plan a round: all mutations of the last round's best; anew where the last round left nothing."""
        population = self._config.population
        parent = best_by_maximum(archive, archive.in_round(round_ - 1))
        if parent is None:
            return fresh_slots(round_, range(population))
        return [Slot(round=round_, sample=k, verb=Verb.MUTATE, parents=(parent.id,)) for k in range(population)]


def best_by_maximum(archive: Archive, candidates: list[Candidate]) -> Candidate | None:
    """Return the candidate whose best checkpoint is best; ties go to the earlier one."""
    scores = [(-score, c.round, c.sample, c) for c in candidates if (score := maximum(archive, c.id)) is not None]
    return min(scores, key=lambda item: item[:3])[3] if scores else None


def maximum(archive: Archive, candidate: str) -> float | None:
    """Return the highest fitness of any checkpoint of a candidate's search training: optimistic by construction."""
    return max((s.fitness for trial in archive.trials_of(candidate, "search") for s in trial.scores), default=None)
