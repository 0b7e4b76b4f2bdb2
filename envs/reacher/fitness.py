"""Judges of the reacher's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

REACHED_M = 0.02
LAST_STEPS = 10


def reached(t) -> NDArray[np.float64]:
    """Return the share of the last 10 steps of the time limit within 2 cm of the target: (num_episodes,)."""
    near = t.alive & (t.fingertip_to_target_distance < REACHED_M)
    return near[:, t.step_limit - LAST_STEPS :].sum(axis=1) / LAST_STEPS


def held(t) -> NDArray[np.bool_]:
    """Say where it was within 2 cm for all of the last 10 steps: (num_episodes,)."""
    return reached(t) >= 1.0
