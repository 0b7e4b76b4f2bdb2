"""Rewards that people wrote for the mountain car, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def climb(s, a: Tensor) -> dict[str, Tensor]:
    """Gymnasium's bonus and cost, with gained energy paid on the way: alone they are too rare to be found.

    What is gained can be lost again, so that swinging for ever pays nothing.
    """
    flag = 0.45
    return {
        "flag": 100.0 * (s.car_position >= flag).to(torch.float32),
        "energy": 20_000.0 * (energy(s) - energy(s.prev)),
        "effort": -0.1 * torch.square(a[:, 0]),
    }


def energy(s) -> Tensor:
    """Kinetic and potential energy of the car, for a unit of mass: gymnasium's gravity is 0.0025 along the slope."""
    return 0.5 * torch.square(s.car_velocity) + 0.0025 / 3.0 * torch.sin(3.0 * s.car_position)


def trap_height(s, a: Tensor) -> dict[str, Tensor]:
    """Pay for being high up: swinging for ever pays more than the flag, which ends the episode."""
    return {"height": torch.sin(3.0 * s.car_position) + 1.0}
