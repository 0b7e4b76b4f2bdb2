"""The default search: rounds of candidates, then the best ones again on seeds that nothing was chosen by.

Every round keeps a share of fresh proposals beside those made from the best so far; parents are the best of all rounds,
never only of the last. All candidates train to the end. The winner is chosen among the finalists by their final seeds
alone; the score that made them finalists is optimistic and is reported beside it.
"""

from __future__ import annotations

from designer.archive import Archive
from designer.config import SearchConfig
from designer.proposers import Slot
from designer.records import Verb
from designer.search import Action, Advance, Batch, Propose, Stop
from designer.seeds import final_seeds, search_seed
from designer.statistics import mean


class Halving:
    """Implements `Search`."""

    name = "halving, without the cut"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        """`baselines`: which of "human" and "sparse" this task has."""
        self._config = config
        self._baselines = baselines

    def next(self, archive: Archive) -> Action:
        for round_ in range(1, self._config.rounds + 1):
            missing = self._missing_slots(archive, round_)
            if missing and not archive.spent:
                return Propose(missing)
            untrained = self._untrained(archive, round_)
            if untrained:
                return Advance(untrained)
        finals = self._missing_finals(archive)
        if finals:
            return Advance(finals)
        return self._stop(archive)

    def _missing_slots(self, archive: Archive, round_: int) -> tuple[Slot, ...]:
        there = {candidate.sample for candidate in archive.in_round(round_)}
        return tuple(slot for slot in self._slots(archive, round_) if slot.sample not in there)

    def _slots(self, archive: Archive, round_: int) -> list[Slot]:
        """Plan a round: fresh ones first, then descendants of the best of earlier rounds."""
        parents = [c.id for c in archive.ranked() if c.round < round_]
        fresh = self._config.population if not parents else round(self._config.fresh * self._config.population)
        slots = [Slot(round=round_, sample=sample, verb=Verb.INIT) for sample in range(fresh)]
        for turn, sample in enumerate(range(fresh, self._config.population)):
            verb, chosen = _descent(turn, parents)
            slots.append(Slot(round=round_, sample=sample, verb=verb, parents=chosen))
        return slots

    def _untrained(self, archive: Archive, round_: int) -> tuple[Batch, ...]:
        seed = search_seed(self._config.seed)
        return tuple(
            Batch(c.id, "search", (seed,))
            for c in archive.in_round(round_)
            if archive.trainable(c.id) and not archive.trials_of(c.id, "search")
        )

    def _missing_finals(self, archive: Archive) -> tuple[Batch, ...]:
        seeds = final_seeds(self._config.seed, self._config.final_seeds)
        names = [*self._baselines, *(c.id for c in archive.ranked()[: self._config.finalists])]
        missing = []
        for name in names:
            done = {trial.seed for trial in archive.trials_of(name, "final")}
            if not done.issuperset(seeds):
                missing.append(Batch(name, "final", seeds))
        return tuple(missing)

    def _stop(self, archive: Archive) -> Stop:
        means = {c.id: mean(archive.final_scores(c.id)) for c in archive.ranked()[: self._config.finalists]}
        scored = {name: value for name, value in means.items() if value is not None}
        if scored:
            reason = archive.spent or "all rounds and the final trainings are done"
            return Stop(reason, max(scored, key=lambda name: scored[name]))
        if self._config.rounds == 0:
            return Stop("only baselines were asked for", None)
        return Stop(archive.spent or "no candidate could be trained to the end", None)


def descent_verb(turn: int) -> Verb:
    """Return how the turn-th descendant of a round is made, where there are parents enough."""
    return (Verb.MUTATE, Verb.CROSSOVER, Verb.TUNE, Verb.SIMPLIFY)[turn % 4]


def _descent(turn: int, parents: list[str]) -> tuple[Verb, tuple[str, ...]]:
    """Say how the turn-th descendant of a round is made: mutate the best, cross the best two, tune, simplify."""
    verb = descent_verb(turn)
    if verb is Verb.CROSSOVER and len(parents) > 1:
        return verb, (parents[0], parents[1])
    if verb is Verb.CROSSOVER:
        verb = Verb.MUTATE
    return verb, (parents[(turn // 4) % len(parents)],)
