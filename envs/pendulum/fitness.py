"""Judges of the pendulum's task: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

UPRIGHT = 0.95
MOST_OF_THE_TIME = 0.9


def swing_up(t) -> NDArray[np.float64]:
    """Return the share of the time limit's second half that the rod is upright, within 18 degrees: (num_episodes,)."""
    half = t.step_limit // 2
    upright = t.alive & (t.rod_upright > UPRIGHT)
    return upright[:, half:].sum(axis=1) / half


def balanced(t) -> NDArray[np.bool_]:
    """Say where the rod was upright for nearly all of the second half: (num_episodes,)."""
    return swing_up(t) > MOST_OF_THE_TIME
