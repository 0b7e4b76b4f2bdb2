"""Rewards that people wrote for the two poles on a cart, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def balance(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's InvertedDoublePendulum-v5."""
    healthy_reward, lowest_tip_m, wished_tip_m = 10.0, 1.0, 2.0
    x, z = s.tip_position[:, 0], s.tip_position[:, 1]
    lower, upper = s.pole_angular_velocities[:, 0], s.pole_angular_velocities[:, 1]
    return {
        "upright": healthy_reward * (z > lowest_tip_m).to(z.dtype),
        "tip": -0.01 * torch.square(x) - torch.square(z - wished_tip_m),
        "speed": -0.001 * torch.square(lower) - 0.005 * torch.square(upper),
    }
