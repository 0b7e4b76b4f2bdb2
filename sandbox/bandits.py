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
    """Where outcomes change most, for better or worse, most is to be learnt."""

    def shares(self, outcomes: Sequence[Array], *, solvable: bool) -> Array:
        known = _known(outcomes)
        spread = 1.0 if solvable or not known.any() else float(np.concatenate(_of(outcomes, known)).std()) or 1.0
        return _mixed(np.array([_change(values) / spread for values in _of(outcomes, known)]), known)


def _change(values: Array) -> float:
    half = len(values) // 2
    return abs(float(values[half:].mean() - values[:half].mean()))


class Window(Uniform):
    """What is neither mastered nor hopeless, or else nearest to that. Where success can't be told, all alike."""

    def shares(self, outcomes: Sequence[Array], *, solvable: bool) -> Array:
        known = _known(outcomes)
        if not (solvable and known.any()):
            return super().shares(outcomes, solvable=solvable)
        success = np.array([values.mean() for values in _of(outcomes, known)])
        away = np.maximum(0.0, np.maximum(HARD - success, success - EASY))
        return _mixed((away == away.min()).astype(np.float64), known)


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


def _known(outcomes: Sequence[Array]) -> NDArray[np.bool_]:
    return np.array([len(values) >= FEWEST for values in outcomes])


def _of(outcomes: Sequence[Array], known: NDArray[np.bool_]) -> list[Array]:
    return [values for values, is_known in zip(outcomes, known, strict=True) if is_known]


def _mixed(weights: Array, known: NDArray[np.bool_]) -> Array:
    """Return shares: what isn't known yet has what an even draw gives it, the rest goes to the others by weight.

    Part of all is drawn evenly; all is where nothing weighs anything. Ten failures of a large grid can take a fifth of a
    training, so what isn't known mustn't be taken for promising meanwhile.
    """
    even, total = np.full(len(known), 1 / len(known)), float(weights.sum())
    if not total > 0:
        return even
    wanted = even.copy()
    wanted[known] = known.mean() * weights / total
    return EXPLORED * even + (1 - EXPLORED) * wanted
