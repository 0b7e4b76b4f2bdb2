"""Compare the native worlds with gymnasium's, step by step, and print the table of differences.

Each step starts from the same state on both sides: contacts amplify rounding, so two runs that are left alone can part
even where every single step agrees. How far they part is printed beside it, and how fast both are.

Needs the worker environment. Run from the repository root: python -m benchmarks.parity
"""

from __future__ import annotations

import importlib
import platform
import sys
import time
from dataclasses import replace
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

from envs import worlds
from envs.mujoco_world import MujocoWorld
from envs.state import Snapshot

STEPS = 1000
RESETS = 10
BATCH = 64
TIMED_S = 2.0
DEFAULT_REWARD = {
    "half_cheetah": "forward",
    "hopper": "forward",
    "walker2d": "forward",
    "ant": "forward",
    "humanoid": "forward",
    "humanoid_standup": "stand_up",
    "swimmer": "forward",
    "reacher": "reach",
    "pusher": "push",
    "inverted_pendulum": "balance",
    "inverted_double_pendulum": "balance",
    "pendulum": "swing_up",
}
"""World -> the function in its human.py that restates gymnasium's default reward."""

GYMNASIUM_OPTIONS: dict[str, dict[str, Any]] = {
    "ant": {"include_cfrc_ext_in_observation": False, "contact_cost_weight": 0.0},
    "humanoid": {"include_cfrc_ext_in_observation": False, "contact_cost_weight": 0.0},
    "humanoid_standup": {"include_cfrc_ext_in_observation": False, "impact_cost_weight": 0.0},
}

Array = NDArray[np.float64]


class Parity(NamedTuple):
    """How far two simulators of one world are apart.

    observation, reward: the largest difference after one step from the same state. ends: how many steps ended an
    episode in gymnasium. ends_agree: whether the native world ended exactly the same ones. apart_after: the largest
    difference of the observations after STEPS steps that were left alone.
    """

    world: str
    observation: float
    reward: float
    ends: int
    ends_agree: bool
    apart_after: float


class Reference:
    """One of gymnasium's worlds, with its state in MuJoCo's form. The pendulum's is angle and speed."""

    def __init__(self, world: str) -> None:
        id_ = worlds.NATIVE[world]
        self._env: Any = gymnasium.make(id_, **GYMNASIUM_OPTIONS.get(world, {})).unwrapped
        self._has_mujoco = hasattr(self._env, "data")

    def reset(self, seed: int) -> None:
        self._env.reset(seed=seed)

    def state(self) -> tuple[Array, Array]:
        """Return qpos (nq,) and qvel (nv,)."""
        if self._has_mujoco:
            return self._env.data.qpos.copy(), self._env.data.qvel.copy()
        return self._env.state[:1].copy(), self._env.state[1:].copy()

    def set_state(self, qpos: Array, qvel: Array) -> None:
        """Start from this state, with nothing left over from earlier steps."""
        if self._has_mujoco:
            self._env.data.qacc_warmstart[:] = 0.0
            self._env.set_state(qpos, qvel)
        else:
            self._env.state = np.concatenate((qpos, qvel))

    def step(self, action: Array) -> tuple[Array, float, bool]:
        """Return the observation in float64 (gymnasium rounds the pendulum's), the reward and whether it ended."""
        observation, reward, terminated, _, _ = self._env.step(action)
        if not self._has_mujoco:
            angle, speed = self._env.state
            observation = np.array([np.cos(angle), np.sin(angle), speed])
        return observation, float(reward), bool(terminated)


def one_step_differences(world: str, steps: int = STEPS, resets: int = 1) -> Parity:
    """Take `steps` random actions after each of `resets`, each from the same state on both sides, along gymnasium's way."""
    parts = [_from_one_reset(world, steps, seed) for seed in range(resets)]
    return Parity(
        world=world,
        observation=max(part.observation for part in parts),
        reward=max(part.reward for part in parts),
        ends=sum(part.ends for part in parts),
        ends_agree=all(part.ends_agree for part in parts),
        apart_after=max(free_running_difference(world, steps, seed) for seed in range(resets)),
    )


