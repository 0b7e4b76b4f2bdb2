"""From answers to pairs: who was preferred to whom, by which rater; and how often one clip shown twice was told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from designer.records import Saying


class Pair(NamedTuple):
    """One comparison. tie: the rater called them the same. source: the answer that it comes from."""

    better: str
    worse: str
    tie: bool
    rater: str
    source: str


class Noise(NamedTuple):
    """How a rater answered questions that showed one clip twice. `told_apart` of `asked` is a lower bound of the noise."""

    asked: int
    told_apart: int


def rankings(sayings: Iterable[Saying]) -> list[Saying]:
    """Return the answers that still stand: an answer that was taken back is none."""
    listed = list(sayings)
    undone = {saying.name for saying in listed if saying.kind == "undo"}
    return [saying for saying in listed if saying.kind == "rank" and saying.ranking and saying.id not in undone]


def pairs_of(answers: Iterable[Saying]) -> list[Pair]:
    """Return every comparison that these answers hold. What couldn't be told, and one clip shown twice, hold none."""
    found = []
    for answer in answers:
        ranking = answer.ranking
        if ranking is None or not ranking.places:
            continue
        placed = list(zip(ranking.shown, ranking.places, strict=True))
        for (one, place), (other, its) in combinations(placed, 2):
            if one != other:
                better, worse = (one, other) if place <= its else (other, one)
                found.append(Pair(better, worse, place == its, answer.by, answer.id))
    return found


def noise_of(answers: Iterable[Saying], rater: str) -> Noise:
    """Count how a rater answered where the same clip was on both sides."""
    asked = [a.ranking for a in answers if a.by == rater and a.ranking and _is_same_twice(a.ranking.shown)]
    return Noise(len(asked), sum(len(set(ranking.places)) > 1 for ranking in asked))


def _is_same_twice(shown: Sequence[str]) -> bool:
    return len(shown) == 2 and shown[0] == shown[1]
