"""Judges of the mountain car's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

FLAG = 0.45
TIME_LIMIT_STEPS = 300


def reached(t) -> NDArray[np.float64]:
    """Say, as 0 or 1, whether the car got to the flag within 300 steps: (num_episodes,)."""
    early = np.arange(t.car_position.shape[1]) < TIME_LIMIT_STEPS
    return (t.alive & early & (t.car_position >= FLAG)).any(axis=1).astype(np.float64)
