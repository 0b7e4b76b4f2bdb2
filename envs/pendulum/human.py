"""Rewards that people wrote for the pendulum, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def swing_up(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's Pendulum-v1: it looks at the state before the action."""
    speed_weight = 0.1
    torque_weight = 0.001
    return {
        "angle": -torch.square(s.prev.rod_angle),
        "speed": -speed_weight * torch.square(s.prev.rod_angular_velocity),
        "torque": -torque_weight * torch.square(a[:, 0]),
    }


def turn(s, a: Tensor) -> dict[str, Tensor]:
    """Pay for the rod's speed, either way round."""
    fastest_rad_per_s = 8.0
    return {"turning": s.rod_angular_velocity.abs() / fastest_rad_per_s, "torque": -0.001 * torch.square(a[:, 0])}
