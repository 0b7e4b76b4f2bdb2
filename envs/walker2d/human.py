"""Rewards that people wrote for the walker, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor

DT_S = 0.008


def forward(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's Walker2d-v5."""
    control_weight = 0.001
    healthy_reward = 1.0
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / DT_S
    return {
        "run": velocity,
        "healthy": healthy_reward * healthy(s).to(velocity.dtype),
        "control": -control_weight * torch.square(a).sum(-1),
    }


def healthy(s) -> Tensor:
    """Say where the walker stands: (num_envs,), bool."""
    lowest_torso_m, highest_torso_m, largest_pitch_rad = 0.8, 2.0, 1.0
    height = s.torso_position[:, 1]
    return (height > lowest_torso_m) & (height < highest_torso_m) & (s.torso_pitch.abs() < largest_pitch_rad)
