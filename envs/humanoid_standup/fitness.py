"""Judges of the lying humanoid's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

SITTING_HEAD_M = 0.6


def head_up(t) -> NDArray[np.float64]:
    """Return the head's mean height over the second half of the time limit [m]: (num_episodes,)."""
    half = t.step_limit // 2
    return np.where(t.alive, t.head_height, 0.0)[:, half:].sum(axis=1) / (t.step_limit - half)


def sat_up(t) -> NDArray[np.bool_]:
    """Say where the head was clearly off the ground for the second half, on average: (num_episodes,)."""
    return head_up(t) > SITTING_HEAD_M
