"""Which variant next: rules that choose among four sizes of a grid against an even draw, at equal steps. Resumable.

    export PYTHONPATH=.; python=.environments/native/bin/python
    $python -m benchmarks.variants LOG [--minutes M] [--arms A,B] [--sizes 5,6,7,8] [--steps K]    goes on where LOG stops
    $python -m benchmarks.variants LOG --table                                                     prints what LOG holds

Every line of LOG (JSON) is one training of one arm and seed; a log is for one choice of sizes and steps. The reward is 1 on the
goal and 0 elsewhere. At the end the policy is judged without exploration in each size, in a world that plays nothing but that
size, on episodes that no training saw. `uniform` draws episodes evenly, `even` steps; the task's own variant is the largest
size, and is played alone nowhere. With `own` among the arms nothing else is played: that is a training without variants.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from benchmarks.curricula import Quiet, from_command_line, read
from envs import worlds
from envs.gymnasium_world import GymnasiumWorld
from envs.minigrid_world import GridVector
from envs.tables import shipped_table
from envs.variants import OWN
from sandbox.aids import Aids
from sandbox.payers import CodeReward
from sandbox.policy import StackedPolicy
from sandbox.ppo import Settings
from sandbox.solved import solved_in
from sandbox.train import Training, variants_of

ID = "MiniGrid-DoorKey-8x8-v0"
SEEDS = (1, 2, 3)
ARMS = ("uniform", "even", "alp", "ucb", "window")
SIZES, STEPS, NUM_ENVS = "5,6,8,16", 120_000, 32
SOURCE = """
def reward(s, a):
    return {"goal": (s.goal_distance == 0).to(torch.float32)}


def solved(s):
    return s.goal_distance == 0
"""
JUDGE_SEED, JUDGED = 777, 20
QUANTILES = {3: 4.303, 4: 3.182, 5: 2.776}
"""0.975 quantiles of Student's t, by the number of seeds."""


def grid(size: int, sizes: Sequence[int], num_envs: int) -> GymnasiumWorld:
    """Make a world of MiniGrid's DoorKey in one size, which the other sizes are variants of."""

    def maker(other: int) -> Any:
        return lambda: GridVector(gymnasium.make(ID, size=other, disable_env_checker=True))

    others = {named(other): maker(other) for other in sizes if other != size}
    return GymnasiumWorld(f"DoorKey-{named(size)}", maker(size), shipped_table(ID), num_envs, others=others)


def named(size: int) -> str:
    return f"{size}x{size}"


def train(arm: str, seed: int, sizes: Sequence[int], steps: int) -> dict[str, Any]:
    """Train one policy to the cap, and judge it in every size."""
    started, settings = time.process_time(), Settings(num_envs=NUM_ENVS)
    world, solved = grid(sizes[-1], sizes, NUM_ENVS), solved_in(SOURCE)
    aids = Aids()
    if arm != "own":
        names = [OWN, *map(named, sizes[:-1])]
        variants = variants_of(world, {"rule": arm, "names": names, "own": 0.0}, [seed], solvable=True)
        aids = Aids([variants], solved, variants)
    reward = CodeReward(SOURCE, "reward", settings.gamma)
    training = Training(world, reward, [seed], steps, [1.0], settings, None, aids)
    training.start()
    training.advance(1.0, Quiet())  # type: ignore[arg-type]
    success = {named(size): judged(training.kept[-1], size) for size in sizes}
    told, cpu_s = training.variants_of(0), time.process_time() - started
    return {"sizes": list(sizes), "steps": training.steps, "end": success, "variants": told, "cpu_s": cpu_s}


