"""Judges of the humanoid's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

WALKING_SPEED_M_PER_S = 0.3


def forward(t) -> NDArray[np.float64]:
    """Return the forward speed over the full time limit [m/s], nothing after a fall: (num_episodes,)."""
    return t.torso_velocity[..., 0].sum(axis=1, where=t.alive) / t.step_limit


def walked(t) -> NDArray[np.bool_]:
    """Say where it got forward and never fell: (num_episodes,)."""
    return (t.length >= t.step_limit) & (forward(t) > WALKING_SPEED_M_PER_S)
