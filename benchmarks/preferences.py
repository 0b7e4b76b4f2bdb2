"""Print how well Bradley-Terry strengths foretell held-out answers, and what the filter gains where answers are flipped.

    python benchmarks/preferences.py [--seeds 20]

Raters are synthetic: 12 candidates with normal strengths (standard deviation 1.5), answers by Bradley and Terry's model, then
flipped. Accuracy is over all pairs, by the true order. No training, no torch.

What can be had at most is printed too: pairs ordered by their exact posterior, drawn by elliptical slice sampling (Murray et
al. 2010) from the very model that made the answers, each rater's share of flips known. No filter can do better on average.
"""

from __future__ import annotations

import argparse
import math
import platform
import random
from collections.abc import Callable
from itertools import combinations, permutations
from statistics import fmean, stdev

from designer.preferences.cycles import cycles
from designer.preferences.pairs import Pair
from designer.preferences.reliability import sifted
from designer.preferences.strength import Strengths, logistic, strengths

CANDIDATES, ANSWERS = 12, 120
SPREAD = 1.5
BURN_IN, DRAWS = 100, 600
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
        worth = {name: dice.gauss(0, SPREAD) for name in NAMES}
        scores.append(accuracy(fit(answers(worth, rates, dice)), worth))
    return scores


def best_possible(rates: Rates, seeds: int) -> list[float]:
    """Return the accuracy of who knows the model that made the answers, and every rater's share of flips."""
    scores = []
    for seed in range(seeds):
        dice = random.Random(seed)
        worth = {name: dice.gauss(0, SPREAD) for name in NAMES}
        above = posterior(answers(worth, rates, dice), rates, dice)
        pairs = list(combinations(range(CANDIDATES), 2))
        scores.append(100 * fmean((above[i][j] > DRAWS / 2) == (worth[NAMES[i]] > worth[NAMES[j]]) for i, j in pairs))
    return scores


def posterior(pairs: list[Pair], rates: Rates, dice: random.Random) -> list[list[int]]:
    """Draw strengths from their posterior; return in how many draws i is above j."""
    told = [(NAMES.index(pair.better), NAMES.index(pair.worse), rates[pair.rater]) for pair in pairs]

    def likelihood(values: list[float]) -> float:
        return sum(math.log(e + (1 - 2 * e) * logistic(values[i] - values[j]) + 1e-12) for i, j, e in told)

    at = [dice.gauss(0, SPREAD) for _ in NAMES]
    now = likelihood(at)
    above = [[0] * CANDIDATES for _ in NAMES]
    for draw in range(BURN_IN + DRAWS):
        at, now = _slice(at, now, likelihood, dice)
        if draw >= BURN_IN:
            for i, j in permutations(range(CANDIDATES), 2):
                above[i][j] += at[i] > at[j]
    return above


def _slice(
    at: list[float], now: float, likelihood: Callable[[list[float]], float], dice: random.Random
) -> tuple[list[float], float]:
    """Make one step on the ellipse through where we are and a draw from the prior."""
    other = [dice.gauss(0, SPREAD) for _ in at]
    least = now + math.log(dice.random() + 1e-300)
    angle = dice.uniform(0, 2 * math.pi)
    low, high = angle - 2 * math.pi, angle
    while True:
        moved = [a * math.cos(angle) + b * math.sin(angle) for a, b in zip(at, other, strict=True)]
        found = likelihood(moved)
        if found >= least:
            return moved, found
        low, high = (angle, high) if angle < 0 else (low, angle)
        angle = dice.uniform(low, high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    print(f"{platform.machine()}, Python {platform.python_version()}; seeds 0 to {seeds - 1}")
    print(f"{CANDIDATES} candidates, {ANSWERS} answers")
    print("| answers | all believed | filtered | gain, points (standard error) | at most |")
    print("|---|---|---|---|---|")
    for name, rates in CASES.items():
        plain = measured(rates, lambda pairs: strengths(NAMES, pairs), seeds)
        filtered = measured(rates, lambda pairs: sifted(NAMES, pairs).strengths, seeds)
        gains = [after - before for before, after in zip(plain, filtered, strict=True)]
        most = fmean(best_possible(rates, seeds))
        error = stdev(gains) / len(gains) ** 0.5
        print(f"| {name} | {fmean(plain):.1f} % | {fmean(filtered):.1f} % | {fmean(gains):+.1f} ({error:.1f}) | {most:.1f} % |")
    circle = [
        Pair("rock", "scissors", False, "a", "1"),
        Pair("scissors", "paper", False, "a", "2"),
        Pair("paper", "rock", False, "a", "3"),
    ]
    print(f"rock, paper, scissors: {cycles(circle)}")


if __name__ == "__main__":
    main()
