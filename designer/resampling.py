"""Statistics over several tasks and runs: interquartile means, stratified bootstrap intervals, probability of improvement.

After Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice". Plain Python. A stratum is a
task: seeds are drawn again within it, so that every resample has every task.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from random import Random

from designer.statistics import Interval

RESAMPLES = 2000
Strata = Mapping[str, Sequence[float]]


def interquartile_mean(values: Sequence[float]) -> float:
    """Return the mean of what is left when a quarter of the values is cut off at each end (rounded down)."""
    cut = len(values) // 4
    return statistics.fmean(sorted(values)[cut : len(values) - cut])


def bootstrap(strata: Strata, statistic: Callable[[Sequence[float]], float], seed: int = 0) -> Interval | None:
    """Return a statistic of all values and its 95 % percentile interval. None with fewer than two values.

    strata: task -> one value a seed or run.
    """
    groups = [list(values) for _, values in sorted(strata.items()) if values]
    everything = [value for group in groups for value in group]
    if len(everything) < 2:
        return None
    random = Random(seed)
    found = sorted(statistic([v for group in groups for v in random.choices(group, k=len(group))]) for _ in range(RESAMPLES))
    return _percentiles(statistic(everything), found, len(everything))


def bootstrap_difference(ours: Strata, theirs: Strata, seed: int = 0) -> Interval | None:
    """Return the mean paired difference, ours minus theirs, with its stratified bootstrap interval.

    The k-th values of a task belong to the same seed or run on both sides; what only one side has is left out.
    """
    shared = sorted(ours.keys() & theirs.keys())
    pairs = {task: [a - b for a, b in zip(ours[task], theirs[task], strict=False)] for task in shared}
    return bootstrap(pairs, statistics.fmean, seed)


def probability_of_improvement(ours: Strata, theirs: Strata) -> float | None:
    """Return how often one of ours is above one of theirs, ties counting half: the mean over tasks that both have."""
    shares = []
    for task in sorted(ours.keys() & theirs.keys()):
        pairs = [(a, b) for a in ours[task] for b in theirs[task]]
        if pairs:
            shares.append(sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs))
    return statistics.fmean(shares) if shares else None


def _percentiles(centre: float, resampled: Sequence[float], n: int) -> Interval:
    last = len(resampled) - 1
    return Interval(mean=centre, low=resampled[round(0.025 * last)], high=resampled[round(0.975 * last)], n=n)
