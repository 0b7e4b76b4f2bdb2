"""Rewards that people wrote for Meta-World's tasks, in the contract's form, after Meta-World's own.

Meta-World pays by `tolerance`: 1 within a width, then a long tail that is 0.1 at the margin.
"""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def reach(s, a: Tensor) -> dict[str, Tensor]:
    """Bring the hand to the goal."""
    return {"near": 10.0 * close(s.hand_to_goal_distance, 0.02, 0.3)}


def drawer_open(s, a: Tensor) -> dict[str, Tensor]:
    """Come down on the handle, then pull; errors in the plane count thrice, so that the hand doesn't run into it."""
    scale = torch.tensor([3.0, 3.0, 1.0])
    away = ((s.object_position - s.hand_position) * scale).norm(dim=-1)
    return {"cage": 5.0 * close(away, 0.01, 0.5), "open": 5.0 * close(s.object_to_goal_distance, 0.02, 0.2)}


def button_press(s, a: Tensor) -> dict[str, Tensor]:
    """Go to the button, then press it."""
    left = (s.object_position[:, 1] - s.goal_position[:, 1]).abs()
    return {"near": 2.0 * close(s.hand_to_object_distance, 0.02, 0.3), "press": 8.0 * close(left, 0.005, 0.1)}


def door_open(s, a: Tensor) -> dict[str, Tensor]:
    """Go behind the handle, then pull the door to where it is open."""
    behind = torch.tensor([-0.05, 0.0, -0.01])
    away = (s.object_position + behind - s.hand_position).norm(dim=-1)
    left = (s.object_position[:, 0] - s.goal_position[:, 0]).abs()
    return {"near": 2.0 * close(away, 0.02, 0.3), "open": 8.0 * close(left, 0.05, 0.5)}


def close(distance: Tensor, width_m: float, margin_m: float) -> Tensor:
    """Meta-World's long-tailed tolerance."""
    beyond = (distance - width_m).clamp(min=0.0) / margin_m
    return 1.0 / (torch.square(3.0 * beyond) + 1.0)
