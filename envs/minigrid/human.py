"""Rewards that people wrote for MiniGrid's worlds, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def door_key(s, a: Tensor) -> dict[str, Tensor]:
    """Key, door, goal: a bonus for each step of the way, once, and for the goal."""
    holds = s.carrying - s.prev.carrying
    opens = s.open_doors - s.prev.open_doors
    nearer = s.prev.goal_distance - s.goal_distance
    return {"key": holds, "door": 2.0 * opens, "near": 0.1 * nearer, "goal": 10.0 * (s.goal_distance == 0).to(torch.float32)}


def rooms(s, a: Tensor) -> dict[str, Tensor]:
    """Doors, then the goal."""
    opens = s.open_doors - s.prev.open_doors
    nearer = s.prev.goal_distance - s.goal_distance
    return {"door": 2.0 * opens, "near": 0.1 * nearer, "goal": 10.0 * (s.goal_distance == 0).to(torch.float32)}


def corridor(s, a: Tensor) -> dict[str, Tensor]:
    """Key, door, then the ball."""
    taken = (s.ball_distance < 0).to(torch.float32)
    return {"hold": s.carrying - s.prev.carrying, "door": 2.0 * (s.open_doors - s.prev.open_doors), "ball": 10.0 * taken}


def trap_doors(s, a: Tensor) -> dict[str, Tensor]:
    """Pay for every change of a door: opening and shutting it for ever pays more than the goal."""
    return {"door": (s.open_doors - s.prev.open_doors).abs(), "goal": (s.goal_distance == 0).to(torch.float32)}
