"""Islands: populations that breed apart and seldom meet, after REvolve (Hazra et al. 2024).

A candidate lives on island sample mod ISLANDS. An offspring joins its island only where it scores at least the island's mean;
parents are drawn by rank (the paper's softmax over raw fitness depends on the task's unit), the k-th of n with weight
n - k. Every MIGRATION_ROUNDS rounds the best of an island replaces the worse half of the next one's parents.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import NamedTuple

from designer.archive import Archive
from designer.config import SearchConfig
from designer.proposers import Slot
from designer.records import Candidate, Verb
from designer.search import Action
from designer.search.planning import affords, finals_or_stop, fresh_slots, plain_round

ISLANDS = 3
CROSSOVER = 0.5
MIGRATION_ROUNDS = 3


class Islands:
    """Implements `Search`."""

    name = "islands"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        self._config = config
        self._baselines = baselines

    def next(self, archive: Archive) -> Action:
        for round_ in range(1, self._config.rounds + 1):
            begun = bool(archive.in_round(round_)) or round_ == 1
            if not begun and not affords(archive, self._config, self._config.population):
                break
            action = plain_round(archive, self._config, round_, self._slots)
            if action:
                return action
        finalists = [c.id for c in archive.ranked()[: self._config.finalists]]
        return finals_or_stop(archive, self._config, self._baselines, finalists)

    def _slots(self, archive: Archive, round_: int) -> list[Slot]:
        """Plan a round: each island breeds its own share; an island without anyone is settled anew."""
        slots = []
        living = [self.members(archive, island, round_) for island in range(ISLANDS)]
        for sample in range(self._config.population):
            parents = living[sample % ISLANDS]
            random = Random(f"{self._config.seed}/{round_}/{sample}")
            slots.append(_offspring(round_, sample, parents, random))
        return slots

    def members(self, archive: Archive, island: int, before: int) -> list[Candidate]:
        """Return who lives on an island when a round begins, best first."""
        born = _born(archive, island, before)
        living = _settled(born)
        if before > 1 and (before - 1) % MIGRATION_ROUNDS == 0:
            return _with_guest(living, _born(archive, (island - 1) % ISLANDS, before))
        return [one.candidate for one in living]


class _Native(NamedTuple):
    """A candidate that was born on an island, and its score."""

    candidate: Candidate
    score: float

    @property
    def place(self) -> tuple[float, int, int]:
        """Sorts the best first; of equals the earlier one."""
        return (-self.score, self.candidate.round, self.candidate.sample)


def _born(archive: Archive, island: int, before: int) -> list[list[_Native]]:
    """Return an island's candidates that have a score, round by round."""
    return [
        [
            _Native(candidate, score)
            for candidate in archive.in_round(round_)
            if candidate.sample % ISLANDS == island and (score := archive.search_score(candidate.id)) is not None
        ]
        for round_ in range(1, before)
    ]


def _settled(born: Sequence[Sequence[_Native]]) -> list[_Native]:
    """Let those of each round stay that score at least the mean of who lives there. It is exact: of equals all stay."""
    living: list[_Native] = []
    total = Fraction()
    for generation in born:
        level = total / len(living) if living else None
        stay = [one for one in generation if level is None or one.score >= level]
        total += sum((Fraction(one.score) for one in stay), Fraction())
        living += stay
    return sorted(living, key=lambda one: one.place)


def _with_guest(living: Sequence[_Native], neighbours: Sequence[Sequence[_Native]]) -> list[Candidate]:
    """Let the best of the neighbouring island take the place of the worse half."""
    guest = min((one for generation in neighbours for one in generation), key=lambda one: one.place, default=None)
    if guest is None:
        return [one.candidate for one in living]
    kept = [one for one in living[: max(1, len(living) // 2)] if one.candidate.id != guest.candidate.id]
    return [one.candidate for one in sorted([*kept, guest], key=lambda one: one.place)]


def _offspring(round_: int, sample: int, parents: Sequence[Candidate], random: Random) -> Slot:
    """Cross two of an island, or change one; with nobody there, begin anew."""
    if not parents:
        return fresh_slots(round_, range(sample, sample + 1))[0]
    first = _drawn(parents, random)
    others = [c for c in parents if c.id != first.id]
    if others and random.random() < CROSSOVER:
        second = _drawn(others, random)
        return Slot(round=round_, sample=sample, verb=Verb.CROSSOVER, parents=(first.id, second.id))
    return Slot(round=round_, sample=sample, verb=Verb.MUTATE, parents=(first.id,))


def _drawn(parents: Sequence[Candidate], random: Random) -> Candidate:
    """Draw one by rank: the best of n is n times as likely as the last."""
    return random.choices(parents, weights=range(len(parents), 0, -1))[0]
