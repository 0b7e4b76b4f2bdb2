"""Judges of HalfCheetah's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

RUNNING_SPEED_M_PER_S = 1.0
LARGEST_PITCH_RAD = 1.0
"""Beyond this, either way, it is no longer on its feet."""


def backward(t) -> NDArray[np.float64]:
    """Return the mean speed against the way it faces [m/s]: (num_episodes,)."""
    return t.mean(-t.torso_velocity[..., 0])


def forward(t) -> NDArray[np.float64]:
    """Return the mean speed the way it faces [m/s]: (num_episodes,)."""
    return t.mean(t.torso_velocity[..., 0])


def ran_backward(t) -> NDArray[np.bool_]:
    """Say where it ran backward on its feet for most of the episode: (num_episodes,)."""
    return (backward(t) > RUNNING_SPEED_M_PER_S) & _mostly_on_its_feet(t)


def ran_forward(t) -> NDArray[np.bool_]:
    """Say where it ran forward on its feet for most of the episode: (num_episodes,)."""
    return (forward(t) > RUNNING_SPEED_M_PER_S) & _mostly_on_its_feet(t)


def _mostly_on_its_feet(t) -> NDArray[np.bool_]:
    return t.mean((np.abs(t.torso_pitch) < LARGEST_PITCH_RAD).astype(np.float64)) > 0.9
