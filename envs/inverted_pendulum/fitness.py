"""Judges of the cart's tasks: pure functions of trajectories, one number an episode."""
# ruff: noqa: ANN001 - `t` is the scorer's Trajectories: t.<field> is (num_episodes, num_steps, ...)

import numpy as np
from numpy.typing import NDArray

CENTRE_M = 0.1
RIGHT_M = 0.5


def balanced(t) -> NDArray[np.bool_]:
    """Say where the pole stood for the whole time limit: (num_episodes,)."""
    return t.length >= t.step_limit


def lasted(t) -> NDArray[np.float64]:
    """Return the share of the time limit before the pole fell: (num_episodes,)."""
    return t.length / t.step_limit


def centred(t) -> NDArray[np.float64]:
    """Return the share of the time limit with the pole up and the cart within 0.1 m of the rail's middle."""
    return (t.alive & (np.abs(t.cart_position) < CENTRE_M)).sum(axis=1) / t.step_limit


def to_the_right(t) -> NDArray[np.float64]:
    """Return the share of the time limit with the pole up and the cart within 0.1 m of where it has to be."""
    return (t.alive & (np.abs(t.cart_position - RIGHT_M) < CENTRE_M)).sum(axis=1) / t.step_limit
