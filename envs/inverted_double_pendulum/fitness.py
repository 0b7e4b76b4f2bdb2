"""Judges of the two poles' tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray


def lasted(t) -> NDArray[np.float64]:
    """Return the share of the time limit before the poles fell: (num_episodes,)."""
    return t.length / t.step_limit


def balanced(t) -> NDArray[np.bool_]:
    """Say where the poles stood for the whole time limit: (num_episodes,)."""
    return t.length >= t.step_limit
