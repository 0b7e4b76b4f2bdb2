"""Rewards that people wrote for HalfCheetah, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor

DT_S = 0.05


def forward(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's HalfCheetah-v5."""
    control_weight = 0.1
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / DT_S
    return {"run": velocity, "control": -control_weight * torch.square(a).sum(-1)}


def backward(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's HalfCheetah-v5 with the sign of the velocity flipped."""
    control_weight = 0.1
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / DT_S
    return {"run": -velocity, "control": -control_weight * torch.square(a).sum(-1)}


def rear_up(s, a: Tensor) -> dict[str, Tensor]:
    """Stand on the hind legs: in the manner of a hand-written pose reward."""
    wished_pitch_rad, tolerance_rad, foot_m = -1.57, 0.8, 0.5
    off = (s.torso_pitch - wished_pitch_rad) / tolerance_rad
    return {
        "pose": torch.exp(-torch.square(off)),
        "slope": -0.3 * torch.sin(s.torso_pitch),
        "front_foot": torch.clamp(s.feet_height[:, 1] / foot_m, max=1.0),
        "control": -0.02 * torch.square(a).sum(-1),
    }


def back_flip(s, a: Tensor) -> dict[str, Tensor]:
    """Turn over backward: the rate of the pitch, and a little for being off the ground."""
    return {
        "turn": torch.clamp(-s.torso_pitch_velocity, min=-10.0, max=10.0),
        "height": s.torso_position[:, 1],
        "control": -0.05 * torch.square(a).sum(-1),
    }


def hop(s, a: Tensor) -> dict[str, Tensor]:
    """Bounce without travelling."""
    return {
        "bounce": s.torso_velocity[:, 1].abs(),
        "stay": -s.torso_velocity[:, 0].abs(),
        "level": -0.3 * s.torso_pitch.abs().clamp(max=3.0),
        "control": -0.02 * torch.square(a).sum(-1),
    }


def pace(s, a: Tensor) -> dict[str, Tensor]:
    """Pay for being near the pace, charge a little for each bit off it and for rocking, which throws the speed about."""
    wished_m_per_s, sharpness = 1.0, 2.0
    off = s.torso_velocity[:, 0] - wished_m_per_s
    return {
        "near": torch.exp(-sharpness * torch.square(off)),
        "off": -0.2 * off.abs(),
        "calm": -0.1 * s.torso_pitch_velocity.abs(),
    }


def trap_at_least(s, a: Tensor) -> dict[str, Tensor]:
    """Pay for speed up to the pace: all that is beyond it is free, so racing pays as well as walking and comes sooner."""
    wished_m_per_s = 1.0
    return {"pace": s.torso_velocity[:, 0].clamp(max=wished_m_per_s), "control": -0.02 * torch.square(a).sum(-1)}
