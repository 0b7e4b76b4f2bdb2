"""Rewards that people wrote for the mountain car, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def climb(s, a: Tensor) -> dict[str, Tensor]:
    """Gymnasium's bonus and cost, with speed paid on the way: alone they are too rare to be found."""
    flag = 0.45
    return {
        "flag": 100.0 * (s.car_position >= flag).to(torch.float32),
        "speed": 100.0 * s.car_velocity.abs(),
        "effort": -0.1 * torch.square(a[:, 0]),
    }


def trap_height(s, a: Tensor) -> dict[str, Tensor]:
    """Pay for being high up: swinging for ever pays more than the flag, which ends the episode."""
    return {"height": torch.sin(3.0 * s.car_position) + 1.0}
