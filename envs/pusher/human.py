"""Rewards that people wrote for the pusher, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def push(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's Pusher-v5."""
    near_weight, control_weight = 0.5, 0.1
    return {
        "goal": -s.object_to_goal_distance,
        "near": -near_weight * s.hand_to_object_distance,
        "control": -control_weight * torch.square(a).sum(-1),
    }


def push_from_behind(s, a: Tensor) -> dict[str, Tensor]:
    """Go where the object can be pushed from, a few centimetres beyond it as seen from the goal, and bring it there."""
    reach_m, behind_m, there_m = 0.06, 0.15, 0.1
    way = s.goal_position[:, :2] - s.object_position[:, :2]
    behind = s.object_position[:, :2] - reach_m * way / (way.norm(dim=-1, keepdim=True) + 1e-6)
    away = (s.hand_position[:, :2] - behind).norm(dim=-1)
    return {
        "goal": -6.0 * s.object_to_goal_distance,
        "there": 2.0 * torch.exp(-s.object_to_goal_distance / there_m),
        "near": -0.5 * s.hand_to_object_distance,
        "behind": torch.exp(-away / behind_m),
        "control": -0.005 * torch.square(a).sum(-1),
    }
