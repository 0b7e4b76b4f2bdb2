"""Judges of the ant's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

WALKING_SPEED_M_PER_S = 0.5
SPINNING_RATE_RAD_PER_S = 1.0
UPRIGHT = 0.5
HIGHEST_SPINNING_TORSO_M = 0.9


def forward(t) -> NDArray[np.float64]:
    """Return the speed along +x over the full time limit [m/s], nothing after the episode's end: (num_episodes,)."""
    return t.torso_velocity[..., 0].sum(axis=1, where=t.alive) / t.step_limit


def walked(t) -> NDArray[np.bool_]:
    """Say where it got forward and lasted to the time limit: (num_episodes,)."""
    return (t.length >= t.step_limit) & (forward(t) > WALKING_SPEED_M_PER_S)


def spin(t) -> NDArray[np.float64]:
    """Return the rate of turning in one direction over the full time limit [rad/s]: (num_episodes,).

    Only steps on its feet count, so that neither a leap nor a roll on its back pays; wobbling to and fro cancels out.
    """
    on_its_feet = t.alive & (t.torso_upright > UPRIGHT) & (t.torso_position[..., 2] < HIGHEST_SPINNING_TORSO_M)
    return np.abs(t.torso_yaw_velocity.sum(axis=1, where=on_its_feet)) / t.step_limit


def spun(t) -> NDArray[np.bool_]:
    """Say where it spun and lasted to the time limit: (num_episodes,)."""
    return (t.length >= t.step_limit) & (spin(t) > SPINNING_RATE_RAD_PER_S)
