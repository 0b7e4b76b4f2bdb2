"""What to ask next: the pair whose answer would tell most, and now and then one clip twice, to learn how sure a rater is."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import combinations

from designer.preferences.pairs import Pair
from designer.preferences.strength import Strengths, logistic, strengths

SAME_TWICE_EVERY = 7
MOST_RANKED = 60


def next_pair(names: Sequence[str], pairs: Sequence[Pair], seed: str = "") -> tuple[str, str] | None:
    """Return the most informative pair in random order, or None of fewer than two candidates."""
    listed = list(names)[-MOST_RANKED:]
    if len(listed) < 2:
        return None
    found = strengths(listed, pairs)
    asked = {frozenset((pair.better, pair.worse)) for pair in pairs}
    dice = random.Random(f"{seed} {len(pairs)}")
    best = max(
        combinations(listed, 2), key=lambda pair: (information(found, *pair), frozenset(pair) not in asked, dice.random())
    )
    shown = list(best)
    dice.shuffle(shown)
    return shown[0], shown[1]


def information(found: Strengths, one: str, other: str) -> float:
    """Return what an answer is expected to tell, in nats: by how much it would narrow the difference of two strengths.

    Weighed by the chance that either is the best there is: the order of the bad ones helps nobody.
    """
    chance = found.wins(one, other)
    told = 0.5 * math.log1p(chance * (1 - chance) * found.spread(one, other) ** 2)
    top = max(found.values)
    near = max(logistic(found.of(name) + found.sd(name) - top) for name in (one, other))
    return round(told * near, 9)


def question(names: Sequence[str], pairs: Sequence[Pair], answered: int, seed: str) -> tuple[str, str] | None:
    """Return the next pair for a rater who has answered so many; every few questions show one clip twice, hidden."""
    if answered % SAME_TWICE_EVERY == SAME_TWICE_EVERY - 2 and names:
        chosen = random.Random(f"{seed} {answered} twice").choice(list(names))
        return chosen, chosen
    return next_pair(names, pairs, f"{seed} {answered}")


def shuffled(names: Sequence[str], seed: str) -> list[str]:
    """Return the names in an order that says nothing about them."""
    return random.Random(seed).sample(list(names), len(names))
