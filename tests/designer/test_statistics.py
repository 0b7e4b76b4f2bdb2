"""Means, intervals and paired differences, against values computed by hand or by integration."""

from __future__ import annotations

import math

import pytest

from designer.statistics import (
    Interval,
    Spread,
    correlation,
    interval,
    lower_bound,
    mean,
    paired_difference,
    pooled_spread,
    rank_correlation,
    ranks,
    reading,
    sample_sd,
    t_quantile,
)


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


def test_reading_is_above_or_below_only_where_the_interval_excludes_zero() -> None:
    def found(low: float, high: float) -> Interval:
        return Interval(mean=(low + high) / 2, low=low, high=high, n=3)

    assert [reading(i) for i in (found(0.1, 2), found(-2, -0.1), found(-1, 2), found(0, 2), None)] == [
        "above",
        "below",
        "not separable",
        "not separable",
        "not separable",
    ]


def test_pooled_spread_of_a_hand_computed_example() -> None:
    # Sums of squares 2 and 0.5, degrees 2 and 1: sqrt(2.5 / 3).
    assert pooled_spread([[1, 2, 3], [5, 6], [9]]) == Spread(pytest.approx(math.sqrt(2.5 / 3)), 3)
    assert pooled_spread([[1], [2]]) is None


def test_lower_bound_goes_by_the_pooled_spread_until_there_are_four_values() -> None:
    pooled = Spread(2.0, 10)
    assert lower_bound([5.0], pooled) == pytest.approx(5 - 2.228 * 2)
    assert lower_bound([5.0, 5.0], pooled) == pytest.approx(5 - 2.228 * 2 / math.sqrt(2))
    assert lower_bound([5.0] * 4, pooled) == 5
    assert lower_bound([5.0], None) == 5


def test_correlations() -> None:
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert correlation([1, 1, 1], [2, 4, 6]) is None
    assert correlation([1, 2], [2, 4]) is None
    assert ranks([30, 10, 20, 10]) == [4, 1.5, 3, 1.5]
    assert rank_correlation([1, 2, 3, 4], [1, 8, 27, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [9, 5, 1]) == pytest.approx(-1)
