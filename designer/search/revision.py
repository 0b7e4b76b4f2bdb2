"""Searches around one given reward, which is the first candidate: `simplify`, `ablate`, `tune`. All seeds for every candidate.

    simplify   drops the term whose loss costs least, as long as the fitness holds within one standard error
    ablate     drops each term once and trains what is left: what did each one buy?
    tune       rounds of the best so far with other numbers

What is kept is trained again beside the given reward on seeds that nothing was chosen by.
"""

from __future__ import annotations

import math

from designer.archive import Archive
from designer.config import SearchConfig
from designer.proposers import Slot
from designer.records import Candidate, Verb
from designer.search import Action, Advance, Batch, Propose, Stop
from designer.search.planning import missing_finals, trainable
from designer.seeds import confirm_seeds, search_seed
from designer.terms import term_names

GIVEN = "g01c00"


class _Revision:
    """What the three share: the given reward first, every candidate on every seed, and the finals."""

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        self._config = config
        self._seeds = (search_seed(config.seed), *confirm_seeds(config.seed, config.confirm_seeds))

    def _round(self, archive: Archive, slots: tuple[Slot, ...]) -> Action | None:
        """Return what a round lacks: candidates, or trainings of them."""
        missing = tuple(slot for slot in slots if slot.id not in archive.candidates)
        if missing:
            return Propose(missing)
        ready = trainable(archive, [archive.candidates[slot.id] for slot in slots])
        untrained = [c.id for c in ready if not archive.trials_of(c.id, "search")]
        return Advance(tuple(Batch(name, "search", self._seeds) for name in untrained)) if untrained else None

    def _given(self, archive: Archive) -> Action | None:
        return self._round(archive, (Slot(round=1, sample=0, verb=Verb.INIT),))

    def _finals(self, archive: Archive, best: str, why: str) -> Action:
        names = list(dict.fromkeys((GIVEN, best))) if archive.trainable(GIVEN) else []
        finals = missing_finals(archive, names, self._config)
        return Advance(finals) if finals else Stop(why, best if archive.final_scores(best) else None)

    def _drops(self, archive: Archive, parent: str, round_: int) -> tuple[Slot, ...]:
        terms = term_names(archive.candidates[parent].source)
        drops = range(len(terms)) if len(terms) > 1 else ()
        return tuple(Slot(round=round_, sample=k, verb=Verb.SIMPLIFY, parents=(parent,)) for k in drops)

    def _best(self, archive: Archive, candidates: list[Candidate]) -> str | None:
        scored = [(score, -c.sample, c.id) for c in candidates if (score := archive.search_score(c.id)) is not None]
        return max(scored)[2] if scored else None


class Simplify(_Revision):
    """Implements `Search`."""

    name = "simplify"

    def next(self, archive: Archive) -> Action:
        action = self._given(archive)
        kept, round_ = GIVEN, 2
        while action is None:
            slots = self._drops(archive, kept, round_)
            action = self._round(archive, slots) if slots else None
            shorter = None if action else self._best(archive, archive.in_round(round_))
            if action or shorter is None or not self._holds(archive, shorter):
                break
            kept, round_ = shorter, round_ + 1
        return action or self._finals(archive, kept, "no further term can go without a loss")

    def _holds(self, archive: Archive, shorter: str) -> bool:
        """Say whether a reward is as good as the given one within a standard error of the mean."""
        before, after, spread = archive.search_score(GIVEN), archive.search_score(shorter), archive.search_spread()
        if before is None or after is None:
            return False
        return after >= before - (spread.sd / math.sqrt(len(self._seeds)) if spread else 0.0)


class Ablate(_Revision):
    """Implements `Search`. The winner is the given reward: nothing is chosen."""

    name = "ablate"

    def next(self, archive: Archive) -> Action:
        action = self._given(archive) or self._round(archive, self._drops(archive, GIVEN, 2))
        return action or Stop("every term was left out once", GIVEN if archive.search_scores(GIVEN) else None)


class Tune(_Revision):
    """Implements `Search`."""

    name = "tune"

    def next(self, archive: Archive) -> Action:
        action = self._given(archive)
        for round_ in range(2, self._config.rounds + 2):
            best = archive.ranked()
            if action or not best:
                break
            parent = next((c.parents[0] for c in archive.in_round(round_)), best[0].id)
            samples = range(self._config.population)
            action = self._round(
                archive, tuple(Slot(round=round_, sample=k, verb=Verb.TUNE, parents=(parent,)) for k in samples)
            )
        if action:
            return action
        ranked = archive.ranked()
        return self._finals(archive, ranked[0].id if ranked else GIVEN, "all rounds of tuning are done")
