"""What the worlds of a curriculum are paid: the plain reward, or a stage's own, scaled like the one before it; and bonuses.

On a change the new reward gets the spread of the old one, r' = r sigma_old / sigma_new, and its mean too where no episode can
end early (LaRes: (r - mu_new) sigma_old / sigma_new + mu_old). Elsewhere a constant would pay or fine an episode's length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.state import State
from sandbox.faults import CandidateFault
from sandbox.reward import Reward, Stage
from sandbox.stages import StageReward
from sandbox.terms import Terms

OWN, BONUS = "stage_reward", "stage_bonus"
MOST_SCALE = 100.0
FLAT = 1e-6


class Paid(NamedTuple):
    """terms: as the learner is paid, (terms, W). plain: what the plain reward alone would have paid, unscaled, (W,)."""

    terms: Terms
    plain: NDArray[np.float64]


class StagePay:
    """The plain reward and the stages' own ones, with each policy's scale for each of them."""

    def __init__(self, source: str, stages: Sequence[Stage], gamma: float, policies: int) -> None:
        self._plain = Reward(source, "reward", gamma)
        self._own = [StageReward(source, gamma, k) if stage.reward else None for k, stage in enumerate(stages)]
        count = len(stages) + 1  # the last one is the plain reward
        self._payer = [k if own else count - 1 for k, own in enumerate(self._own)] + [count - 1]
        self._scale = torch.ones(policies, count)
        self._shift = torch.zeros(policies, count)
        self._sums = torch.zeros(policies, count, 3, dtype=torch.float64)
        self._ends_early = torch.zeros(1, dtype=torch.bool)

    def pay(self, state: State, action: Tensor, terminated: Tensor, shown: Tensor, bonus: Tensor) -> Paid:
        """Pay a step. shown: each world's stage, (W,); bonus: (W,). Raises CandidateFault."""
        names, values = self._plain.pay(state, action, terminated)
        if {OWN, BONUS} & set(names):
            raise CandidateFault("rejected", f"the terms {OWN} and {BONUS} are the curriculum's; name the reward's otherwise")
        self._ends_early |= terminated.any()
        plain = values.sum(0)
        payer = torch.tensor(self._payer)[shown]
        policy = torch.arange(len(payer)) * len(self._scale) // len(payer)
        scale, shift = self._scale[policy, payer], self._shift[policy, payer]
        self._note(len(self._payer) - 1, plain)
        own = torch.zeros_like(plain)
        for k, reward in enumerate(self._own):
            if reward is not None:
                paid = reward.pay(state, action, terminated).values.sum(0)
                self._note(k, paid)
                own = torch.where(payer == k, paid, own)
        is_plain = payer == len(self._payer) - 1
        terms = torch.cat([values * scale * is_plain, (own * scale + shift).unsqueeze(0), bonus.unsqueeze(0)])
        return Paid(Terms((*names, OWN, BONUS), terms), plain.double().numpy())

    def _note(self, payer: int, paid: Tensor) -> None:
        """Add to a payer's mean and spread since the last change: count, sum and sum of squares for each policy."""
        by_policy = paid.double().view(len(self._scale), -1)
        count = torch.full((len(self._scale),), float(by_policy.shape[1]), dtype=torch.float64)
        self._sums[:, payer] += torch.stack([count, by_policy.sum(1), by_policy.square().sum(1)], dim=1)

    def rescale(self, policy: int, old_level: int, new_level: int) -> None:
        """Give the reward of a new level the mean and spread of the old level's, as both were since the last change."""
        old, new = self._payer[old_level], self._payer[new_level]
        if old != new:
            (old_mean, old_spread), (new_mean, new_spread) = self._moments(policy, old), self._moments(policy, new)
            if min(old_spread, new_spread) > FLAT:
                scale = float(self._scale[policy, old]) * old_spread / new_spread
                scale = min(max(scale, 1 / MOST_SCALE), MOST_SCALE)
                shift = float(self._scale[policy, old]) * old_mean + float(self._shift[policy, old]) - scale * new_mean
                self._scale[policy, new] = scale
                self._shift[policy, new] = 0.0 if bool(self._ends_early) else shift
        self._sums[policy] = 0.0

    def _moments(self, policy: int, payer: int) -> tuple[float, float]:
        count, total, squares = self._sums[policy, payer].tolist()
        mean = total / max(count, 1.0)
        return mean, max(squares / max(count, 1.0) - mean * mean, 0.0) ** 0.5

    def state(self) -> dict[str, Tensor]:
        return {f"pay.{name}": value.clone() for name, value in self._tensors().items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        for name, value in self._tensors().items():
            value.copy_(state[f"pay.{name}"])

    def _tensors(self) -> dict[str, Tensor]:
        return {"scale": self._scale, "shift": self._shift, "sums": self._sums, "ends_early": self._ends_early}
