"""Means, intervals and paired differences, against values computed by hand or by integration."""

from __future__ import annotations

import math

import pytest

from designer.statistics import Interval, interval, mean, paired_difference, sample_sd, t_quantile


def t_coverage(limit: float, degrees: int, cells: int = 20_000) -> float:
    """Integrate Student's t density from -limit to limit by Simpson's rule, after x = sqrt(degrees) tan(angle)."""
    end = math.atan(limit / math.sqrt(degrees))
    log_scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - 0.5 * math.log(math.pi)
    width = end / cells

    def density(k: int) -> float:
        return math.exp(log_scale) * math.cos(k * width) ** (degrees - 1)

    inner = sum((4 if k % 2 else 2) * density(k) for k in range(1, cells))
    return 2 * width / 3 * (density(0) + inner + density(cells))


@pytest.mark.parametrize("degrees", [*range(1, 31), 31, 40, 100, 1000])
def test_t_quantiles_cover_95_percent(degrees: int) -> None:
    assert t_coverage(t_quantile(degrees), degrees) == pytest.approx(0.95, abs=6e-5)  # the table has three decimals


def test_interval_of_a_hand_computed_example() -> None:
    # mean 3, sd sqrt(10/4) = 1.5811, t(4) = 2.776: half width 2.776 * 1.5811 / sqrt(5) = 1.9629
    found = interval([1, 2, 3, 4, 5])
    assert found is not None
    assert (found.mean, found.n) == (3, 5)
    assert found.low == pytest.approx(3 - 1.9629, abs=1e-4)
    assert found.high == pytest.approx(3 + 1.9629, abs=1e-4)


def test_one_value_has_a_mean_but_no_spread() -> None:
    assert mean([2.5]) == 2.5
    assert sample_sd([2.5]) is None
    assert interval([2.5]) is None


def test_nothing_has_no_mean() -> None:
    assert mean([]) is None
    assert interval([]) is None


def test_values_too_large_for_an_interval_have_none() -> None:
    assert interval([1.7e308, -1.7e308]) is None


def test_pairs_are_made_by_seed_not_by_position() -> None:
    found = paired_difference({1: 10.0, 2: 20.0, 3: 30.0}, {3: 29.0, 2: 19.0, 1: 9.0})
    assert found == Interval(mean=1, low=1, high=1, n=3)


def test_seeds_that_only_one_side_has_are_left_out() -> None:
    found = paired_difference({1: 1.0, 2: 2.0, 3: 100.0}, {1: 0.0, 2: 0.0, 4: -100.0})
    assert found is not None
    assert (found.mean, found.n) == (1.5, 2)


def test_one_common_seed_gives_no_difference() -> None:
    assert paired_difference({1: 1.0, 2: 2.0}, {2: 0.0}) is None


def test_pairing_separates_what_the_single_intervals_do_not() -> None:
    ours, theirs = {1: 1.1, 2: 2.1, 3: 3.2}, {1: 1.0, 2: 2.0, 3: 3.0}
    alone, other = interval(list(ours.values())), interval(list(theirs.values()))
    assert alone is not None
    assert other is not None
    assert alone.low < other.high
    difference = paired_difference({k: v * 10 for k, v in ours.items()}, {k: v * 10 - 5 for k, v in theirs.items()})
    assert difference is not None
    assert difference.excludes_zero


@pytest.mark.parametrize(("low", "high", "expected"), [(0.1, 1, True), (-1, -0.1, True), (-0.1, 1, False), (0, 1, False)])
def test_an_interval_that_touches_zero_does_not_exclude_it(low: float, high: float, expected: bool) -> None:
    assert Interval(mean=(low + high) / 2, low=low, high=high, n=2).excludes_zero is expected
