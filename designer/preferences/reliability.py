"""Which answers to believe: every rater has a share of answers that come out the wrong way round, estimated with the strengths.

Expectation and maximisation over CrowdBT's model: P(answer) = (1 - e) P(i beats j) + e P(j beats i), with e a rater's own and a
prior that most answers are meant. An answer that is probably the wrong way round is left out, and named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from designer.preferences.pairs import Pair
from designer.preferences.strength import PRIOR_SD, Strengths, Win, fitted, strengths

ROUNDS = 25
BELIEVED_FROM = 0.5
PRIOR_WRONG, PRIOR_RIGHT = 1.0, 4.0
RATERS_AGREE_FROM, COMMON_FROM = 0.6, 4


class Sifted(NamedTuple):
    """What is left after the filter. wrong: each rater's estimated share of answers the wrong way round."""

    strengths: Strengths
    kept: tuple[Pair, ...]
    doubted: tuple[Pair, ...]
    wrong: dict[str, float]


def sifted(names: Sequence[str], pairs: Sequence[Pair], prior_sd: float = PRIOR_SD) -> Sifted:
    """Estimate raters and strengths in turn; then fit what is believed."""
    raters = sorted({pair.rater for pair in pairs})
    wrong = dict.fromkeys(raters, PRIOR_WRONG / (PRIOR_WRONG + PRIOR_RIGHT))
    found = strengths(names, pairs, prior_sd)
    meant = [1.0] * len(pairs)
    for _ in range(ROUNDS):
        meant = [1.0 if pair.tie else _meant(found, pair, wrong[pair.rater]) for pair in pairs]
        wrong = {rater: _share_wrong(pairs, meant, rater) for rater in raters}
        found = fitted(names, _weighted(names, pairs, meant), prior_sd)
    kept = tuple(pair for pair, share in zip(pairs, meant, strict=True) if share >= BELIEVED_FROM)
    doubted = tuple(pair for pair, share in zip(pairs, meant, strict=True) if share < BELIEVED_FROM)
    return Sifted(found, kept, doubted, wrong)


def _meant(found: Strengths, pair: Pair, wrong: float) -> float:
    """Return the probability that an answer is the right way round."""
    chance = found.wins(pair.better, pair.worse)
    right = (1 - wrong) * chance
    return right / (right + wrong * (1 - chance))


def _share_wrong(pairs: Sequence[Pair], meant: Sequence[float], rater: str) -> float:
    mine = [share for pair, share in zip(pairs, meant, strict=True) if pair.rater == rater and not pair.tie]
    return (sum(1 - share for share in mine) + PRIOR_WRONG) / (len(mine) + PRIOR_WRONG + PRIOR_RIGHT)


def _weighted(names: Sequence[str], pairs: Sequence[Pair], meant: Sequence[float]) -> list[Win]:
    places = {name: k for k, name in enumerate(names)}
    found = []
    for pair, share in zip(pairs, meant, strict=True):
        i, j = places[pair.better], places[pair.worse]
        one_way = 0.5 if pair.tie else share
        found += [Win(i, j, one_way), Win(j, i, 1 - one_way)]
    return found


def agreement(pairs: Sequence[Pair], one: str, other: str) -> tuple[int, int]:
    """Return on how many common comparisons two raters agree, and how many they have.."""
    mine = {(p.better, p.worse) for p in pairs if p.rater == one and not p.tie}
    theirs = {(p.better, p.worse) for p in pairs if p.rater == other and not p.tie}
    same = len(mine & theirs)
    opposed = sum((worse, better) in theirs for better, worse in mine)
    return same, same + opposed


def kept_apart(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    """Return the pairs of raters that disagree too often for their answers to be one opinion."""
    raters = sorted({pair.rater for pair in pairs})
    found = []
    for k, one in enumerate(raters):
        for other in raters[k + 1 :]:
            same, common = agreement(pairs, one, other)
            if common >= COMMON_FROM and same < RATERS_AGREE_FROM * common:
                found.append((one, other))
    return found
