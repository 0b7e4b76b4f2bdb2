"""Rewards that people wrote for the mountain car with three gears, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def climb(s, a: Tensor) -> dict[str, Tensor]:
    """Gymnasium's charge for every step, with gained energy paid on the way: alone it says nothing until the flag was met."""
    flag = 0.5
    return {
        "flag": 100.0 * (s.car_position >= flag).to(torch.float32),
        "energy": 20_000.0 * (energy(s) - energy(s.prev)),
        "time": -0.1 * torch.ones_like(s.car_position),
    }


def energy(s) -> Tensor:
    """Kinetic and potential energy of the car, for a unit of mass: gymnasium's gravity is 0.0025 along the slope."""
    return 0.5 * torch.square(s.car_velocity) + 0.0025 / 3.0 * torch.sin(3.0 * s.car_position)
