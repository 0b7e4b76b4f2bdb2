"""Rewards that people wrote for HalfCheetah, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor

DT_S = 0.05


def forward(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's HalfCheetah-v5."""
    control_weight = 0.1
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / DT_S
    return {"run": velocity, "control": -control_weight * torch.square(a).sum(-1)}


def backward(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's HalfCheetah-v5 with the sign of the velocity flipped."""
    control_weight = 0.1
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / DT_S
    return {"run": -velocity, "control": -control_weight * torch.square(a).sum(-1)}