def _from_one_reset(world: str, steps: int, seed: int) -> Parity:
    reference, native = Reference(world), worlds.make(world, 1, dtype=torch.float64)
    reward_of = default_reward(world)
    generator = np.random.default_rng(seed)
    reference.reset(seed)
    native.reset([seed])
    observation_gap = reward_gap = 0.0
    ends, agreed = 0, 0
    for step in range(steps):
        qpos, qvel = reference.state()
        reference.set_state(qpos, qvel)
        native.set_state(qpos[None], qvel[None])
        action = random_action(native, generator)
        observation, reward, terminated = reference.step(action)
        ours = native.step(action[None])
        paid = sum(reward_of(ours.state, torch.from_numpy(ours.action)).values())
        observation_gap = max(observation_gap, float(np.abs(ours.final_observation[0] - observation).max()))
        reward_gap = max(reward_gap, abs(float(paid) - reward))
        ends += terminated
        agreed += terminated == bool(ours.terminated[0])
        if terminated:
            reference.reset(1000 * (seed + 1) + step)
    return Parity(world, observation_gap, reward_gap, ends, agreed == steps, 0.0)


def default_reward(world: str) -> Any:  # Any: a function of the contract, which types nothing
    return getattr(importlib.import_module(f"envs.{world}.human"), DEFAULT_REWARD[world])


def free_running_difference(world: str, steps: int = STEPS, seed: int = 0) -> float:
    """Start both sides once from the same state and give them the same actions; falls don't end it."""
    reference, native = Reference(world), unending(world)
    reference.reset(seed)
    native.reset([seed])
    qpos, qvel = reference.state()
    reference.set_state(qpos, qvel)
    native.set_state(qpos[None], qvel[None])
    generator = np.random.default_rng(seed)
    gap = 0.0
    for _ in range(steps):
        action = random_action(native, generator)
        observation, _, _ = reference.step(action)
        gap = float(np.abs(native.step(action[None]).final_observation[0] - observation).max())
    return gap


def unending(world: str) -> MujocoWorld:
    """Build one copy that neither falls nor the time limit reset, as gymnasium's go on when nobody resets them."""
    native = importlib.import_module(f"envs.{world}.env").World

    class Unending(native):  # type: ignore[misc, valid-type]
        def terminated(self, raw: Snapshot) -> NDArray[np.bool_]:
            return np.zeros(self.num_envs, dtype=bool)

    world: MujocoWorld = Unending(1, dtype=torch.float64)
    world.spec = replace(world.spec, episode_steps=sys.maxsize)
    return world


def random_action(native: MujocoWorld, generator: np.random.Generator) -> Array:
    return generator.uniform(native.spec.action_low, native.spec.action_high)


def gymnasium_speed(world: str) -> float:
    """Return gymnasium's steps per CPU-second: one world, random actions, its own reward and resets."""
    env = gymnasium.make(worlds.NATIVE[world], **GYMNASIUM_OPTIONS.get(world, {}))
    actions = [env.action_space.sample() for _ in range(256)]
    env.reset(seed=0)
    steps, started = 0, time.process_time()
    while (spent := time.process_time() - started) < TIMED_S:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        steps += len(actions)
    return steps / spent


def native_speed(world: str) -> float:
    """Return the native world's steps per CPU-second: a batch, random actions, the same reward on the typed state, resets."""
    native, reward_of = worlds.make(world, BATCH), default_reward(world)
    generator = np.random.default_rng(0)
    low, high = np.array(native.spec.action_low), np.array(native.spec.action_high)
    actions = generator.uniform(low, high, (16, BATCH, len(low)))
    native.reset([0])
    steps, started = 0, time.process_time()
    while (spent := time.process_time() - started) < TIMED_S:
        for action in actions:
            step = native.step(action)
            reward_of(step.state, torch.as_tensor(step.action, dtype=torch.float32))
        steps += actions.shape[0] * BATCH
    return steps / spent


def main() -> None:
    torch.set_num_threads(1)
    print(f"{platform.platform()}, {platform.machine()}, Python {platform.python_version()}")
    print(f"mujoco {mujoco.__version__}, gymnasium {gymnasium.__version__}, numpy {np.__version__}, torch {torch.__version__}")
    print(
        f"\nLargest difference to gymnasium over {STEPS} steps from each of {RESETS} resets (seeds 0 to {RESETS - 1}), float64,"
    )
    print(f"and steps per CPU-second: gymnasium with one world, native with {BATCH}.\n")
    print("| world | gymnasium | observation | reward | ends agree | left alone | gymnasium steps/s | native steps/s |")
    print("|---|---|---|---|---|---|---|---|")
    for world, id_ in worlds.NATIVE.items():
        found = one_step_differences(world, STEPS, RESETS)
        agree = f"{'yes' if found.ends_agree else 'NO'} ({found.ends})"
        speeds = f"{gymnasium_speed(world):,.0f} | {native_speed(world):,.0f}"
        row = (world, id_, f"{found.observation:.1e}", f"{found.reward:.1e}", agree, f"{found.apart_after:.1e}", speeds)
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
