"""Statistics over tasks and runs, against hand-computed values and against themselves on made-up data."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest

from designer.resampling import bootstrap, bootstrap_difference, interquartile_mean, probability_of_improvement


def test_interquartile_mean_drops_a_quarter_at_each_end() -> None:
    assert interquartile_mean([100, 1, 2, 3, -100]) == 2
    assert interquartile_mean([1, 2, 3]) == 2
    assert interquartile_mean([7]) == 7
    assert interquartile_mean([0, 1, 2, 3, 4, 5, 6, 100]) == 3.5


def test_bootstrap_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = Random(1)
    hits = 0
    for _ in range(40):
        strata = {task: [random.gauss(centre, 1) for _ in range(10)] for task, centre in (("a", 0), ("b", 4))}
        found = bootstrap(strata, fmean)
        assert found is not None
        hits += found.low <= 2 <= found.high
    assert hits >= 33


def test_strata_are_kept_apart() -> None:
    """Two tasks without any spread of their own leave no doubt about their mean, however far apart they are."""
    found = bootstrap({"a": [0.0, 0.0, 0.0], "b": [10.0, 10.0, 10.0]}, fmean)
    assert found is not None
    assert (found.low, found.mean, found.high, found.n) == (5, 5, 5, 6)


def test_bootstrap_is_the_same_again_and_has_nothing_to_say_of_one_value() -> None:
    strata = {"a": [1.0, 2.0, 4.0]}
    assert bootstrap(strata, fmean) == bootstrap(strata, fmean)
    assert bootstrap({"a": [1.0]}, fmean) is None


def test_difference_is_paired_by_task_and_place() -> None:
    ours, theirs = {"a": [1.0, 5.0, 9.0], "b": [2.0]}, {"a": [0.0, 4.0, 8.0], "c": [1.0]}
    found = bootstrap_difference(ours, theirs)
    assert found is not None
    assert (found.low, found.mean, found.high) == (1, 1, 1)


def test_probability_of_improvement_counts_pairs_within_a_task() -> None:
    assert probability_of_improvement({"a": [1, 2]}, {"a": [0, 1]}) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert probability_of_improvement({"a": [3.0], "b": [0.0]}, {"a": [1.0], "b": [5.0]}) == 0.5
    assert probability_of_improvement({"a": [1.0]}, {"b": [1.0]}) is None
