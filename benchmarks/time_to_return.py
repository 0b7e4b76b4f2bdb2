"""How much CPU time does it take to learn to run? Four trainers on HalfCheetah, until their policy runs 100 m in an episode.

    .environments/native/bin/python -m benchmarks.time_to_return LOG [--arms ARM ...] [--seeds N]

The forward return is an episode's sum of forward speeds [m/s over 1,000 steps]; a policy has learnt once its mean over 8
episodes without exploration reaches 2000. It is asked every 8,192 steps, off the clock. All are paid gymnasium's own reward.

    shipped      Stable-Baselines3 as it comes, on one `gymnasium.make("HalfCheetah-v5")`
    own_worlds   Stable-Baselines3 with our settings, on eight of gymnasium's worlds in its DummyVecEnv
    our_worlds   Stable-Baselines3 with our settings, on our batched worlds: `training.trainer = "sb3"`
    ours         our trainer, one policy
    ours_stacked our trainer, eight policies at once; CPU time and steps of each policy's share

A line a run is appended to LOG, and what is there isn't run again; the table is printed at the end. A run that reaches its step
limit is reported as "more than". One thread; the process' CPU time, which other work on the machine makes a little longer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np
import torch

from envs import worlds
from sandbox.payers import CodeReward
from sandbox.policy import StackedPolicy
from sandbox.ppo import Settings
from sandbox.train import Training

WORLD, GYMNASIUM_ID = "half_cheetah", "HalfCheetah-v5"
LEARNT_AT = 2000.0
ASK_EVERY_STEPS = 8192
EPISODES = 8
STEP_LIMIT = {"shipped": 1_000_000}
DEFAULT_STEP_LIMIT = 600_000
STACKED = 8
REWARD = """
def reward(s, a):
    return {"run": (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / 0.05, "effort": -0.1 * a.square().sum(-1)}
"""
Act = Callable[[np.ndarray], np.ndarray]
"""Observations (EPISODES * policies, 17) -> actions in [-1, 1]."""


def forward_returns(act: Act, policies: int = 1) -> list[float]:
    """Play EPISODES episodes with each policy, from the same starts for all: the mean forward return of each."""
    world = worlds.make(WORLD, EPISODES * policies)
    observation = world.reset([9_000] * policies)
    start = world._before["qpos"][:, 0].copy()
    for _ in range(world.spec.episode_steps):
        step = world.step(world.spec.from_unit(act(observation)))
        observation = step.observation
    run = (step.state.torso_position[:, 0].numpy() - start) / world.spec.dt_s
    return [float(mean) for mean in run.reshape(policies, EPISODES).mean(1)]


class Clock:
    """CPU time of this process, but for what happened while it was stopped [s]."""

    def __init__(self) -> None:
        self._since = time.process_time()
        self.cpu_s = 0.0

    def stop(self) -> None:
        self.cpu_s += time.process_time() - self._since

    def go_on(self) -> None:
        self._since = time.process_time()


def learn_with_sb3(arm: str, seed: int) -> dict[str, Any]:
    """Train Stable-Baselines3 in one of its three arms until it has learnt or reached its limit."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Ask(BaseCallback):
        """Asks how well the policy does, whenever ASK_EVERY_STEPS more were done."""

        def __init__(self) -> None:
            super().__init__()
            self.clock, self.asked, self.best = Clock(), 0, -np.inf

        def _on_rollout_start(self) -> None:
            if self.num_timesteps - self.asked < ASK_EVERY_STEPS:
                return
            self.clock.stop()
            self.asked = self.num_timesteps
            env = self.model.get_vec_normalize_env()
            scaled = env.normalize_obs if env is not None else (lambda observation: observation.astype(np.float32))
            self.best = forward_returns(lambda seen: self.model.predict(scaled(seen), deterministic=True)[0])[0]
            self.clock.go_on()

        def _on_step(self) -> bool:
            return self.best < LEARNT_AT

    ask = Ask()
    model, draws = SB3_ARMS[arm](seed)
    with draws:
        model.learn(STEP_LIMIT.get(arm, DEFAULT_STEP_LIMIT), callback=ask)
    if ask.best < LEARNT_AT:
        ask.clock.stop()
    return {"cpu_s": ask.clock.cpu_s, "steps": ask.asked if ask.best >= LEARNT_AT else model.num_timesteps, "return": ask.best}


class Sb3(NamedTuple):
    """A model of Stable-Baselines3, and what must hold while it learns."""

    model: Any
    while_learning: AbstractContextManager[None]


def shipped(seed: int) -> Sb3:
    from stable_baselines3 import PPO

    return Sb3(PPO("MlpPolicy", gymnasium.make(GYMNASIUM_ID), seed=seed, device="cpu"), nullcontext())


def own_worlds(seed: int) -> Sb3:
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    from sandbox.sb3_learner import ppo_options

    settings = Settings(num_envs=8, horizon=512, minibatches=8)
    env = VecNormalize(make_vec_env(GYMNASIUM_ID, settings.num_envs, seed=seed), gamma=settings.gamma)
    return Sb3(PPO("MlpPolicy", env, seed=seed, device="cpu", **ppo_options(settings, discrete=False)), nullcontext())


def our_worlds(seed: int) -> Sb3:
    from sandbox.sb3_learner import DEFAULTS, Learner

    settings = Settings(**DEFAULTS)
    world = worlds.make(WORLD, settings.num_envs)
    horizons = DEFAULT_STEP_LIMIT // (settings.horizon * settings.num_envs)
    learner = Learner(world, CodeReward(REWARD, "reward", settings.gamma), seed, settings, horizons)
    return Sb3(learner._model, learner._draws.swapped())


SB3_ARMS: dict[str, Callable[[int], Sb3]] = {"shipped": shipped, "own_worlds": own_worlds, "our_worlds": our_worlds}


class Silent:
    """An output that nobody reads."""

    def progress(self, **numbers: float) -> None:
        pass


def learn_with_ours(seeds: list[int]) -> list[dict[str, Any]]:
    """Train our policies until each has learnt or reached the limit; each one's share of the CPU time at that point."""
    settings = Settings()
    horizon = settings.horizon * settings.num_envs
    world = worlds.make(WORLD, settings.num_envs * len(seeds))
    clock, learnt = Clock(), [{} for _ in seeds]
    training = Training(world, CodeReward(REWARD, "reward", settings.gamma), seeds, DEFAULT_STEP_LIMIT, [1.0], settings)
    training.start()
    horizons = -(-DEFAULT_STEP_LIMIT // horizon)
    for done in range(ASK_EVERY_STEPS // horizon, horizons + 1, ASK_EVERY_STEPS // horizon):
        training.advance(done / horizons, Silent())  # type: ignore[arg-type]
        clock.stop()
        returns = _returns_of(training, len(seeds))
        for found, forward_return in zip(learnt, returns, strict=True):
            if not found.get("return", 0.0) >= LEARNT_AT:
                found |= {"cpu_s": clock.cpu_s / len(seeds), "steps": training.steps, "return": forward_return}
        if all(found["return"] >= LEARNT_AT for found in learnt):
            break
        clock.go_on()
    return learnt


@torch.no_grad()
def _returns_of(training: Training, policies: int) -> list[float]:
    policy = StackedPolicy(training._learner.export())

    def act(observation: np.ndarray) -> np.ndarray:
        stacked = torch.as_tensor(observation, dtype=torch.float32).view(policies, EPISODES, -1)
        return policy.act(stacked).flatten(0, 1).double().numpy()

    return forward_returns(act, policies)


ARMS = ("shipped", "own_worlds", "our_worlds", "ours", "ours_stacked")


def run_arm(arm: str, seeds: list[int], write: Callable[[dict[str, Any]], None]) -> None:
    """Run what the log lacks of an arm."""
    if arm == "ours_stacked":
        for begin in range(0, len(seeds), STACKED):
            stack = list(range(begin, begin + STACKED))  # always whole stacks: the share depends on their number
            for seed, found in zip(stack, learn_with_ours(stack), strict=True):
                write({"arm": arm, "seed": seed, **found})
        return
    for seed in seeds:
        found = learn_with_ours([seed])[0] if arm == "ours" else learn_with_sb3(arm, seed)
        write({"arm": arm, "seed": seed, **found})


def table(lines: list[dict[str, Any]]) -> None:
    """Print each arm's medians and extremes, and the ratio to ours."""
    ours = statistics.median([line["cpu_s"] for line in lines if line["arm"] == "ours"] or [float("nan")])
    print("\n| arm | seeds, learnt | CPU-s, median (lowest to highest) | steps, median | CPU-s / ours |\n|---|---|---|---|---|")
    for arm in ARMS:
        mine = [line for line in lines if line["arm"] == arm]
        if not mine:
            continue
        cpu = sorted(line["cpu_s"] for line in mine)
        learnt = sum(line["return"] >= LEARNT_AT for line in mine)
        bound = "more than " if 2 * learnt <= len(mine) else ""
        steps = statistics.median(line["steps"] for line in mine)
        median = statistics.median(cpu)
        print(f"| {arm} | {len(mine)}, {learnt} | {bound}{median:.1f} ({cpu[0]:.1f} to {cpu[-1]:.1f}) | {steps:,.0f} ", end="")
        print(f"| {bound}{median / ours:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU time until a policy runs, by trainer.")
    parser.add_argument("log", type=Path, help="where a line a run is kept")
    parser.add_argument("--arms", nargs="*", default=ARMS, choices=ARMS)
    parser.add_argument("--seeds", type=int, default=8, help="seeds 0 to this")
    asked = parser.parse_args()
    torch.set_num_threads(1)

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in asked.log.read_text().splitlines()] if asked.log.exists() else []

    def write(line: dict[str, Any]) -> None:
        with asked.log.open("a") as file:
            file.write(json.dumps({**line, "load": os.getloadavg()[0]}) + "\n")

    for arm in asked.arms:
        there = {line["seed"] for line in lines() if line["arm"] == arm}
        run_arm(arm, [seed for seed in range(asked.seeds) if seed not in there], write)
    print(
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, mujoco {mujoco.__version__}, "
        f"torch {torch.__version__}, gymnasium {gymnasium.__version__}, stable-baselines3 {_version('stable-baselines3')}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    table(lines())


def _version(package: str) -> str:
    import importlib.metadata

    return importlib.metadata.version(package)


if __name__ == "__main__":
    main()
