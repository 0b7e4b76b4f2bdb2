"""Judges of Meta-World's tasks: pure functions of trajectories, one number an episode.

Where Meta-World counts an episode as a success as soon as its condition held once, so do these; reaching has to last.
"""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

REACHED_M, DRAWER_M, BUTTON_M, DOOR_M = 0.05, 0.03, 0.02, 0.08
LAST_STEPS = 50


def reached(t) -> NDArray[np.float64]:
    """Return the share of the time limit's last 50 steps with the hand within 5 cm of the goal: (num_episodes,)."""
    near = t.alive & (t.hand_to_goal_distance <= REACHED_M)
    return near[:, t.step_limit - LAST_STEPS :].sum(axis=1) / LAST_STEPS


def drawer_opened(t) -> NDArray[np.float64]:
    """Say, as 0 or 1, whether the handle was within 3 cm of where an open drawer has it: (num_episodes,)."""
    return _ever(t, t.object_to_goal_distance <= DRAWER_M)


def button_pressed(t) -> NDArray[np.float64]:
    """Say, as 0 or 1, whether the button was within 2 cm of where it is pressed, along y: (num_episodes,)."""
    return _ever(t, _along(t, 1) <= BUTTON_M)


def door_opened(t) -> NDArray[np.float64]:
    """Say, as 0 or 1, whether the door's handle was within 8 cm of where an open door has it, along x: (num_episodes,)."""
    return _ever(t, _along(t, 0) <= DOOR_M)


def _along(t, axis: int) -> NDArray[np.float64]:
    return np.abs(t.object_position[..., axis] - t.goal_position[..., axis])


def _ever(t, held: NDArray[np.bool_]) -> NDArray[np.float64]:
    return (t.alive & held).any(axis=1).astype(np.float64)
