"""Bradley and Terry's model: every candidate has a strength, and i beats j with probability 1 / (1 + exp(strength j - i)).

Fitted as the mode under a normal prior, by Newton's method; the uncertainty is the normal approximation there. The prior keeps
strengths finite where somebody won everything, and says how little a few answers tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from designer.preferences.pairs import Pair

PRIOR_SD = 1.5
NEWTON_STEPS = 30
CLOSE = 1e-6

Matrix = list[list[float]]


class Win(NamedTuple):
    """Candidate `better` was preferred to `worse`, with a weight: 0.5 each way for a tie."""

    better: int
    worse: int
    weight: float


class Strengths(NamedTuple):
    """Strengths in logits, with mean 0 by the prior, and their covariance. `compared`: how many comparisons each was in."""

    names: tuple[str, ...]
    values: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    compared: tuple[int, ...]

    def of(self, name: str) -> float:
        return self.values[self.names.index(name)]

    def sd(self, name: str) -> float:
        place = self.names.index(name)
        return math.sqrt(self.covariance[place][place])

    def wins(self, one: str, other: str) -> float:
        """Return the probability that `one` is preferred to `other`."""
        return logistic(self.of(one) - self.of(other))

    def spread(self, one: str, other: str) -> float:
        """Return the standard deviation of the difference of two strengths."""
        i, j = self.names.index(one), self.names.index(other)
        variance = self.covariance[i][i] + self.covariance[j][j] - 2 * self.covariance[i][j]
        return math.sqrt(max(0.0, variance))

    def ordered(self) -> list[str]:
        """Return the names, strongest first; ties go to the one that was named first."""
        return sorted(self.names, key=lambda name: -self.of(name))


def wins_of(names: Sequence[str], pairs: Sequence[Pair]) -> list[Win]:
    """Return the pairs among these names as wins."""
    places = {name: k for k, name in enumerate(names)}
    found = []
    for pair in pairs:
        if pair.better in places and pair.worse in places:
            i, j = places[pair.better], places[pair.worse]
            found += [Win(i, j, 0.5), Win(j, i, 0.5)] if pair.tie else [Win(i, j, 1.0)]
    return found


def strengths(names: Sequence[str], pairs: Sequence[Pair], prior_sd: float = PRIOR_SD) -> Strengths:
    """Fit all pairs as they are."""
    return fitted(names, wins_of(names, pairs), prior_sd)


def fitted(names: Sequence[str], wins: Sequence[Win], prior_sd: float = PRIOR_SD) -> Strengths:
    """Find the strengths that make these wins likeliest under the prior."""
    size = len(names)
    values = [0.0] * size
    for _ in range(NEWTON_STEPS):
        slope, curvature = _derivatives(values, wins, prior_sd)
        step = solved(curvature, slope)
        longest = max((abs(s) for s in step), default=0.0)
        damping = min(1.0, 2.0 / longest) if longest else 1.0
        values = [value + damping * change for value, change in zip(values, step, strict=True)]
        if longest < CLOSE:
            break
    _, curvature = _derivatives(values, wins, prior_sd)
    compared = [0] * size
    for win in wins:
        compared[win.better] += win.weight == 1.0
        compared[win.worse] += 1
    return Strengths(tuple(names), tuple(values), tuple(tuple(row) for row in inverse(curvature)), tuple(compared))


def _derivatives(values: Sequence[float], wins: Sequence[Win], prior_sd: float) -> tuple[list[float], Matrix]:
    """Return the gradient of the log posterior and its negated Hessian."""
    size, precision = len(values), 1 / prior_sd**2
    slope = [-value * precision for value in values]
    curvature = [[precision if i == j else 0.0 for j in range(size)] for i in range(size)]
    for i, j, weight in wins:
        chance = logistic(values[i] - values[j])
        slope[i] += weight * (1 - chance)
        slope[j] -= weight * (1 - chance)
        bend = weight * chance * (1 - chance)
        curvature[i][i] += bend
        curvature[j][j] += bend
        curvature[i][j] -= bend
        curvature[j][i] -= bend
    return slope, curvature


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def solved(matrix: Matrix, right: Sequence[float]) -> list[float]:
    """Solve a positive definite system by Cholesky's factors."""
    factor = _cholesky(matrix)
    size = len(right)
    middle = [0.0] * size
    for i in range(size):
        middle[i] = (right[i] - sum(factor[i][k] * middle[k] for k in range(i))) / factor[i][i]
    found = [0.0] * size
    for i in reversed(range(size)):
        found[i] = (middle[i] - sum(factor[k][i] * found[k] for k in range(i + 1, size))) / factor[i][i]
    return found


def inverse(matrix: Matrix) -> Matrix:
    size = len(matrix)
    return [solved(matrix, [1.0 if k == column else 0.0 for k in range(size)]) for column in range(size)]


def _cholesky(matrix: Matrix) -> Matrix:
    size = len(matrix)
    factor = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(factor[i][k] * factor[j][k] for k in range(j))
            factor[i][j] = math.sqrt(rest) if i == j else rest / factor[j][j]
    return factor
