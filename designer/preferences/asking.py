"""What to ask next: who may be the best, beside the best so far; and now and then one clip twice, to learn how sure a rater is.

A search needs the best candidate and no order of the others. So a pair is the leader and its likeliest rival, and an order is
of those who may yet be first. `benchmarks/asking.py` compares this with asking whatever narrows a difference most.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence

from designer.preferences.pairs import Pair
from designer.preferences.strength import Strengths, strengths

SAME_TWICE_EVERY = 7
MOST_RANKED = 60


def next_pair(names: Sequence[str], pairs: Sequence[Pair], seed: str = "") -> tuple[str, str] | None:
    """Return the leader and whoever an answer tells most about, in random order; None of fewer than two candidates."""
    listed = list(names)[-MOST_RANKED:]
    if len(listed) < 2:
        return None
    found = strengths(listed, pairs)
    dice = random.Random(f"{seed} {len(pairs)}")
    compared = {name for pair in pairs for name in (pair.better, pair.worse)}
    leader = max(listed, key=lambda name: (name in compared, found.of(name), dice.random()))
    rival = max((name for name in listed if name != leader), key=lambda name: (information(found, leader, name), dice.random()))
    shown = [leader, rival]
    dice.shuffle(shown)
    return shown[0], shown[1]


def next_new_pair(names: Sequence[str], pairs: Sequence[Pair], asked: Collection[frozenset[str]]) -> tuple[str, str] | None:
    """Return the strongest that somebody was not put beside yet, and the rival whose answer tells most; None where all were.

    For a rater who never errs: asked again it would say the same.
    """
    found = strengths(names, pairs)
    for leader in found.ordered():
        rivals = [name for name in names if name != leader and frozenset((leader, name)) not in asked]
        if rivals:
            return leader, max(rivals, key=lambda name: information(found, leader, name))
    return None


def information(found: Strengths, leader: str, rival: str) -> float:
    """Return what an answer is expected to tell of who is best.

    That is by how much it would narrow the difference of both strengths, in nats, times the chance that the rival is stronger.
    """
    chance, spread = found.wins(leader, rival), found.spread(leader, rival)
    told = 0.5 * math.log1p(chance * (1 - chance) * spread**2)
    behind = found.of(leader) - found.of(rival)
    stronger = 0.5 * math.erfc(behind / (spread * math.sqrt(2))) if spread else 0.0
    return round(told * stronger, 9)


def next_order(names: Sequence[str], pairs: Sequence[Pair], count: int, seed: str = "") -> tuple[str, ...]:
    """Return so many candidates that may be the best, by the upper end of their strength's interval, in random order."""
    listed = list(names)[-MOST_RANKED:]
    found = strengths(listed, pairs)
    dice = random.Random(f"{seed} {len(pairs)}")
    chosen = sorted(listed, key=lambda name: (-round(found.of(name) + found.sd(name), 9), dice.random()))[:count]
    return tuple(dice.sample(chosen, len(chosen)))


def question(names: Sequence[str], pairs: Sequence[Pair], answered: int, seed: str) -> tuple[str, str] | None:
    """Return the next pair for a rater who has answered so many; every few questions show one clip twice, hidden."""
    if answered % SAME_TWICE_EVERY == SAME_TWICE_EVERY - 2 and names:
        chosen = random.Random(f"{seed} {answered} twice").choice(list(names))
        return chosen, chosen
    return next_pair(names, pairs, f"{seed} {answered}")
