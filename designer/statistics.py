"""Means and intervals over training seeds. Plain Python; nothing here is NaN, and one seed has no interval.

The interval is Student's: mean +- t * sd / sqrt(n), with the 0.975 quantile of t at n - 1 degrees of freedom. Intervals over
tasks x seeds, which no one distribution fits, are in `resampling.py`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from designer.records import Record

Reading = Literal["above", "below", "not separable"]

Z = 1.959964
# 0.975 quantiles of Student's t for 1 to 30 degrees of freedom: NIST/SEMATECH e-Handbook, 1.3.6.7.2.
T_QUANTILES = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


class Interval(Record):
    """A mean of `n` values and its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None of nothing."""
    return statistics.mean(values) if values else None


def sample_sd(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation (n - 1), or None of fewer than two values (or where no float holds it)."""
    try:
        return statistics.stdev(values)
    except (statistics.StatisticsError, OverflowError):
        return None


def t_quantile(degrees: int) -> float:
    """Return the 0.975 quantile of Student's t; beyond the table by Abramowitz and Stegun 26.7.5."""
    if degrees <= len(T_QUANTILES):
        return T_QUANTILES[degrees - 1]
    return Z + (Z**3 + Z) / (4 * degrees) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * degrees**2)


def interval(values: Sequence[float]) -> Interval | None:
    """Return the 95 % t-interval of the mean, or None of fewer than two values (or where it isn't a finite number)."""
    centre, sd = mean(values), sample_sd(values)
    if centre is None or sd is None:
        return None
    half = t_quantile(len(values) - 1) * sd / math.sqrt(len(values))
    if not math.isfinite(centre - half) or not math.isfinite(centre + half):
        return None
    return Interval(mean=centre, low=centre - half, high=centre + half, n=len(values))


def paired_difference(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Interval | None:
    """Return the mean of ours minus theirs over the seeds that both have; None with fewer than two of them.

    ours, theirs: seed -> value.
    """
    return interval([ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())])


def reading(difference: Interval | None) -> Reading:
    """Say "above" or "below" only where the interval of the paired difference excludes 0."""
    if difference is None or not difference.excludes_zero:
        return "not separable"
    return "above" if difference.mean > 0 else "below"


class Spread(NamedTuple):
    """A standard deviation within groups, and the degrees of freedom that it rests on."""

    sd: float
    degrees: int


def pooled_spread(groups: Iterable[Sequence[float]]) -> Spread | None:
    """Pool the standard deviation within groups: sqrt(sum of squares / degrees). None where no group has two values."""
    squares, degrees = 0.0, 0
    for values in groups:
        if len(values) > 1:
            centre = statistics.fmean(values)
            squares += sum((value - centre) ** 2 for value in values)
            degrees += len(values) - 1
    return Spread(math.sqrt(squares / degrees), degrees) if degrees and math.isfinite(squares) else None


def lower_bound(values: Sequence[float], pooled: Spread | None, own_from: int = 4) -> float:
    """Return the lower end of the mean's 95 % t-interval, by the pooled spread until there are `own_from` values.

    Without any spread to go by it is the mean: nothing is known that would tell candidates apart.
    """
    centre = statistics.fmean(values)
    sd = sample_sd(values) if len(values) >= own_from else None
    spread = pooled if sd is None else Spread(sd, len(values) - 1)
    if spread is None:
        return centre
    return centre - t_quantile(spread.degrees) * spread.sd / math.sqrt(len(values))


def correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Return Pearson's correlation, or None where one side doesn't vary or there are fewer than three pairs."""
    if len(xs) < 3:
        return None
    try:
        return statistics.correlation(xs, ys)
    except (statistics.StatisticsError, OverflowError):
        return None


def rank_correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Return Spearman's correlation: Pearson's over ranks, ties sharing their mean rank."""
    return correlation(ranks(xs), ranks(ys))


def ranks(values: Sequence[float]) -> list[float]:
    """Return each value's rank from 1, ties sharing their mean rank."""
    order = sorted(range(len(values)), key=lambda k: values[k])
    found = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and values[order[end]] == values[order[at]]:
            end += 1
        for k in order[at:end]:
            found[k] = (at + 1 + end) / 2
        at = end
    return found
