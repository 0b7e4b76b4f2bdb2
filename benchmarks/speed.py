"""How much of the simulator's speed is left for learning? Ratios in one run, both sides measured in turn.

    .environments/native/bin/python -m benchmarks.speed [ROUNDS] [WORLD ...]

Prints, for each world: the batched world (observation, state, termination, resets) against a bare `mujoco.batch` step; and a
training (PPO, a reward through the harness, traces) against the world alone. Steps per CPU-second of one process with one
thread. The sides alternate in short pieces (40 steps; a horizon), so that what else the machine does meets both alike; medians
of ROUNDS (15) alternations, and their quartiles.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import mujoco
import numpy as np
import torch

from envs import worlds
from envs.mujoco_world import MujocoWorld
from sandbox.payers import CodeReward
from sandbox.ppo import Settings
from sandbox.train import Training
from sandbox.train_together import Paying, TrainingTogether, watch

NUM_ENVS = 64
STEPS = 40
REWARD = """
import torch

def reward(s, a):
    run = s.torso_velocity[:, 0]
    return {"run": run, "effort": -0.1 * a.square().sum(-1)}
"""
SHARED_WORLD = "half_cheetah"
ROWS = (("half_cheetah", 1), ("half_cheetah", 8), ("ant", 8), ("humanoid", 8))


class Silent:
    """An output that nobody reads."""

    def progress(self, **numbers: float) -> None:
        pass


class Ratios(NamedTuple):
    """Ratios of two speeds, one an alternation, and the median speed of both sides [steps per CPU-second]."""

    values: list[float]
    ours: float
    ceiling: float

    def __str__(self) -> str:
        low, _, high = statistics.quantiles(self.values, n=4)
        return f"{statistics.median(self.values):.3f} ({low:.3f} to {high:.3f}) | {self.ours:,.0f} | {self.ceiling:,.0f}"


def alternate(ours: Callable[[], float], ceiling: Callable[[], float], rounds: int) -> Ratios:
    """Measure both sides in turn: steps per CPU-second each."""
    pairs = [(ours(), ceiling()) for _ in range(rounds)]
    own, bare = zip(*pairs, strict=True)
    return Ratios([a / b for a, b in pairs], statistics.median(own), statistics.median(bare))


def steps_per_cpu_s(work: Callable[[], int]) -> float:
    """Run work that returns how many environment steps it did."""
    started = time.process_time()
    return work() / (time.process_time() - started)


def started(name: str, num_envs: int) -> tuple[MujocoWorld, np.ndarray]:
    """Return a world in the middle of its episodes, and actions for STEPS steps."""
    world = worlds.make(name, num_envs)
    world.reset([0])
    actions = np.random.default_rng(0).uniform(
        world.spec.action_low, world.spec.action_high, (STEPS, num_envs, world.spec.action_dim)
    )
    return world, actions


def world_against_bare(name: str, rounds: int) -> Ratios:
    world, actions = started(name, NUM_ENVS)

    def stepped() -> int:
        for action in actions:
            world.step(action)
        return STEPS * NUM_ENVS

    def bare() -> int:
        for action in actions:
            world._ctrl[:] = action
            world._batch.step(nstep=world.frame_skip)
        return STEPS * NUM_ENVS

    return alternate(lambda: steps_per_cpu_s(stepped), lambda: steps_per_cpu_s(bare), rounds)


def training_against_world(name: str, policies: int, rounds: int, rewards: int = 1) -> Ratios:
    """Alternate a horizon of a training with as many steps of the world alone. The first horizon is not counted.

    rewards: how many candidates share the stack, each paid by a reward of its own.
    """
    settings = Settings(num_envs=NUM_ENVS)
    world, actions = started(name, NUM_ENVS * policies)
    made = worlds.make(name, NUM_ENVS * policies)
    steps = (rounds + 1) * settings.horizon * NUM_ENVS
    if rewards > 1:
        paying = [Paying(REWARD, "reward", settings.gamma, 1e6) for _ in range(rewards)]
        seeds = list(range(policies // rewards))
        training: Training = TrainingTogether(made, paying, seeds, steps, [1.0], settings)
    else:
        reward = CodeReward(REWARD, "reward", settings.gamma)
        training = Training(made, reward, list(range(policies)), steps, [1.0], settings)
    training.start()
    training.advance(1 / (rounds + 1), Silent())  # type: ignore[arg-type]

    def stepped() -> int:
        for action in actions[: settings.horizon]:
            world.step(action)
        return settings.horizon * world.num_envs

    def trained() -> int:
        before = training.steps
        training.advance((before / (settings.horizon * NUM_ENVS) + 1) / (rounds + 1), Silent())  # type: ignore[arg-type]
        return (training.steps - before) * policies

    return alternate(lambda: steps_per_cpu_s(trained), lambda: steps_per_cpu_s(stepped), rounds)


def main() -> None:
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    asked = sys.argv[2:] or [name for name, _ in ROWS]
    print(
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, mujoco {mujoco.__version__}, "
        f"torch {torch.__version__}, one thread, {NUM_ENVS} worlds a policy, medians of {rounds} alternations, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print("\n| | ratio | steps per CPU-s | of |\n|---|---|---|---|")
    for name in dict.fromkeys(asked):
        print(f"| {name}: batched world / bare mujoco.batch | {world_against_bare(name, rounds)} |", flush=True)
    for name, policies in (row for row in ROWS if row[0] in asked):
        measured = training_against_world(name, policies, rounds)
        print(f"| {name}: training of {policies} stacked / world alone | {measured} |", flush=True)
    if asked[0] == SHARED_WORLD:
        watch()
        measured = training_against_world(SHARED_WORLD, 8, rounds, rewards=8)
        print(f"| {SHARED_WORLD}: 8 candidates that share a box / world alone | {measured} |")


if __name__ == "__main__":
    main()
