"""How far apart two rewards are that were paid for the same transitions: a canonical form, and a distance. numpy only.

After STARC (Skalse et al. 2023, arXiv 2309.15257), on transitions rather than tables: what a potential,
gamma * phi(s') - phi(s), could have paid is taken out by least squares, the rest is scaled to length 1, and the distance is
half the length of the difference: 0 for the same reward, a scaled, shifted or shaped copy; 0.7 for unrelated ones; 1 for the
opposite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.state import StateField
from sandbox.reward import Call

Floats = NDArray[np.float64]
WAVES = 120
RIDGE = 1e-6
MOSTLY_POTENTIAL = 0.006
"""A reward of whose length less than this is left beside a potential is compared as it was paid. A reward for progress alone,
x - x.prev, is such a one: what is left of it, 0.005 at a discount of 0.99, is rounding rather than its meaning."""


class Canonical(NamedTuple):
    """A reward on one set of transitions, (n,) each, of length 1 or all zero.

    left: what no potential could have paid. paid: the reward itself. share: how much of its length is left.
    """

    left: Floats
    paid: Floats
    share: float


class Ruler:
    """Measures rewards on one set of transitions, made so that states and those before them are independent.

    centred: whether a constant counts for nothing, as it does where no episode can end before its time.
    """

    def __init__(self, call: Call, fields: Sequence[StateField], gamma: float, seed: int, *, centred: bool) -> None:
        self.centred = centred
        after, before = _flat(call.state, fields), _flat(call.state.prev, fields)
        mean, size = after.mean(0), after.std(0)
        moving = size > 1e-9
        waves = np.random.default_rng(seed).normal(size=(int(moving.sum()), WAVES)) / np.sqrt(max(1, moving.sum()))
        alive = (~call.terminated.numpy()).astype(np.float64)[:, None]
        scaled = [(part[:, moving] - mean[moving]) / size[moving] for part in (after, before)]
        shaping = gamma * alive * _potentials(scaled[0], waves) - _potentials(scaled[1], waves)
        self._shaping = shaping - shaping.mean(0) if self.centred else shaping
        self._gram = self._shaping.T @ self._shaping
        self._gram[np.diag_indices_from(self._gram)] += RIDGE * len(shaping)

    def canonical(self, rewards: Sequence[float]) -> Canonical:
        """Take out of a reward what a potential could have paid. rewards: (n,), as paid."""
        paid = np.asarray(rewards, dtype=np.float64)
        paid = paid - paid.mean() if self.centred else paid
        left = paid - self._shaping @ np.linalg.solve(self._gram, self._shaping.T @ paid)
        length = float(np.linalg.norm(paid))
        return Canonical(_unit(left), _unit(paid), float(np.linalg.norm(left)) / length if length else 0.0)


def distance(one: Canonical, other: Canonical) -> float:
    """Return 0 for the same reward to 1 for its opposite; 0 where neither pays anything, 0.5 where only one does."""
    if min(one.share, other.share) < MOSTLY_POTENTIAL:
        return float(np.linalg.norm(one.paid - other.paid)) / 2
    return float(np.linalg.norm(one.left - other.left)) / 2


def _potentials(states: Floats, waves: Floats) -> Floats:
    """Return what potentials are made of: every component, plain, squared, bent; and waves over all of them. (n, k)."""
    bent = [states, np.square(states), np.abs(states), np.tanh(states)]
    return np.concatenate([*bent, np.cos(states @ waves), np.sin(states @ waves)], axis=1)


def _flat(state: Any, fields: Sequence[StateField]) -> Floats:
    """Return every component of every field: (n, components)."""
    columns = [getattr(state, field.name).double().numpy() for field in fields]
    return np.concatenate([column.reshape(len(column), -1) for column in columns], axis=1)


def _unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-9 else np.zeros_like(vector)
