"""Judges of MiniGrid's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray


def reached(t) -> NDArray[np.float64]:
    """Say, as 0 or 1, whether the agent stood on the goal: (num_episodes,)."""
    return (t.alive & (t.goal_distance == 0)).any(axis=1).astype(np.float64)


def picked_up(t) -> NDArray[np.float64]:
    """Say, as 0 or 1, whether the ball was taken from the grid: (num_episodes,)."""
    return (t.alive & (t.ball_distance < 0)).any(axis=1).astype(np.float64)
