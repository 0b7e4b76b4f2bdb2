"""Print how well the reward that HERON trains orders rollouts which it never saw, and what units do to weights by hand.

    .venv/bin/python -m benchmarks.heron [--seeds 20]

Rollouts are made up: a skill moves three factors, the second against the first, the third hardly, each with noise of its own,
in units that differ by factors of up to 1,000. A held-out pair counts where the order decides it. "By hand" weighs each factor
1, as they come; "by spread" divides by the standard deviation first. No training of policies, no torch.
"""

from __future__ import annotations

import argparse
import platform
import random
from collections.abc import Sequence
from itertools import combinations
from statistics import fmean, stdev

from designer.preferences.hierarchy import Point, decision, spreads, trained
from designer.records import Expression, Factor

MARGINS = (0.5, 0.3, 0.0)
HELD_OUT = 60
ROLLOUTS = (6, 20, 80)
UNITS = {"alike": (1.0, 1.0, 1.0), "the last x1000": (1.0, 1.0, 1000.0), "the first x0.001": (0.001, 1.0, 1.0)}
NOTHING = Expression(text="", tree={})
ORDER = tuple(Factor(name=f"level{k}", value=NOTHING, margin=margin) for k, margin in enumerate(MARGINS))


def rollouts(count: int, units: Point, dice: random.Random) -> list[Point]:
    """Make rollouts: skill, what it costs, and something that hardly depends on it."""
    found = []
    for _ in range(count):
        skill = dice.gauss(0, 1)
        plain = (skill, -0.6 * skill + dice.gauss(0, 0.8), 0.2 * skill + dice.gauss(0, 1))
        found.append(tuple(value * unit for value, unit in zip(plain, units, strict=True)))
    return found


def leads(points: Sequence[Point]) -> list[Point]:
    """Return by how much the better one leads in each factor, for all pairs that the order decides."""
    spread, found = spreads(points), []
    for one, other in combinations(points, 2):
        told = decision(ORDER, spread, one, other)
        if told:
            better, worse = (one, other) if told.first_is_better else (other, one)
            found.append(tuple(a - b for a, b in zip(better, worse, strict=True)))
    return found


def accuracy(weights: Sequence[float], held_out: Sequence[Point]) -> float:
    """Return the share of these pairs that the weights put in the order's order, in percent."""
    return 100 * fmean(sum(weight * lead for weight, lead in zip(weights, pair, strict=True)) > 0 for pair in held_out)


def measured(count: int, units: Point, seed: int) -> tuple[float, float, float]:
    """Return the accuracy of the trained reward, of weights by hand, and of weights by spread."""
    dice = random.Random(seed)
    seen, held_out = rollouts(count, units, dice), leads(rollouts(HELD_OUT, units, dice))
    found = trained(ORDER, seen)
    assert found is not None
    by_spread = [1 / spread for spread in spreads(seen)]
    return accuracy(found.weights, held_out), accuracy((1.0, 1.0, 1.0), held_out), accuracy(by_spread, held_out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    print(f"{platform.machine()}, Python {platform.python_version()}; seeds 0 to {seeds - 1}; {HELD_OUT} held-out rollouts")
    print("| units | rollouts | trained by the order | by hand | by spread |")
    print("|---|---|---|---|---|")
    for title, units in UNITS.items():
        for count in ROLLOUTS:
            columns = zip(*(measured(count, units, seed) for seed in range(seeds)), strict=True)
            told = " | ".join(f"{fmean(column):.1f} % ({stdev(column) / seeds**0.5:.1f})" for column in columns)
            print(f"| {title} | {count} | {told} |")


if __name__ == "__main__":
    main()
