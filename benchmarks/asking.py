"""How many answers find a good candidate? Ways of asking, played without any training.

    .venv/bin/python -m benchmarks.asking [--seeds 40]

A made-up search of two rounds of six: a fresh candidate's worth is lognormal (median 0.3, sigma 0.9), a child's is its parent's
times a lognormal (median 0.9, sigma 0.35); the answers choose the parent and the winner. Printed is the winner's worth as a
share of what a search reaches that knows every worth. An answer is the order of what was shown, found by comparisons of which
each comes out the wrong way round at the given rate. What real trainings say is in `benchmarks.icpl`.
"""

from __future__ import annotations

import argparse
import math
import platform
import random
from collections.abc import Callable, Sequence
from itertools import combinations
from statistics import fmean, stdev

from designer.preferences.asking import next_order, next_pair
from designer.preferences.pairs import Pair
from designer.preferences.reliability import sifted
from designer.preferences.simulated import answer
from designer.preferences.strength import logistic, strengths

ROUNDS, POPULATION = 2, 6
ANSWERS, ERRORS = (4, 10, 20), (0.0, 0.1, 0.2, 0.3)
Asks = Callable[[Sequence[str], Sequence[Pair], str], Sequence[str]]


def widest(names: Sequence[str], pairs: Sequence[Pair], seed: str) -> Sequence[str]:
    """Ask as this program did at first: whatever narrows a difference most, weighed by how near either is to the top."""
    found, dice = strengths(names, pairs), random.Random(seed)
    top = max(found.values)

    def told(pair: tuple[str, str]) -> float:
        chance = found.wins(*pair)
        near = max(logistic(found.of(name) + found.sd(name) - top) for name in pair)
        return round(near * 0.5 * math.log1p(chance * (1 - chance) * found.spread(*pair) ** 2), 9)

    return max(combinations(names, 2), key=lambda pair: (told(pair), dice.random()))


def rivals(names: Sequence[str], pairs: Sequence[Pair], seed: str) -> Sequence[str]:
    return next_pair(names, pairs, seed) or ()


def fours(names: Sequence[str], pairs: Sequence[Pair], seed: str) -> Sequence[str]:
    return next_order(names, pairs, 4, seed)


WAYS: dict[str, Asks] = {"pairs, widest difference": widest, "pairs, leader and rival": rivals, "orders of four": fours}


def born(dice: random.Random, worth: dict[str, float], round_: int, parent: str) -> None:
    """Add a round: in the first all are fresh, later one is."""
    for sample in range(POPULATION):
        fresh = not parent or sample == 0
        known = dice.lognormvariate(-1.2, 0.9) if fresh else worth[parent] * dice.lognormvariate(-0.1, 0.35)
        worth[f"g{round_}c{sample}"] = known


def reached(ask: Asks, answers: int, error: float, seed: int) -> float:
    """Carry one search out and return its winner's worth."""
    dice, worth, best = random.Random(seed), dict[str, float](), ""
    pairs: list[Pair] = []
    for round_ in range(ROUNDS):
        born(dice, worth, round_, best)
        for k in range(answers // ROUNDS):
            place = f"{seed} {round_} {k}"
            order = answer(ask(list(worth), pairs, place), worth, error, place)
            pairs += [Pair(better, worse, False, "played", place) for better, worse in combinations(order, 2)]
        compared = sorted({name for pair in pairs for name in (pair.better, pair.worse)})
        best = sifted(compared, pairs).strengths.ordered()[0]
    return worth[best]


def by_worth(seed: int) -> float:
    """Return what a search reaches that knows every worth."""
    dice, worth, best = random.Random(seed), dict[str, float](), ""
    for round_ in range(ROUNDS):
        born(dice, worth, round_, best)
        best = max(worth, key=lambda name: worth[name])
    return worth[best]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    seeds = range(parser.parse_args().seeds)
    whole = fmean(by_worth(seed) for seed in seeds)
    print(f"{platform.machine()}, Python {platform.python_version()}; seeds 0 to {len(seeds) - 1}; share (standard error)")
    print("| asked | wrong | " + " | ".join(f"{answers} answers" for answers in ANSWERS) + " |")
    print("|---|---|" + "---|" * len(ANSWERS))
    for error in ERRORS:
        for name, ask in WAYS.items():
            cells = []
            for answers in ANSWERS:
                shares = [reached(ask, answers, error, seed) / whole for seed in seeds]
                cells.append(f"{fmean(shares):.2f} ({stdev(shares) / len(shares) ** 0.5:.2f})")
            print(f"| {name} | {error:.0%} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
