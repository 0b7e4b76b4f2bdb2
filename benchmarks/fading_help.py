"""Help that fades against none: steps until a policy, judged without help, stands the pendulum up; a sparse reward. Resumable.

    export PYTHONPATH=.; python=.environments/native/bin/python
    $python -m benchmarks.fading_help LOG [--minutes M]    goes on where LOG stops
    $python -m benchmarks.fading_help LOG --table          prints what LOG holds

Every line of LOG (JSON) is one training of one arm and seed. The reward is 1 within 11 degrees of upright and 0 elsewhere.
Judged is the share of an episode's second half in which the rod is that near upright, over 20 episodes that no training saw,
in a world that nobody eased, after every twentieth of the training. "tolerance" is paid where the rod is within 91 degrees of
upright at first, and within less as it succeeds.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from torch import Tensor

from benchmarks.curricula import Quiet, from_command_line, read
from envs import worlds
from envs.eases import Levels, Wanted
from sandbox.aids import Aids
from sandbox.fading import Anneal
from sandbox.help import Help
from sandbox.payers import CodeReward
from sandbox.policy import StackedPolicy
from sandbox.ppo import Settings
from sandbox.solved import solved_in
from sandbox.train import Training

SEEDS = (1, 2, 3, 4, 5)
ARMS = {
    "none": (Wanted(), 0.0),
    "carry": (Wanted(carry=0.8), 0.0),
    "starts": (Wanted(starts=0.5), 0.0),
    "carry, starts": (Wanted(carry=0.8, starts=0.5), 0.0),
    "tolerance": (Wanted(), 1.0),
}
WORLD, CAP, NUM_ENVS, CHECKPOINTS = "pendulum", 120_000, 32, 20
THRESHOLD = 0.8
UPRIGHT = 0.98
SOURCE = f"""
def reward(s, a):
    return {{"up": (s.rod_upright > {UPRIGHT}).to(torch.float32)}}


def solved(s, slack):
    return s.rod_upright > {UPRIGHT} - slack
"""
FADED = 1e-6
"""The share of the training over which the tolerant arm's reward fades: what it is paid is `solved`, from the start on."""
JUDGE_SEED, JUDGED = 777, 20


def aids_of(wanted: Wanted, tolerance: float, seed: int, world: Any) -> Aids:
    """Return an arm's aids: help by this, or a reward for being nearly there, or none."""
    if not any(wanted) and not tolerance:
        return Aids()
    levels = world.ease(wanted, [seed]) if any(wanted) else Levels(NUM_ENVS, [seed])
    help_ = Help(levels, 1, NUM_ENVS, world.spec.episode_steps, tolerance, solvable=True)
    paid = [Anneal(FADED, 1.0, 1, solvable=True)] if tolerance else []
    return Aids([*paid, help_], solved_in(SOURCE), slack=lambda: help_.slack)


def train(wanted: Wanted, tolerance: float, seed: int) -> dict[str, Any]:
    """Train one policy to the cap; judge it along the way."""
    started, settings = time.process_time(), Settings(num_envs=NUM_ENVS)
    world = worlds.make(WORLD, NUM_ENVS)
    aids = aids_of(wanted, tolerance, seed, world)
    fractions = [(k + 1) / CHECKPOINTS for k in range(CHECKPOINTS)]
    reward = CodeReward(SOURCE, "reward", settings.gamma)
    training = Training(world, reward, [seed], CAP, fractions, settings, None, aids)
    training.start()
    training.advance(1.0, Quiet())  # type: ignore[arg-type]
    curve = [upright(policy) for policy in training.kept]
    reached = next((round(share * training.steps) for share, up in zip(fractions, curve, strict=True) if up >= THRESHOLD), None)
    told = training.aids_of(0)
    return {"reached": reached, "curve": curve, "help": told, "cpu_s": time.process_time() - started}


def upright(policy: Mapping[str, Tensor]) -> float:
    """Return what a policy is judged by, in a world as it always is."""
    world, player = worlds.make(WORLD, JUDGED), StackedPolicy(policy)
    observation, held = world.reset([JUDGE_SEED]), []
    for t in range(world.spec.episode_steps):
        seen = torch.as_tensor(observation, dtype=torch.float32).unsqueeze(0)
        step = world.step(world.spec.from_unit(player.act(seen).squeeze(0).double().numpy()))
        observation = step.observation
        if 2 * t >= world.spec.episode_steps:
            held.append(float((step.state.rod_upright > UPRIGHT).float().mean()))
    return mean(held)


def main(log: Path, minutes: float) -> None:
    """Do the trainings that the log lacks, one after the other, and append each as it ends."""
    torch.set_num_threads(1)
    done = {(row["arm"], row["seed"]) for row in read(log)}
    end = time.monotonic() + 60 * minutes
    for seed, arm in [(seed, arm) for seed in SEEDS for arm in ARMS]:
        if (arm, seed) in done or time.monotonic() > end:
            continue
        row = {"arm": arm, "seed": seed, **train(*ARMS[arm], seed)}
        with log.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(arm, seed, row["reached"], f"at the end {row['curve'][-1]:.2f}, {row['cpu_s']:.0f} s", flush=True)


def table(rows: Sequence[dict[str, Any]]) -> None:
    """Print steps to the threshold and the end without help, for each arm, and the ratio of steps to no help at all."""
    print(f"{platform.machine()}, torch {torch.__version__}, {WORLD}, {NUM_ENVS} worlds, {CAP:,} steps; threshold {THRESHOLD}")
    without = {row["seed"]: row for row in rows if row["arm"] == "none"}
    for arm in ARMS:
        mine = {row["seed"]: row for row in rows if row["arm"] == arm}
        if not mine:
            continue
        told = ", ".join(f"{row['reached']:,}" if row["reached"] else "not reached" for row in mine.values())
        ends = [row["curve"][-1] for row in mine.values()]
        ratios = [(row["reached"] or CAP) / (without[s]["reached"] or CAP) for s, row in mine.items() if s in without]
        ratio = f"; median ratio of steps to none {median(ratios):.2f}" if ratios else ""
        print(f"{arm:14} {told}; at the end mean {mean(ends):.3f}, lowest {min(ends):.3f}{ratio}")


if __name__ == "__main__":
    path, given = from_command_line()
    if given is None:
        table(read(path))
    else:
        main(path, float(given.get("--minutes", 1000)))
