"""Gymnasium worlds that do one thing in an odd way, for the tests of what is done about it."""

import gymnasium
import numpy as np
from gymnasium import spaces


class OddWorld(gymnasium.Env):
    """Counts its steps: the observation is (step, the last action), the reward and the info speak of the answer."""

    metadata = {"render_fps": 10}  # noqa: RUF012 - gymnasium's own form

    def __init__(self, observation_space=None, action_space=None, ends_at=5, after=None):
        self.observation_space = observation_space or spaces.Box(-10, 10, (2,))
        self.action_space = action_space or spaces.Box(-1, 1, (1,))
        self.ends_at, self.after, self.count = ends_at, after, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count, self.start = 0, float(self.np_random.uniform(0, 0.5))
        return self.observation(0.0), {"count": 0.0}

    def step(self, action):
        self.count += 1
        if self.after is not None and self.count > 2:
            return self.after(self)
        last = float(np.asarray(action).reshape(-1)[0])
        info = {"count": float(self.count), "reward_run": 7.0, "is_success": 1.0}
        return self.observation(last), 99.0, self.count >= self.ends_at, False, info

    def observation(self, last):
        if isinstance(self.observation_space, spaces.Discrete):
            return self.count % int(self.observation_space.n)
        if isinstance(self.observation_space, spaces.Dict):
            return {"near": np.array([self.count, last]), "goal": np.array([1.0, 1.0])}
        return np.array([self.count + self.start, last], dtype=np.float64)


def raises(_):
    raise RuntimeError("the engine is on fire")


def gives_nan(world):
    return np.array([np.nan, 0.0]), 0.0, False, False, {}


def gives_too_few(world):
    return np.array([1.0]), 0.0, False, False, {}
