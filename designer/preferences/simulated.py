"""A rater that is played: it knows a number for every candidate and answers by it, wrongly at a given rate."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import combinations

from designer.preferences.asking import next_order, next_pair
from designer.preferences.pairs import Pair

NAME = "simulated"


def answer(shown: Sequence[str], worth: Mapping[str, float], error: float, seed: str) -> tuple[str, ...]:
    """Return what is shown in the rater's order, best first: it puts one after the other into its place.

    error: how often a comparison that it makes on the way comes out the wrong way round.
    """
    dice = random.Random(f"{seed} {' '.join(shown)}")
    order: list[str] = []
    for name in shown:
        place = 0
        while place < len(order) and (worth[name] > worth[order[place]]) == (dice.random() < error):
            place += 1
        order.insert(place, name)
    return tuple(order)


def answers(
    worth: Mapping[str, float],
    before: Sequence[Pair],
    among: Sequence[str],
    count: int,
    error: float,
    seed: str,
    shown: int = 2,
) -> list[tuple[str, ...]]:
    """Answer so many questions, best first, each chosen after the last answer.

    among: the candidates that may be asked about. shown: how many a question shows.
    """
    pairs, found = list(before), []
    names = [name for name in among if name in worth]
    for k in range(count):
        asked = next_pair(names, pairs, f"{seed} {k}") if shown == 2 else next_order(names, pairs, shown, f"{seed} {k}")
        if asked is None or len(asked) < 2:
            break
        order = answer(asked, worth, error, f"{seed} {k}")
        pairs += [Pair(better, worse, False, NAME, f"{seed} {k}") for better, worse in combinations(order, 2)]
        found.append(order)
    return found
