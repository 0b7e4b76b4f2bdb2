"""Rewards that people wrote for the humanoid, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor

DT_S = 0.015


def forward(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's Humanoid-v5, with contact_cost_weight = 0."""
    forward_weight, control_weight, healthy_reward = 1.25, 0.1, 5.0
    lowest_torso_m, highest_torso_m = 1.0, 2.0
    velocity = (s.mass_center[:, 0] - s.prev.mass_center[:, 0]) / DT_S
    height = s.torso_position[:, 2]
    healthy = (height > lowest_torso_m) & (height < highest_torso_m)
    return {
        "run": forward_weight * velocity,
        "healthy": healthy_reward * healthy.to(height.dtype),
        "control": -control_weight * torch.square(a).sum(-1),
    }
