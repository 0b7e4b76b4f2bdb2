"""HERON (Bukharin et al. 2023): factors are ordered by importance, not weighted; rollouts are compared factor by factor.

The first factor in which they differ by more than its margin decides; where they are alike in all, nothing is preferred. A
margin counts in standard deviations over what is compared, so a factor's unit and scale change no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, pstdev
from typing import NamedTuple

from designer.preferences.strength import logistic
from designer.records import Factor

Point = tuple[float, ...]
"""A rollout: the mean of each factor, the most important first."""

FEWEST_ROLLOUTS = 6
MOST_PAIRS = 3000
PRIOR_SD = 5.0
SWEEPS = 60
CLOSE = 1e-4
ALIKE_BELOW = 1e-9
"""A factor whose spread is below this share of its size doesn't vary: what is left is rounding."""


class Decision(NamedTuple):
    """Which of two rollouts is better, and the level of the factor that decided, 0 the most important."""

    level: int
    first_is_better: bool


def spreads(points: Sequence[Point]) -> Point:
    """Return each factor's standard deviation over the rollouts; 0 where it doesn't vary."""
    found = []
    for values in zip(*points, strict=True):
        spread = pstdev(values)
        found.append(spread if spread > ALIKE_BELOW * max(map(abs, values)) else 0.0)
    return tuple(found)


def decision(order: Sequence[Factor], spread: Point, one: Point, other: Point) -> Decision | None:
    """Compare two rollouts; None where they are alike in every factor."""
    for level, factor in enumerate(order):
        apart = one[level] - other[level]
        if spread[level] and abs(apart) > factor.margin * spread[level]:
            return Decision(level, apart > 0)
    return None


# The reward that these answers train ------------------------------------------------------------------------------------


class Trained(NamedTuple):
    """A reward model: what a unit of each factor is worth. The shares of its weights, each by its factor's spread, add up to 1.

    decided: how many pairs each factor decided. agrees: the share of pairs that the model puts in the order's order.
    """

    weights: Point
    shares: Point
    rollouts: int
    decided: tuple[int, ...]
    agrees: float


def trained(order: Sequence[Factor], points: Sequence[Point]) -> Trained | None:
    """Train a Bradley-Terry model on all pairs of rollouts that the order decides; None where they say too little.

    The model is linear in the factors: a rollout is worth the mean of what its steps are worth, so that a reward a step gives
    it back exactly. No weight is below 0, since a factor is the better the higher.
    """
    if len(points) < FEWEST_ROLLOUTS:
        return None
    spread = spreads(points)
    scaled = [tuple(v / s if s else 0.0 for v, s in zip(point, spread, strict=True)) for point in points]
    told = [(i, j, found) for i, j in _pairs(len(points)) if (found := decision(order, spread, points[i], points[j]))]
    gaps = [_gap(scaled[i], scaled[j], found.first_is_better) for i, j, found in told]
    fitted = _fitted(gaps, len(order)) if gaps else ()
    whole = sum(fitted)
    if not whole:
        return None
    shares = tuple(weight / whole for weight in fitted)
    return Trained(
        weights=tuple(share / s if s else 0.0 for share, s in zip(shares, spread, strict=True)),
        shares=shares,
        rollouts=len(points),
        decided=tuple(sum(found.level == level for _, _, found in told) for level in range(len(order))),
        agrees=fmean(_worth(fitted, gap) > 0 for gap in gaps),
    )


def _pairs(count: int) -> list[tuple[int, int]]:
    """Return all pairs of so many, or evenly spaced ones where they are too many."""
    pairs = [(i, j) for i in range(count) for j in range(i)]
    step = max(1.0, len(pairs) / MOST_PAIRS)
    return [pairs[int(k * step)] for k in range(int(len(pairs) / step))]


def _gap(one: Point, other: Point, first_is_better: bool) -> Point:
    """Return by how much the better one leads in each factor."""
    better, worse = (one, other) if first_is_better else (other, one)
    return tuple(a - b for a, b in zip(better, worse, strict=True))


def _worth(weights: Point, gap: Point) -> float:
    return sum(weight * lead for weight, lead in zip(weights, gap, strict=True))


def _fitted(gaps: Sequence[Point], size: int) -> Point:
    """Find the weights from 0 up under which the better one wins likeliest, by Newton's method, a weight at a time."""
    weights = [0.0] * size
    worths = [0.0] * len(gaps)
    for _ in range(SWEEPS):
        moved = 0.0
        for k in range(size):
            slope, bend = -weights[k] / PRIOR_SD**2, 1 / PRIOR_SD**2
            for gap, worth in zip(gaps, worths, strict=True):
                chance = logistic(-worth)
                slope += chance * gap[k]
                bend += chance * (1 - chance) * gap[k] ** 2
            new = max(0.0, weights[k] + max(-1.0, min(1.0, slope / bend)))
            step, weights[k] = new - weights[k], new
            if step:
                worths = [worth + step * gap[k] for gap, worth in zip(gaps, worths, strict=True)]
                moved = max(moved, abs(step))
        if moved < CLOSE * max(1.0, *weights):
            break
    return tuple(weights)
