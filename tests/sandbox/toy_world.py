"""A world without physics that learns in seconds: points on a line are pushed to their targets. Implements `VecEnv`."""

from collections.abc import Sequence

import numpy as np

from envs.state import State, StateField
from envs.vec_env import Step, WorldSpec

EPISODE_STEPS = 20
PUSH = 0.2
FIELDS = (
    StateField("distance", (), "m", "world", "distance", "From the point to its target.", (), lambda raw: raw["distance"]),
)


class LineWorld:
    """The policy sees where the point is and where it should be; an episode ends by its time limit only."""

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.spec = WorldSpec(
            name="line",
            gymnasium_id="",
            summary="Points on a line.",
            fields=FIELDS,
            observation_dim=2,
            action_names=("push",),
            action_low=(-1.0,),
            action_high=(1.0,),
            action_sentence="Push.",
            dt_s=0.1,
            episode_steps=EPISODE_STEPS,
        )
        self._generators: list[np.random.Generator] = []
        self._place = np.zeros(num_envs)
        self._target = np.zeros(num_envs)
        self._step = 0

    def reset(self, seeds: Sequence[int]) -> np.ndarray:
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._start()
        return self._observe()

    def step(self, action: np.ndarray, training_progress: float = 0.0) -> Step:
        before = self._state(training_progress, None)
        self._place = self._place + PUSH * np.clip(action[:, 0], -1, 1)
        self._step += 1
        state = self._state(training_progress, before)
        final = self._observe()
        over = self._step == EPISODE_STEPS
        if over:
            self._start()
        nobody, everybody = np.zeros(self.num_envs, dtype=bool), np.full(self.num_envs, over)
        return Step(self._observe(), final, state, action, nobody, everybody)

    def _start(self) -> None:
        group = self.num_envs // len(self._generators)
        drawn = np.concatenate([generator.uniform(-1, 1, (group, 2)) for generator in self._generators])
        self._place, self._target, self._step = drawn[:, 0], drawn[:, 1], 0

    def _observe(self) -> np.ndarray:
        return np.stack((self._place, self._target), axis=1)

    def _state(self, progress: float, prev: State | None) -> State:
        snapshot = {"distance": np.abs(self._place - self._target)}
        clock = np.full(self.num_envs, self._step * self.spec.dt_s)
        return State({field.name: field for field in FIELDS}, snapshot, clock, progress, prev)
