"""Measure the running-scale ranges of a world's state fields, and print them as the world's ranges.toml.

Trains the human reward of each of the world's tasks and plays the policies; takes every field's 5 and 95 % quantiles over
all their steps and over random play, and of these the wider bound. Needs the worker environment. Run from the repository root:

    python -m benchmarks.measure_ranges half_cheetah > ranges.toml
    python -m benchmarks.measure_ranges humanoid 300000 > ranges.toml      trains at most that many steps

Review the file before moving it to envs/half_cheetah/.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from envs import worlds
from sandbox.describe import RANDOM_WORLDS, quantiles, random_play_ranges
from sandbox.payers import CodeReward
from sandbox.policy import StackedPolicy
from sandbox.ppo import Settings
from sandbox.rollout import play
from sandbox.train import Training

SEEDS = [0, 1]
EPISODES = 8
EVALUATION_SEED = 1000

Samples = dict[str, NDArray[np.float32]]


class Silent:
    """An output for a training that nobody watches."""

    def progress(self, **numbers: float) -> None:
        pass


def play_trained(world_name: str, human: str, steps: int) -> Samples:
    """Train a human reward ("human.py:forward") and return its policies' states: field -> (samples, *shape)."""
    settings = Settings()
    file, _, function = human.partition(":")
    source = (worlds.folder(world_name) / file).read_text()
    world = worlds.make(world_name, settings.num_envs * len(SEEDS))
    reward = CodeReward(source, function, settings.gamma)
    trained = Training(world, reward, SEEDS, steps, [1.0], settings)
    trained.start()
    trained.advance(1.0, Silent())  # type: ignore[arg-type]
    played = play(world_name, StackedPolicy(trained.kept[-1]), len(SEEDS), EPISODES, EVALUATION_SEED)
    steps_played = played["action"].shape[1]
    alive = np.arange(steps_played) < played["length"][:, None]
    return {field.name: played[f"state.{field.name}"][alive] for field in world.spec.fields}


def widest(one: dict[str, list[float]], other: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the span of two ranges: what an untrained policy sees, and what a trained one does."""
    return {"low": list(map(min, one["low"], other["low"])), "high": list(map(max, one["high"], other["high"]))}


def as_toml(origin: str, ranges: dict[str, Any]) -> str:
    """Write the ranges as the loader reads them: one low and one high a component."""
    lines = [f'from = "{origin}"', "", "[ranges]"]
    lines += [f"{name} = {{ low = {values['low']}, high = {values['high']} }}" for name, values in ranges.items()]
    return "\n".join(lines)


def main(world_name: str, most_steps: int = sys.maxsize) -> None:
    torch.set_num_threads(1)
    paths: list[Path] = sorted(worlds.folder(world_name).glob("tasks/*.toml"))
    tasks = {path.stem: tomllib.loads(path.read_text()) for path in paths}
    parts = [play_trained(world_name, task["human"], min(task["steps"], most_steps)) for task in tasks.values()]
    trained = {name: quantiles(np.concatenate([part[name] for part in parts])) for name in parts[0]}
    untrained = random_play_ranges(worlds.make(world_name, RANDOM_WORLDS), EVALUATION_SEED)
    ranges = {name: widest(untrained[name], trained[name]) for name in trained}
    print(as_toml(f"random play, and policies trained with rewards that people wrote ({', '.join(tasks)})", ranges))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
