"""Best of N: as many rewards as the rounds hold, all written anew; the best single training goes to the finals.

The control for every rule that learns from earlier rounds: whatever it finds, it found without having looked.
"""

from __future__ import annotations

from designer.archive import Archive
from designer.config import SearchConfig
from designer.proposers import Slot
from designer.search import Action
from designer.search.planning import finals_or_stop, fresh_slots, plain_round


class BestOfN:
    """Implements `Search`. N is search.rounds * search.population; all of them train to the end."""

    name = "best_of_n"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        self._config = config
        self._baselines = baselines

    def next(self, archive: Archive) -> Action:
        for round_ in range(1, self._config.rounds + 1):
            action = plain_round(archive, self._config, round_, self._slots)
            if action:
                return action
        finalists = [c.id for c in archive.ranked()[:1]]
        return finals_or_stop(archive, self._config, self._baselines, finalists)

    def _slots(self, archive: Archive, round_: int) -> list[Slot]:
        return fresh_slots(round_, range(self._config.population))
