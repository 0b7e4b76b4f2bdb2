"""Judges of the mountain car with three gears: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

FLAG = 0.5


def reached(t) -> NDArray[np.float64]:
    """Say, as 0 or 1, whether the car got to the flag within the time limit: (num_episodes,)."""
    return (t.alive & (t.car_position >= FLAG)).any(axis=1).astype(np.float64)
