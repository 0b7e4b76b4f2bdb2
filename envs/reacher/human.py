"""Rewards that people wrote for the reacher, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def reach(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's Reacher-v5."""
    return {"near": -s.fingertip_to_target_distance, "control": -torch.square(a).sum(-1)}


def touch(s, a: Tensor) -> dict[str, Tensor]:
    """The same with a smaller charge for torque and a bonus that is felt within some centimetres only."""
    narrow_m = 0.03
    there = torch.exp(-torch.square(s.fingertip_to_target_distance / narrow_m))
    return {"near": -s.fingertip_to_target_distance, "there": 0.5 * there, "control": -0.02 * torch.square(a).sum(-1)}


def trap_progress(s, a: Tensor) -> dict[str, Tensor]:
    """Pay for every step that comes nearer and charge for none that goes away: swinging to and fro pays for ever."""
    nearer = s.prev.fingertip_to_target_distance - s.fingertip_to_target_distance
    return {"progress": torch.clamp(nearer, min=0.0)}