def judged(policy: Mapping[str, Tensor], size: int) -> float:
    """Return how many of JUDGED episodes a policy solves in a size."""
    world, player = grid(size, (), JUDGED), StackedPolicy(policy)
    observation = world.reset([JUDGE_SEED])
    reached, over = np.zeros(JUDGED, dtype=bool), np.zeros(JUDGED, dtype=bool)
    while not over.all():
        seen = torch.as_tensor(observation, dtype=torch.float32).unsqueeze(0)
        action = player.act(seen, discrete=True).squeeze(0).double().numpy()
        step = world.step(world.spec.from_unit(action))
        observation = step.observation
        reached |= (step.state.goal_distance.numpy() == 0) & ~over
        over |= step.terminated | step.truncated
    return float(reached.mean())


def main(log: Path, minutes: float, arms: Sequence[str], sizes: Sequence[int], steps: int) -> None:
    """Do the trainings that the log lacks, one after the other, and append each as it ends."""
    torch.set_num_threads(1)
    worlds.make(ID, 1)  # registers MiniGrid's ids
    done = {(row["arm"], row["seed"]) for row in read(log)}
    end = time.monotonic() + 60 * minutes
    for seed, arm in [(seed, arm) for seed in SEEDS for arm in arms]:
        if (arm, seed) in done or time.monotonic() > end:
            continue
        row = {"arm": arm, "seed": seed, **train(arm, seed, sizes, steps)}
        with log.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(arm, seed, row["end"], f"{row['cpu_s']:.0f} s", flush=True)


def table(rows: Sequence[dict[str, Any]]) -> None:
    """Print each arm's success in each size, mean of the seeds (lowest to highest), and what it differs by from uniform."""
    names, steps = list(rows[0]["end"]), rows[0]["steps"]
    print(f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, MiniGrid's DoorKey, ", end="")
    print(f"{NUM_ENVS} worlds, {steps:,} steps; means of the seeds (lowest to highest), differences with 95 % intervals")
    columns = ["rule", "seeds", *names, "all sizes", "all against uniform", f"{names[-1]} against uniform"]
    columns += ["exploring, in the box", "steps"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for arm in ARMS:
        mine = {row["seed"]: row for row in rows if row["arm"] == arm}
        if mine:
            print(f"| {arm} | {len(mine)} | {' | '.join(_cells(mine, rows, names))} |")


def _cells(mine: Mapping[int, Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    even = {row["seed"]: row["end"] for row in rows if row["arm"] == "uniform"}
    end = {seed: row["end"] for seed, row in mine.items()}
    sizes = [_spread([of[name] for of in end.values()]) for name in names]
    over = _spread([mean(of.values()) for of in end.values()])
    against = _paired([mean(end[seed].values()) - mean(even[seed].values()) for seed in end if seed in even])
    hardest = _paired([end[seed][names[-1]] - even[seed][names[-1]] for seed in end if seed in even])
    last = [[value or 0.0 for value in row["variants"]["points"][-1]["reached"]] for row in mine.values() if row["variants"]]
    steps = [row["variants"]["steps"] for row in mine.values() if row["variants"]]
    explored = ", ".join(f"{value:.2f}" for value in _columns(last))
    return [*sizes, over, against, hardest, explored, ", ".join(f"{share:.0%}" for share in _columns(steps))]


def _columns(rows: Sequence[Sequence[float]]) -> list[float]:
    """Return each size's mean over the seeds, the smallest first: a training tells its own, which is the largest, first."""
    means = [mean(column) for column in zip(*rows, strict=True)]
    return [*means[1:], *means[:1]]


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _paired(differences: Sequence[float]) -> str:
    """Return a paired difference with its 95 % interval by Student, where there are three seeds or five."""
    if len(differences) not in QUANTILES:
        return "-"
    half = QUANTILES[len(differences)] * stdev(differences) / len(differences) ** 0.5
    return f"{mean(differences):+.2f} ({mean(differences) - half:+.2f} to {mean(differences) + half:+.2f})"


if __name__ == "__main__":
    path, given = from_command_line()
    if given is None:
        table(read(path))
    else:
        wanted = [int(size) for size in given.get("--sizes", SIZES).split(",")]
        arms = given.get("--arms", ",".join(ARMS)).split(",")
        main(path, float(given.get("--minutes", 1000)), arms, wanted, int(given.get("--steps", STEPS)))
