"""Means and intervals over training seeds. Plain Python; nothing here is NaN, and one seed has no interval.

The interval is Student's: mean +- t * sd / sqrt(n), with the 0.975 quantile of t at n - 1 degrees of freedom.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from designer.records import Record

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
