"""The `rollout` verb: play policies in their world, without exploration, and hand out what happened. No fitness is here.

All checkpoints, seeds and episodes run in one batch of worlds. Every policy starts its episodes from the same states
(common random numbers), so that a difference between two policies is theirs. Random play is a baseline: no policy at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor

from envs import worlds
from envs.state import State
from envs.vec_env import WorldSpec
from sandbox.output import TRAJECTORIES, Output
from sandbox.policy import PolicyRefusedError, StackedPolicy, unpack


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send `trajectories.safetensors` and, in the result, which episodes belong to which policy.

    job: world, checkpoints and policies (how many the file holds), episodes (of the last checkpoint), earlier_episodes (of
    the others), seed (of the episodes' starts); with `random_seeds` no policy is read, and each seed plays random actions.
    """
    spec = worlds.make(job["world"], 1).spec
    checkpoints, policies = job["checkpoints"], job["policies"]
    if random_seeds := job.get("random_seeds"):
        played = play(job["world"], RandomPlay(spec, random_seeds), policies, job["episodes"], job["seed"])
        output.write(TRAJECTORIES, save(played))
        output.result("ok", index=[[0, policy, job["episodes"]] for policy in range(policies)])
        return
    try:
        sizes = (spec.observation_dim, spec.policy_outputs, spec.images)
        tensors = unpack(files("policy.safetensors"), checkpoints, policies, *sizes)
    except PolicyRefusedError as refusal:
        output.result("rejected", f"the policy file was refused: {refusal}")
        return
    parts, index = [], []
    for group, episodes in _groups(checkpoints, job["episodes"], job["earlier_episodes"]):
        parameters = {name: t[list(group)].flatten(0, 1) for name, t in tensors.items()}
        player = Deterministic(spec, StackedPolicy(parameters, spec.images))
        parts.append(play(job["world"], player, len(group) * policies, episodes, job["seed"]))
        index += [[checkpoint, policy, episodes] for checkpoint in group for policy in range(policies)]
    output.write(TRAJECTORIES, save(_joined(parts)))
    output.result("ok", index=index)


def _groups(checkpoints: int, episodes: int, earlier_episodes: int) -> list[tuple[range, int]]:
    """Split the checkpoints into the earlier ones and the last, which is judged on more episodes."""
    earlier = [(range(checkpoints - 1), earlier_episodes)] if checkpoints > 1 and earlier_episodes else []
    return [*earlier, (range(checkpoints - 1, checkpoints), episodes)]


class Player(Protocol):
    """Whatever chooses actions."""

    def act(self, observation: Tensor) -> NDArray[np.float64]:
        """Return what `VecEnv.step` takes. observation: (policies, episodes, observation_dim), float32."""
        ...


class Deterministic:
    """Trained policies without their exploration."""

    def __init__(self, spec: WorldSpec, policy: StackedPolicy) -> None:
        self._spec = spec
        self._policy = policy

    def act(self, observation: Tensor) -> NDArray[np.float64]:
        command = self._policy.act(observation, discrete=self._spec.choices > 0)
        return self._spec.from_unit(command.flatten(0, 1).double().numpy())


class RandomPlay:
    """Actions drawn evenly from all that there are, by a generator for each policy."""

    def __init__(self, spec: WorldSpec, seeds: Sequence[int]) -> None:
        self._spec = spec
        self._generators = [np.random.default_rng(seed) for seed in seeds]

    def act(self, observation: Tensor) -> NDArray[np.float64]:
        return np.concatenate([self._spec.random_actions(each, observation.shape[1]) for each in self._generators])


@torch.no_grad()
def play(world_name: str, player: Player, policies: int, episodes: int, seed: int) -> dict[str, NDArray[Any]]:
    """Play `episodes` episodes with each of `policies` policies.

    Returns `state.<field>` (policies * episodes, steps, ...), `action` likewise, float32 and zero after an episode's end,
    and `length` (policies * episodes,), int64 [steps].
    """
    world = worlds.make(world_name, policies * episodes)
    spec = world.spec
    observation = world.reset([seed] * policies)
    alive = np.ones(world.num_envs, dtype=bool)
    length = np.zeros(world.num_envs, dtype=np.int64)
    recorder = _Recorder(spec.fields, world.num_envs, spec.episode_steps, spec.action_dim)
    for t in range(spec.episode_steps):
        stacked = torch.as_tensor(observation, dtype=torch.float32).view(policies, episodes, -1)
        step = world.step(player.act(stacked))
        recorder.record(t, step.state, step.action, alive)
        length += alive
        alive &= ~(step.terminated | step.truncated)
        observation = step.observation
        if not alive.any():
            break
    return {**recorder.arrays, "length": length}


class _Recorder:
    def __init__(self, fields: Sequence[Any], num_envs: int, steps: int, action_dim: int) -> None:
        self._fields = fields
        self.arrays: dict[str, NDArray[Any]] = {
            f"state.{field.name}": np.zeros((num_envs, steps, *field.shape), dtype=np.float32) for field in fields
        }
        self.arrays["action"] = np.zeros((num_envs, steps, action_dim), dtype=np.float32)

    def record(self, t: int, state: State, action: NDArray[np.float64], alive: NDArray[np.bool_]) -> None:
        rows = slice(None) if alive.all() else alive  # a slice is not looked through world by world
        for field in self._fields:
            self.arrays[f"state.{field.name}"][rows, t] = state.array(field.name)[rows]
        self.arrays["action"][rows, t] = action[rows]


def _joined(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
