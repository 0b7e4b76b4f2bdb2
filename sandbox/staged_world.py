"""A world that is trained by stages: the observation ends with what the policy is told of its stage, and the course pays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.vec_env import Step, VecEnv
from sandbox.course import Course, Settings
from sandbox.terms import Terms

COURSE = "course."


class StagedWorld:
    """A world and the course of its worlds. Implements `VecEnv`."""

    def __init__(self, world: VecEnv, course: Course) -> None:
        self._world = world
        self.course = course
        self.num_envs = world.num_envs
        size = course.input.size
        self.spec = replace(world.spec, observation_dim=world.spec.observation_dim + size, stage_inputs=size)
        self._paid: Terms | None = None

    def reset(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        observation = self._world.reset(seeds)
        return _joined(observation, self.course.begin())

    def step(self, action: NDArray[np.float64], training_progress: float = 0.0) -> Step:
        """Step the world and the course. Raises CandidateFault too."""
        step = self._world.step(action, training_progress)
        self._paid, final, after = self.course.take(step, training_progress)
        return step._replace(
            observation=_joined(step.observation, after), final_observation=_joined(step.final_observation, final)
        )

    @property
    def paid(self) -> Terms:
        """What the last step pays."""
        assert self._paid is not None
        return self._paid

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the world's state and the course's."""
        course = {COURSE + name: value.numpy() for name, value in self.course.state().items()}
        return {**self._world.state(), **course}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._world.restore({name: value for name, value in state.items() if not name.startswith(COURSE)})
        kept = {name.removeprefix(COURSE): value for name, value in state.items() if name.startswith(COURSE)}
        self.course.restore({name: torch.from_numpy(value) for name, value in kept.items()})


class StagedReward:
    """What a staged world pays. Implements `RewardSource`; the world keeps its state."""

    def __init__(self, world: StagedWorld) -> None:
        self._world = world

    def pay(self, step: Step, action: Tensor) -> Terms:
        return self._world.paid

    def state(self) -> Mapping[str, Tensor]:
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        pass


def staged(
    world: VecEnv, job: Mapping[str, Any], files: Callable[[str], bytes], gamma: float
) -> tuple[StagedWorld, StagedReward]:
    """Return a job's world with the stages of its reward.py, and what pays in it. Raises CandidateFault."""
    source = files("reward.py").decode("utf-8")
    course = Course(source, world.spec, job["seeds"], world.num_envs, gamma, Settings(**job["stages"]))
    staged_world = StagedWorld(world, course)
    return staged_world, StagedReward(staged_world)


def _joined(observation: NDArray[np.float64], told: Tensor) -> NDArray[np.float64]:
    return np.concatenate([observation, told.double().numpy()], axis=1)
