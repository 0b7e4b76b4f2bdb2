"""Rewards that people wrote for the ant, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor

DT_S = 0.05


def forward(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's Ant-v5, with contact_cost_weight = 0."""
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / DT_S
    return {"run": velocity, **upkeep(s, a)}


def spin(s, a: Tensor) -> dict[str, Tensor]:
    """The same with the rate of turning left, while it is upright, in place of the forward speed."""
    standing = (s.torso_upright > 0.5).to(s.torso_upright.dtype)
    return {"spin": s.torso_yaw_velocity * standing, **upkeep(s, a)}


def upkeep(s, a: Tensor) -> dict[str, Tensor]:
    """Pay for a torso at a healthy height, and charge for torque: gymnasium's other two terms."""
    control_weight = 0.5
    healthy_reward = 1.0
    lowest_torso_m, highest_torso_m = 0.2, 1.0
    height = s.torso_position[:, 2]
    healthy = (height >= lowest_torso_m) & (height <= highest_torso_m)
    return {
        "healthy": healthy_reward * healthy.to(height.dtype),
        "control": -control_weight * torch.square(a).sum(-1),
    }
