"""Judges of the pusher's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

LAST_STEPS = 10
ON_GOAL_M = 0.1


def final_distance(t) -> NDArray[np.float64]:
    """Return the mean distance between cylinder and goal over the last 10 steps of the time limit [m]: (num_episodes,)."""
    return t.object_to_goal_distance[:, t.step_limit - LAST_STEPS : t.step_limit].mean(axis=1)


def pushed(t) -> NDArray[np.float64]:
    """Return that distance with its sign turned, so that higher is better [m]: (num_episodes,)."""
    return -final_distance(t)


def on_goal(t) -> NDArray[np.bool_]:
    """Say where the cylinder ended on the goal: (num_episodes,)."""
    return final_distance(t) < ON_GOAL_M
