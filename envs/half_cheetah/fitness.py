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


REARED_PITCH_RAD = (1.05, 2.1)
"""Nose up by 60 to 120 degrees; the torso's pitch is positive nose down."""
REARED_FOOT_M = 0.3
MOST_FLIPS = 10.0


def reared(t) -> NDArray[np.float64]:
    """Return the share of steps with the torso steeply nose up and the front foot off the ground: (num_episodes,)."""
    steep = (-t.torso_pitch > REARED_PITCH_RAD[0]) & (-t.torso_pitch < REARED_PITCH_RAD[1])
    return t.mean((steep & (t.feet_height[..., 1] > REARED_FOOT_M)).astype(np.float64))


def back_flips(t) -> NDArray[np.float64]:
    """Return how often it turned over backward, whole turns only, at most 10 counted: (num_episodes,)."""
    final = np.take_along_axis(t.torso_pitch, t.length[:, None] - 1, axis=1)[:, 0]
    return np.clip(np.floor(-final / (2 * np.pi)), 0, MOST_FLIPS)


def flipped(t) -> NDArray[np.bool_]:
    """Say where it turned over backward at least once: (num_episodes,)."""
    return back_flips(t) >= 1


def hopped(t) -> NDArray[np.float64]:
    """Return the mean vertical speed less the mean horizontal one, while it is not on its back [m/s]: (num_episodes,)."""
    up_and_down, along = np.abs(t.torso_velocity[..., 1]), np.abs(t.torso_velocity[..., 0])
    upright = np.abs(t.torso_pitch) < LARGEST_PITCH_RAD
    return t.mean(np.where(upright, up_and_down, 0.0) - along)
