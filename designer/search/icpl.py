"""ICPL (Yu et al. 2024): people's rankings instead of a fitness. The best is the parent, the worst is shown as what to avoid.

    a round     all to the end on one seed; then whoever ranks is asked, and the search goes on with what was answered
    parents     the best two by the answers of all rounds, never by a score
    the winner  the strongest by the answers; the finals say how it does on seeds that nobody ranked

No score of the evaluator is read here but for whether a training ended. Where nobody has answered yet, a round is written anew.
"""

from __future__ import annotations

from designer.archive import Archive
from designer.config import SearchConfig
from designer.preferences.steering import preferences
from designer.proposers import Slot
from designer.search import Action, Advance, Stop
from designer.search.planning import ALL_DONE, descent, fresh_slots, missing_finals, plain_round

FRESH_A_ROUND = 1
NOBODY_ANSWERED = "nobody answered a comparison, so nothing says which candidate is best"


class Icpl:
    """Implements `Search`."""

    name = "icpl"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        self._config = config
        self._baselines = baselines

    def next(self, archive: Archive) -> Action:
        for round_ in range(1, self._config.rounds + 1):
            action = plain_round(archive, self._config, round_, self._slots)
            if action:
                return action
        best = next((name for name in self.best_first(archive, self._config.rounds + 1) if archive.trainable(name)), None)
        finals = missing_finals(archive, [*self._baselines, *([best] if best else [])], self._config)
        if finals:
            return Advance(finals)
        return Stop(archive.spent or (ALL_DONE if best else NOBODY_ANSWERED), best)

    def best_first(self, archive: Archive, round_: int) -> list[str]:
        """Return the candidates that were compared before a round, the most preferred first."""
        found = preferences(archive, round_)
        return found.ordered() if found else []

    def _slots(self, archive: Archive, round_: int) -> list[Slot]:
        population = self._config.population
        parents = self.best_first(archive, round_)[:2]
        if not parents:
            return fresh_slots(round_, range(population))
        slots = fresh_slots(round_, range(min(FRESH_A_ROUND, population - 1)))
        for turn, sample in enumerate(range(len(slots), population)):
            verb, chosen = descent(turn, parents)
            slots.append(Slot(round=round_, sample=sample, verb=verb, parents=chosen))
        return slots
