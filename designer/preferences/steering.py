"""What the answers say to a search: the candidates from the most to the least preferred, and the way the best went.

Two raters who disagree too often are no one opinion: they steer in turns, a round each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from designer.archive import Archive
from designer.preferences.pairs import Pair, pairs_of, rankings
from designer.preferences.reliability import kept_apart, sifted
from designer.preferences.strength import Strengths
from designer.statistics import lower_bound

MOST_FITTED = 60


class Preferred(NamedTuple):
    """What a prompt tells of the answers: the best and the worst, and the best of each round before, oldest first."""

    best: str
    worst: str
    before: tuple[str, ...]
    answers: int


def standing_pairs(archive: Archive, before_round: int | None = None) -> list[Pair]:
    """Return the comparisons that the journal holds, of candidates that it knows."""
    taken = [opinion for opinion in archive.opinions if before_round is None or opinion.round <= before_round]
    return [p for p in pairs_of(rankings(taken)) if p.better in archive.candidates and p.worse in archive.candidates]


def preferences(archive: Archive, round_: int) -> Strengths | None:
    """Return the strengths that steer a round, or None where nobody compared anything yet."""
    pairs = standing_pairs(archive, round_)
    raters = sorted({rater for both in kept_apart(pairs) for rater in both})
    if raters:
        pairs = [pair for pair in pairs if pair.rater == raters[round_ % len(raters)]]
    names = _compared(archive, pairs)
    return sifted(names, _among(pairs, names)).strengths if names else None


def _compared(archive: Archive, pairs: Sequence[Pair]) -> list[str]:
    """Return the latest candidates that were compared, oldest first."""
    seen = {name for pair in pairs for name in (pair.better, pair.worse)}
    return sorted(seen, key=lambda name: (archive.candidates[name].round, archive.candidates[name].sample))[-MOST_FITTED:]


def _among(pairs: Sequence[Pair], names: Sequence[str]) -> list[Pair]:
    known = set(names)
    return [pair for pair in pairs if pair.better in known and pair.worse in known]


def preferred(archive: Archive, round_: int) -> Preferred | None:
    """Return what a round's prompts are told, or None where there is nothing to tell."""
    found = preferences(archive, round_)
    if found is None:
        return None
    ordered = found.ordered()
    best_before = [before.ordered()[0] for r in range(2, round_) if (before := preferences(archive, r)) is not None]
    way = tuple(name for k, name in enumerate(best_before) if name != ordered[0] and name not in best_before[:k])
    return Preferred(ordered[0], ordered[-1], way, len(standing_pairs(archive, round_)))


def tie_broken(archive: Archive, ranked: Sequence[str]) -> list[str]:
    """Reorder by preference where fitness can't tell: those within one pooled standard deviation of the first."""
    found = preferences(archive, max(archive.rounds, default=0) + 1) if ranked else None
    if found is None:
        return list(ranked)
    spread = archive.search_spread()
    lows = {name: lower_bound(archive.search_scores(name), spread) for name in ranked}
    margin = spread.sd if spread else 0.0
    tied = [name for name in ranked if lows[ranked[0]] - lows[name] <= margin]
    strength = {name: found.of(name) if name in found.names else 0.0 for name in tied}
    return [*sorted(tied, key=lambda name: -strength[name]), *(name for name in ranked if name not in tied)]
