"""Rules that say how much each variant of a world is played: pure functions of what was seen, and nothing else.

After "absolute learning progress" (ALP-GMM, here over a list instead of a space), DUMP (an upper confidence bound on the mean
absolute advantage, drawn from by softmax) and online difficulty filtering (intermediate success only).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EXPLORED = 0.2
"""The share of what is played that alp and window give out evenly, so that what is left alone goes on being measured."""
FEWEST = 10
"""Outcomes below which a variant isn't known yet."""
EASY, HARD = 0.8, 0.2
WINDOW, TEMPERATURE = 300, 0.1


class Rule(Protocol):
    """One policy's rule over V variants."""

    def shares(self, outcomes: Sequence[Array], *, solvable: bool) -> Array:
        """Return how much each variant is to be played, (V,), in all 1.

        outcomes: of each variant's last episodes, the oldest first: 0 or 1 where the world is `solvable`, else returns.
        """
        ...

    def learn(self, advantage: Array, played: NDArray[np.int64]) -> None:
        """Take in a horizon: the absolute advantage of each step, (T, N), and the variant that it was made in."""
        ...

    def state(self) -> Mapping[str, Any]: ...
    def restore(self, state: Mapping[str, Any]) -> None: ...


class Uniform:
    """All alike."""

    def __init__(self, variants: int) -> None:
        self._variants = variants

    def shares(self, outcomes: Sequence[Array], *, solvable: bool) -> Array:
        return np.full(self._variants, 1 / self._variants)

    def learn(self, advantage: Array, played: NDArray[np.int64]) -> None:
        """See nothing: this rule goes by no advantage."""

    def state(self) -> Mapping[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


class Progress(Uniform):
    """Where outcomes change most, for better or worse, most is to be learnt. What is hardly known counts as the best does."""

    def shares(self, outcomes: Sequence[Array], *, solvable: bool) -> Array:
        known = [values for values in outcomes if len(values) >= FEWEST]
        spread = 1.0 if solvable or not known else float(np.concatenate(known).std()) or 1.0
        found = [_change(values) / spread if len(values) >= FEWEST else math.nan for values in outcomes]
        return _mixed(_unknown_as_the_best(np.array(found)))


def _change(values: Array) -> float:
    half = len(values) // 2
    return abs(float(values[half:].mean() - values[:half].mean()))


class Window(Uniform):
    """What is neither mastered nor hopeless, or else nearest to that. Where success can't be told, all alike."""

    def shares(self, outcomes: Sequence[Array], *, solvable: bool) -> Array:
        if not solvable:
            return super().shares(outcomes, solvable=solvable)
        success = np.array([values.mean() if len(values) >= FEWEST else 0.5 for values in outcomes])
        away = np.maximum(0.0, np.maximum(HARD - success, success - EASY))
        return _mixed((away == away.min()).astype(np.float64))


class UpperBound:
    """Mean |advantage|, as a share of the largest, and sqrt(2 ln(N + 1) / (n + 1)): n of the N stretches were a variant's.

    A stretch is what one world does in one horizon in one variant; the last WINDOW of each variant count.
    """

    def __init__(self, variants: int) -> None:
        self._last: list[list[float]] = [[] for _ in range(variants)]
        self._seen = [0] * variants

    def learn(self, advantage: Array, played: NDArray[np.int64]) -> None:
        for variant, last in enumerate(self._last):
            mine = played == variant
            steps = mine.sum(0)
            means = (advantage * mine).sum(0)[steps > 0] / steps[steps > 0]
            last += [round(float(value), 6) for value in means]
            del last[:-WINDOW]
            self._seen[variant] += len(means)

    def shares(self, outcomes: Sequence[Array], *, solvable: bool) -> Array:
        means = np.array([np.mean(last) if last else 0.0 for last in self._last])
        seen = np.array(self._seen)
        bonus = np.sqrt(2 * math.log(seen.sum() + 1) / (seen + 1))
        score = (means / (means.max() or 1.0) + bonus) / TEMPERATURE
        weights = np.exp(score - score.max())
        drawn: Array = weights / weights.sum()
        return drawn

    def state(self) -> Mapping[str, Any]:
        return {"last": self._last, "seen": self._seen}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._last, self._seen = state["last"], state["seen"]


RULES = {"uniform": Uniform, "even": Uniform, "alp": Progress, "ucb": UpperBound, "window": Window}


def rule_of(name: str, variants: int) -> Rule:
    """Return a rule for so many variants, by its name."""
    made: Rule = RULES[name](variants)
    return made


def _unknown_as_the_best(found: Array) -> Array:
    if np.isnan(found).all():
        return np.ones(len(found))
    return np.where(np.isnan(found), np.nanmax(found), found)


def _mixed(weights: Array) -> Array:
    """Return shares by weight, but for what is drawn evenly; all alike where nothing weighs anything."""
    total, even = float(weights.sum()), np.full(len(weights), 1 / len(weights))
    return EXPLORED * even + (1 - EXPLORED) * weights / total if total > 0 else even
