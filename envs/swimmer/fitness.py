"""Judges of the swimmer's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

SWIMMING_SPEED_M_PER_S = 0.02


def forward(t) -> NDArray[np.float64]:
    """Return the mean speed along +x [m/s]: (num_episodes,)."""
    return t.mean(t.torso_velocity[..., 0])


def swam(t) -> NDArray[np.bool_]:
    """Say where it got along +x: (num_episodes,)."""
    return forward(t) > SWIMMING_SPEED_M_PER_S
