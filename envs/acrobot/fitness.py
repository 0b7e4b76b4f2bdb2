"""Judges of the acrobot's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray


def time_left(t) -> NDArray[np.float64]:
    """Return the share of the time limit that is left when the tip is over the line: (num_episodes,)."""
    return 1.0 - t.length / t.step_limit


def raised(t) -> NDArray[np.bool_]:
    """Say where the tip got over the line: (num_episodes,)."""
    return t.length < t.step_limit
