"""A rater that is played: it knows a number for every candidate and answers by it, wrongly at a given rate."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from designer.preferences.asking import next_pair
from designer.preferences.pairs import Pair

NAME = "simulated"


def answer(one: str, other: str, worth: Mapping[str, float], error: float, seed: str) -> tuple[str, str]:
    """Return (better, worse). error: how often the answer comes out the wrong way round."""
    better, worse = (one, other) if worth[one] >= worth[other] else (other, one)
    return (worse, better) if random.Random(f"{seed} {one} {other}").random() < error else (better, worse)


def answers(
    worth: Mapping[str, float], before: Sequence[Pair], among: Sequence[str], count: int, error: float, seed: str
) -> list[tuple[str, str]]:
    """Answer so many questions, each chosen after the last answer. among: the candidates that may be asked about."""
    pairs, found = list(before), []
    names = [name for name in among if name in worth]
    for k in range(count):
        asked = next_pair(names, pairs, f"{seed} {k}")
        if asked is None:
            break
        better, worse = answer(*asked, worth, error, f"{seed} {k}")
        pairs.append(Pair(better, worse, False, NAME, f"{seed} {k}"))
        found.append((better, worse))
    return found
