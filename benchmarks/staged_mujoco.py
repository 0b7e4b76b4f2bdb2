"""A staged curriculum against single rewards on two MuJoCo tasks that are hard to find: push, and back flips. Resumable.

    export PYTHONPATH=.; python=.environments/native/bin/python
    $python -m benchmarks.staged_mujoco LOG [--minutes M] [--only TASK]    goes on where LOG stops
    $python -m benchmarks.staged_mujoco LOG --table                        prints what LOG holds

Every line of LOG (JSON) is one training of one arm: three seeds stacked, all arms of a task the same steps. Judged are the
policies without exploration, 20 episodes each on starts that no training saw: the pusher by the share of episodes that end with
the object within 10 cm of the goal, the half-cheetah by how often it turned over backward in an episode, at most 10.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.curricula import Quiet, from_command_line, read
from envs import worlds
from sandbox.policy import StackedPolicy
from sandbox.rollout import Deterministic, play
from sandbox.train import training_of

SEEDS = ((1, 2, 3), (4, 5, 6))
JUDGE_SEED, JUDGED = 777, 20
PUSH = """
def away(s):
    way = s.goal_position[:, :2] - s.object_position[:, :2]
    behind = s.object_position[:, :2] - 0.06 * way / (way.norm(dim=-1, keepdim=True) + 1e-6)
    return (s.hand_position[:, :2] - behind).norm(dim=-1)
def near(s):
    return {"near": -0.5 * s.hand_to_object_distance, "behind": torch.exp(-away(s) / 0.15)}
def push(s, a):
    there = 2.0 * torch.exp(-s.object_to_goal_distance / 0.1)
    return {"goal": -6.0 * s.object_to_goal_distance, "there": there, "control": -0.005 * a.square().sum(-1)}
def single(s, a):
    return {**push(s, a), **near(s)}
def approach(s, a):
    return {**near(s), "control": -0.005 * a.square().sum(-1)}
def is_behind(s):
    return away(s) < 0.08
def is_nearer(s):
    return s.object_to_goal_distance < 0.18
"""
FLIP = """
def single(s, a):
    turn = torch.clamp(-s.torso_pitch_velocity, min=-10.0, max=10.0)
    return {"turn": turn, "air": 0.5 * s.torso_velocity[:, 1].clamp(min=0.0)}
def rear_up(s, a):
    return {"up": -torch.sin(s.torso_pitch), "turn": 0.1 * torch.clamp(-s.torso_pitch_velocity, min=-10.0, max=10.0)}
def is_up(s):
    return s.torso_pitch < -1.2
def is_on_its_back(s):
    return s.torso_pitch < -2.6
def is_round(s):
    return s.torso_pitch < -5.5
"""


class Arm(NamedTuple):
    """A candidate: which of the functions above is its reward, and the stages before it."""

    reward: str
    stages: tuple[str, ...] = ()


class Task(NamedTuple):
    """What is trained. bonus: for a stage, in the reward's units. judge: policies' fields -> a number an episode."""

    world: str
    source: str
    steps: int
    settings: dict[str, Any]
    bonus: float
    judge: Callable[[Mapping[str, NDArray[Any]]], NDArray[Any]]
    arms: dict[str, Arm]


def on_goal(played: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    return (played["state.object_to_goal_distance"][:, -10:].mean(axis=1) < 0.1).astype(float)


def flips(played: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    return np.clip(np.floor(-played["state.torso_pitch"][:, -1] / (2 * np.pi)), 0, 10)


TASKS = {
    "push": Task(
        *("pusher", PUSH, 250_000, {"num_envs": 32, "gamma": 0.97}, 1.0, on_goal),
        {
            "single": Arm("single"),
            "approach, then both": Arm("single", ('Stage("behind", is_behind, approach)',)),
            "approach, push, then both": Arm(
                "single", ('Stage("behind", is_behind, approach)', 'Stage("nearer", is_nearer, push)')
            ),
            "approach, both, then push": Arm(
                "push", ('Stage("behind", is_behind, approach)', 'Stage("nearer", is_nearer, single)')
            ),
        },
    ),
    "flip": Task(
        *("half_cheetah", FLIP, 200_000, {"gamma": 0.97}, 20.0, flips),
        {
            "single": Arm("single"),
            "three marks": Arm(
                "single", ('Stage("up", is_up)', 'Stage("on_its_back", is_on_its_back)', 'Stage("round", is_round)')
            ),
            "rear up, turn, then both": Arm(
                "single",
                ('Stage("up", is_up, rear_up)', 'Stage("on_its_back", is_on_its_back, rear_up)', 'Stage("round", is_round)'),
            ),
        },
    ),
}


def train(task: Task, arm: Arm, seeds: Sequence[int]) -> dict[str, Any]:
    """Train one arm's policies for some seeds together, and judge them."""
    started = time.process_time()
    source = f"{task.source}\ndef reward(s, a):\n    return {arm.reward}(s, a)\n"
    job = {"world": task.world, "seeds": list(seeds), "steps": task.steps, "fractions": [1.0], "settings": task.settings}
    job["reward"] = {"kind": "code", "entry": "reward"}
    if arm.stages:
        source += f"STAGES = [{', '.join(arm.stages)}]\n"
        job["stages"] = {"input": "index", "bonus": task.bonus}
    training = training_of(job, lambda _: source.encode())
    training.start()
    training.advance(1.0, Quiet())  # type: ignore[arg-type]
    player = Deterministic(worlds.make(task.world, 1).spec, StackedPolicy(training.kept[-1]))
    played = play(task.world, player, len(seeds), JUDGED, JUDGE_SEED)
    scores = task.judge(played).reshape(len(seeds), JUDGED).mean(axis=1)
    stages = training.stages() or []
    events = [[f"{e['what']} {e['stage']}" for e in course["events"]] for course in stages]
    return {"scores": scores.tolist(), "events": events, "cpu_s": time.process_time() - started}


def main(log: Path, minutes: float, only: str) -> None:
    """Do the trainings that the log lacks, one after the other, and append each as it ends."""
    torch.set_num_threads(1)
    done = {(row["task"], row["arm"], tuple(row["seeds"])) for row in read(log)}
    end = time.monotonic() + 60 * minutes
    for seeds, name, arm in [(seeds, name, arm) for seeds in SEEDS for name, task in TASKS.items() for arm in task.arms]:
        if (name, arm, seeds) in done or (only and name != only) or time.monotonic() > end:
            continue
        row = {"task": name, "arm": arm, "seeds": seeds, **train(TASKS[name], TASKS[name].arms[arm], seeds)}
        with log.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(name, arm, seeds, row["scores"], row["events"], f"{row['cpu_s']:.0f} s", flush=True)


def table(rows: Sequence[dict[str, Any]]) -> None:
    """Print each arm's scores, seed by seed, and what its gates decided."""
    print(f"{platform.machine()}, torch {torch.__version__}\n")
    print("| task | reward | seeds | score, seed by seed | gates, seed by seed |\n|---|---|---|---|---|")
    for row in rows:
        scores = " / ".join(f"{score:.2f}" for score in row["scores"])
        events = " / ".join(", ".join(course) or "nothing" for course in row["events"])
        seeds = ", ".join(map(str, row["seeds"]))
        print(f"| {row['task']}, {TASKS[row['task']].steps:,} steps | {row['arm']} | {seeds} | {scores} | {events} |")


if __name__ == "__main__":
    path, given = from_command_line()
    if given is None:
        table(read(path))
    else:
        main(path, float(given.get("--minutes", 1000)), given.get("--only", ""))
