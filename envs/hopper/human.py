"""Rewards that people wrote for the hopper, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor

DT_S = 0.008


def forward(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's Hopper-v5."""
    control_weight = 0.001
    healthy_reward = 1.0
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / DT_S
    return {
        "run": velocity,
        "healthy": healthy_reward * healthy(s).to(velocity.dtype),
        "control": -control_weight * torch.square(a).sum(-1),
    }


def healthy(s) -> Tensor:
    """Say where the hopper stands and nothing has run away: (num_envs,), bool."""
    lowest_torso_m, largest_pitch_rad, largest_state = 0.7, 0.2, 100.0
    torso = torch.stack((s.torso_pitch, s.torso_pitch_velocity), -1)
    state = torch.cat((torso, s.torso_velocity, s.joint_angles, s.joint_velocities), -1)
    bounded = (state.abs() < largest_state).all(-1)
    return bounded & (s.torso_position[:, 1] > lowest_torso_m) & (s.torso_pitch.abs() < largest_pitch_rad)


def trap_alive(s, a: Tensor) -> dict[str, Tensor]:
    """A large bonus for not falling beside a small one for speed: standing still pays, and is safer."""
    return {
        "alive": 5.0 * healthy(s).to(torch.float32),
        "run": 0.1 * s.torso_velocity[:, 0],
        "control": -0.1 * a.square().sum(-1),
    }
