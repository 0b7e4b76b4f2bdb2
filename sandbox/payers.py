"""What pays in a training: a reward written as code, or the fitness itself as reward (a baseline)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from envs.state import State
from envs.vec_env import Step, WorldSpec
from sandbox.measure import Trajectories, measure_episodes, measure_steps
from sandbox.reward import Reward
from sandbox.terms import Terms


class RewardSource(Protocol):
    """Anything that pays: a candidate, a person's reward, or the fitness itself."""

    def pay(self, step: Step, action: Tensor) -> Terms:
        """Return named terms for every world."""
        ...

    def state(self) -> Mapping[str, Tensor]:
        """Return what a paused training keeps of it."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from where a training was paused."""
        ...


class _Stateless:
    """Pays by the step alone: nothing is kept over a pause."""

    def state(self) -> Mapping[str, Tensor]:
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        pass


class CodeReward(_Stateless):
    """A reward written as code, through the harness."""

    def __init__(self, source: str, entry: str, gamma: float) -> None:
        self._reward = Reward(source, entry, gamma)

    def pay(self, step: Step, action: Tensor) -> Terms:
        return self._reward.pay(step.state, action, torch.as_tensor(step.terminated))


class StepMeasure(_Stateless):
    """The sparse baseline where the task gives a per-step form: that expression is the reward."""

    def __init__(self, spec: Mapping[str, Any], world: WorldSpec) -> None:
        self._spec = spec
        self._world = world

    def pay(self, step: Step, action: Tensor) -> Terms:
        fields = {**_arrays(step.state, self._world), "episode_time_s": step.state.episode_time_s.numpy()}
        paid = measure_steps(self._spec, fields, step.action, self._world.dt_s)
        return _fitness(torch.as_tensor(paid, dtype=torch.float32))


class EpisodeMeasure:
    """The sparse baseline otherwise: the fitness of an episode is paid at its last step, nothing before."""

    def __init__(self, spec: Mapping[str, Any], world: WorldSpec, num_envs: int) -> None:
        self._spec = spec
        self._world = world
        self._length = np.zeros(num_envs, dtype=np.int64)
        steps = world.episode_steps
        self._fields = {f.name: np.zeros((num_envs, steps, *f.shape), dtype=np.float32) for f in world.fields}
        self._action = np.zeros((num_envs, steps, world.action_dim), dtype=np.float32)

    def pay(self, step: Step, action: Tensor) -> Terms:
        everyone = np.arange(len(self._length))
        for name, values in _arrays(step.state, self._world).items():
            self._fields[name][everyone, self._length] = values
        self._action[everyone, self._length] = step.action
        self._length += 1
        paid = torch.zeros(len(self._length))
        ended = np.flatnonzero(step.terminated | step.truncated)
        if len(ended):
            paid[ended] = torch.as_tensor(self._fitness(ended), dtype=torch.float32)
            self._length[ended] = 0
        return _fitness(paid)

    def state(self) -> Mapping[str, Tensor]:
        fields = {f"field.{name}": torch.from_numpy(values) for name, values in self._fields.items()}
        return {"length": torch.from_numpy(self._length), "action": torch.from_numpy(self._action), **fields}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self._length, self._action = state["length"].numpy(), state["action"].numpy()
        self._fields = {name: state[f"field.{name}"].numpy() for name in self._fields}

    def _fitness(self, ended: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        fields = {name: values[ended] for name, values in self._fields.items()}
        lengths = self._length[ended]
        return measure_episodes(self._spec, Trajectories(fields, self._action[ended], lengths, self._world.dt_s))


def _fitness(paid: Tensor) -> Terms:
    return Terms(("fitness",), paid.unsqueeze(0))


def _arrays(state: State, world: WorldSpec) -> dict[str, np.ndarray[Any, Any]]:
    return {field.name: getattr(state, field.name).numpy() for field in world.fields}


def reward_source(
    spec: Mapping[str, Any], files: Callable[[str], bytes], world: WorldSpec, num_envs: int, gamma: float
) -> RewardSource:
    """Return what a job's `reward` describes."""
    if spec["kind"] == "code":
        return CodeReward(files("reward.py").decode("utf-8"), spec["entry"], gamma)
    if spec["kind"] == "step_measure":
        return StepMeasure(spec["measure"], world)
    return EpisodeMeasure(spec["measure"], world, num_envs)
