"""Judges of the lander's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

PAD_HALF_WIDTH = 0.2
SLOW = 0.1


def landed(t) -> NDArray[np.float64]:
    """Say, as 0 or 1, whether it came to rest on both legs on the pad before the time limit: (num_episodes,)."""

    def last(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([episode[length - 1] for episode, length in zip(values, t.length, strict=True)])

    on_pad = np.abs(last(t.lander_position)[:, 0]) < PAD_HALF_WIDTH
    resting = np.linalg.norm(last(t.lander_velocity), axis=1) < SLOW
    on_legs = last(t.leg_contact).min(axis=1) > 0.5
    return (on_pad & resting & on_legs & (t.length < t.step_limit)).astype(np.float64)
