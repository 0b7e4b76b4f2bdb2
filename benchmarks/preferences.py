"""Print how well Bradley-Terry strengths foretell held-out answers, and what the filter gains where answers are flipped.

    python benchmarks/preferences.py [--seeds 20]

Raters are synthetic: 12 candidates with normal strengths (standard deviation 1.5), answers by Bradley and Terry's model, then
flipped. Accuracy is over all pairs, by the true order. No training, no torch.
"""

from __future__ import annotations

import argparse
import platform
import random
from collections.abc import Callable
from itertools import combinations
from statistics import fmean, stdev

from designer.preferences.cycles import cycles
from designer.preferences.pairs import Pair
from designer.preferences.reliability import sifted
from designer.preferences.strength import Strengths, logistic, strengths

CANDIDATES, ANSWERS = 12, 120
NAMES = tuple(f"c{k:02d}" for k in range(CANDIDATES))
Rates = dict[str, float]
CASES: dict[str, Rates] = {
    "one rater, none flipped": {"a": 0.0},
    "one rater, 20 % flipped": {"a": 0.2},
    "one rater, 40 % flipped": {"a": 0.4},
    "five raters, 40 % flipped, all alike": dict.fromkeys("abcde", 0.4),
    "five raters, 40 % flipped: two of them always": {"a": 0.0, "b": 0.0, "c": 0.0, "d": 1.0, "e": 1.0},
    "five raters, 40 % flipped: 10 % by three, 85 % by two": {"a": 0.1, "b": 0.1, "c": 0.1, "d": 0.85, "e": 0.85},
}


def answers(worth: dict[str, float], rates: Rates, dice: random.Random) -> list[Pair]:
    """Play the raters in turn on random pairs."""
    found = []
    for k in range(ANSWERS):
        rater = sorted(rates)[k % len(rates)]
        one, other = dice.sample(NAMES, 2)
        if dice.random() > logistic(worth[one] - worth[other]):
            one, other = other, one
        if dice.random() < rates[rater]:
            one, other = other, one
        found.append(Pair(one, other, False, rater, str(k)))
    return found


def accuracy(found: Strengths, worth: dict[str, float]) -> float:
    """Return the share of all pairs that the strengths put in their true order, in percent."""
    pairs = list(combinations(NAMES, 2))
    return 100 * fmean((found.of(a) > found.of(b)) == (worth[a] > worth[b]) for a, b in pairs)


def measured(rates: Rates, fit: Callable[[list[Pair]], Strengths], seeds: int) -> list[float]:
    scores = []
    for seed in range(seeds):
        dice = random.Random(seed)
        worth = {name: dice.gauss(0, 1.5) for name in NAMES}
        scores.append(accuracy(fit(answers(worth, rates, dice)), worth))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    print(f"{platform.machine()}, Python {platform.python_version()}; seeds 0 to {seeds - 1}")
    print(f"{CANDIDATES} candidates, {ANSWERS} answers")
    print("| answers | all believed | filtered | gain, points (standard error) |")
    print("|---|---|---|---|")
    for name, rates in CASES.items():
        plain = measured(rates, lambda pairs: strengths(NAMES, pairs), seeds)
        filtered = measured(rates, lambda pairs: sifted(NAMES, pairs).strengths, seeds)
        gains = [after - before for before, after in zip(plain, filtered, strict=True)]
        error = stdev(gains) / len(gains) ** 0.5
        print(f"| {name} | {fmean(plain):.1f} % | {fmean(filtered):.1f} % | {fmean(gains):+.1f} ({error:.1f}) |")
    circle = [
        Pair("rock", "scissors", False, "a", "1"),
        Pair("scissors", "paper", False, "a", "2"),
        Pair("paper", "rock", False, "a", "3"),
    ]
    print(f"rock, paper, scissors: {cycles(circle)}")


if __name__ == "__main__":
    main()
