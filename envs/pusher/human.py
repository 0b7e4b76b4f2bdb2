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
