"""Curricula against the sparse reward alone, in MiniGrid: steps to a success of 0.9, with right and wrong stages. Resumable.

    export PYTHONPATH=.; python=.environments/native/bin/python
    $python -m benchmarks.curricula LOG [--minutes M] [--only TASK] [--arms A,B]    goes on where LOG stops
    $python -m benchmarks.curricula LOG --table                        prints what LOG holds

Every line of LOG (JSON) is one training. All arms have the same trainer, seeds and cap, and the same reward: 1 on the goal.
Success is that of the last 50 episodes of the plain task, played with exploration and without any subgoal shown; it ends a
training.
"""

from __future__ import annotations

import json
import platform
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from envs import worlds
from envs.vec_env import Step, VecEnv
from sandbox.attempts import FAILED, Attempts
from sandbox.course import Course, Settings
from sandbox.payers import CodeReward, RewardSource
from sandbox.ppo import Settings as Ppo
from sandbox.staged_world import StagedReward, StagedWorld
from sandbox.train import Training

SEEDS = (1, 2, 3)
SOLVED = 0.9
NUM_ENVS = 32


class Task(NamedTuple):
    """A world, what solves it, the right stages on the way, and how many steps a training has at most."""

    world: str
    solved: str
    stages: tuple[str, ...]
    cap: int


TASKS = {
    "multi_room": Task("MiniGrid-MultiRoom-N2-S4-v0", "goal", ("near_door", "open_door", "near_goal"), 60_000),
    "door_key": Task("MiniGrid-DoorKey-8x8-v0", "goal", ("near_key", "hold_key", "open_door"), 400_000),
    "key_corridor": Task("MiniGrid-KeyCorridorS3R2-v0", "ball", ("near_key", "hold_key", "open_doors"), 400_000),
}
GOALS = {"goal": "s.goal_distance == 0", "ball": "(s.ball_distance < 0) & (s.prev.ball_distance >= 0)"}
RIGHT = {
    "near_door": "s.door_distance <= 1",
    "open_door": "s.open_doors > 0",
    "near_goal": "s.goal_distance <= 2",
    "near_key": "s.key_distance <= 1",
    "hold_key": "s.carrying > 0",
    "open_doors": "s.open_doors > 1",
}
WRONG = {
    "find_box": "s.box_distance == 0",  # there is none
    "top_left": "(s.agent_position[:, 0] <= 1) & (s.agent_position[:, 1] <= 1)",
    "look_up": "s.agent_direction == 3",
    "shut_door": "s.open_doors < s.prev.open_doors",
    "let_go": "s.carrying < s.prev.carrying",
    "bottom_wall": "s.agent_position[:, 1] >= 20",  # beyond the grid
}
WRONG_OF_NINE = {"right": 0, "wrong_30": 3, "wrong_87": 8}
IMPOSSIBLE = {"impossible": True, "impossible_ungated": False}
ARMS = ("sparse", *WRONG_OF_NINE, *IMPOSSIBLE)


def source_of(task: Task, stages: Sequence[str]) -> str:
    """Write a candidate: the sparse reward, and these stages before it."""
    lines = ["import torch", "def reward(s, a):", f"    return {{'goal': ({GOALS[task.solved]}).to(torch.float32)}}"]
    for name in stages:
        lines += [f"def is_{name}(s):", f"    return {({**RIGHT, **WRONG})[name]}"]
    listed = ", ".join(f'Stage("{name}", is_{name})' for name in stages)
    return "\n".join([*lines, f"STAGES = [{listed}]", ""])


def stages_of(task: Task, arm: str, seed: int) -> list[str]:
    """Return an arm's stages for a seed: of the nine places of three seeds, so many are wrong, drawn from `WRONG`."""
    stages = list(task.stages)
    if arm in IMPOSSIBLE:
        return [stages[0], "find_box", *stages[1:]]
    dice = random.Random(f"{task.world} {arm}")
    places = dice.sample(range(9), WRONG_OF_NINE[arm])
    if arm == "wrong_30":
        places = [3 * k + dice.randrange(3) for k in range(3)]
    drawn = {place: dice.choice(list(WRONG)) for place in sorted(places)}
    mine = {place % 3: name for place, name in drawn.items() if place // 3 == SEEDS.index(seed)}
    for place, name in mine.items():
        taken = {*stages, *WRONG} - {*WRONG} | {stage for stage in stages if stage in WRONG}
        stages[place] = name if name not in taken else next(other for other in WRONG if other not in taken)
    return stages


class Watched:
    """A world whose plain episodes are watched: `rate` is their success. Implements `VecEnv`."""

    def __init__(self, world: VecEnv, solved: str, course: Course | None) -> None:
        self._world, self._solved, self._course = world, GOALS[solved], course
        self.spec, self.num_envs = world.spec, world.num_envs
        self._attempts = Attempts(1, world.num_envs, world.spec.episode_steps)
        self._place = np.full(world.num_envs, -1)
        self._clock = 0
        self._began = np.zeros(world.num_envs, dtype=np.int64)

    @property
    def rate(self) -> float:
        found = self._attempts.rate(0, self._clock)
        return found.share if found.is_full else 0.0

    def reset(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        observation = self._world.reset(seeds)
        self._begin(np.arange(self.num_envs))
        return observation

    def _begin(self, rows: NDArray[np.int64]) -> None:
        plain = np.ones(self.num_envs, dtype=bool) if self._course is None else self._course.is_plain
        for row in rows:
            self._began[row] = self._clock
            self._place[row] = self._attempts.begin(0, self._clock) if plain[row] else -1

    def step(self, action: NDArray[np.float64], training_progress: float = 0.0) -> Step:
        step = self._world.step(action, training_progress)
        self._clock += 1
        solved = eval(self._solved, {"s": step.state}).numpy()  # noqa: S307 - written above
        for row in np.flatnonzero((solved | step.terminated | step.truncated) & (self._place >= 0)):
            took = self._clock - int(self._began[row]) if solved[row] else FAILED
            self._attempts.end(0, int(self._place[row]), took)
            self._place[row] = -1
        self._begin(np.flatnonzero(step.terminated | step.truncated))
        return step

    def state(self) -> dict[str, NDArray[Any]]:
        raise NotImplementedError("a benchmark's training is not paused")

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        raise NotImplementedError("a benchmark's training is not paused")


class Quiet:
    """Takes a training's progress and says nothing."""

    def progress(self, **_: float) -> None:
        pass


def train(task: Task, arm: str, seed: int) -> dict[str, Any]:
    """Train until the plain task is solved, or to the cap (an impossible stage: to the cap)."""
    started, settings = time.process_time(), Ppo(num_envs=NUM_ENVS)
    world: VecEnv = worlds.make(task.world, NUM_ENVS)
    course, stages = None, [] if arm == "sparse" else stages_of(task, arm, seed)
    source = source_of(task, stages or ["find_box"])
    pays: RewardSource = CodeReward(source, "reward", settings.gamma)
    if arm != "sparse":
        course = Course(source, world.spec, [seed], NUM_ENVS, settings.gamma, Settings(gated=IMPOSSIBLE.get(arm, True)))
        world = StagedWorld(world, course)
        pays = StagedReward(world)
    watched = Watched(world, task.solved, course)
    training = Training(watched, pays, [seed], task.cap, [1.0], settings, course)
    training.start()
    horizons = -(-task.cap // (NUM_ENVS * settings.horizon))
    reached = None
    for horizon in range(1, horizons + 1):
        training.advance(horizon / horizons, Quiet())  # type: ignore[arg-type]
        if reached is None and watched.rate >= SOLVED:
            reached = training.steps
            if arm not in IMPOSSIBLE:
                break
    told = course.told(0) if course else {}
    row = {
        "steps": training.steps,
        "reached": reached,
        "rate": watched.rate,
        "stages": stages,
        "cpu_s": time.process_time() - started,
    }
    return {**row, "events": told.get("events", []), "told": told.get("stages", [])}


def main(log: Path, minutes: float, only: str, arms: Sequence[str]) -> None:
    """Do the trainings that the log lacks, one after the other, and append each as it ends."""
    torch.set_num_threads(1)
    done = {(row["task"], row["arm"], row["seed"]) for row in read(log)}
    end = time.monotonic() + 60 * minutes
    for name, arm, seed in [(name, arm, seed) for name in TASKS for seed in SEEDS for arm in arms]:
        if (name, arm, seed) in done or (only and name != only) or time.monotonic() > end:
            continue
        row = {"task": name, "arm": arm, "seed": seed, "cap": TASKS[name].cap, **train(TASKS[name], arm, seed)}
        with log.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(name, arm, seed, row["reached"], row["steps"], f"{row['cpu_s']:.0f} s", row["stages"], flush=True)


def from_command_line() -> tuple[Path, dict[str, str] | None]:
    """Return a log's path and what was given by name; None for it where only the log's table is wanted: LOG --table."""
    given = dict(zip(sys.argv[2::2], sys.argv[3::2], strict=False))
    return Path(sys.argv[1]), None if "--table" in sys.argv else given


def read(log: Path) -> list[dict[str, Any]]:
    """Return what a log holds."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []


def table(rows: Sequence[dict[str, Any]]) -> None:
    """Print steps to success for each task and arm, and how many times fewer than the sparse reward alone."""
    print(
        f"{platform.machine()}, torch {torch.__version__}, {NUM_ENVS} worlds a policy; steps to {SOLVED} success, seed by seed"
    )
    for name in TASKS:
        sparse = {row["seed"]: row for row in rows if (row["task"], row["arm"]) == (name, "sparse")}
        for arm in ARMS:
            mine = {row["seed"]: row for row in rows if (row["task"], row["arm"]) == (name, arm)}
            if not mine:
                continue
            told = ", ".join(f"{row['reached']:,}" if row["reached"] else f"not in {row['cap']:,}" for row in mine.values())
            ratios = [
                (sparse[s]["reached"] or sparse[s]["cap"]) / (row["reached"] or row["cap"])
                for s, row in mine.items()
                if s in sparse
            ]
            bound = "at least " if any(not sparse[s]["reached"] for s in mine if s in sparse) else ""
            print(
                f"{name:12} {arm:20} {told:32} median ratio to sparse: {bound}{median(ratios):.2f}"
                if ratios
                else f"{name:12} {arm:20} {told}"
            )
            for row in mine.values():
                kept = [f"{s['name']} {s['status'] or 'not begun'}, at the end {s['retained']}" for s in row["told"]]
                if kept and arm in (*IMPOSSIBLE, "right"):
                    print(f"    seed {row['seed']}: success {row['rate']:.2f}; {'; '.join(kept)}")


if __name__ == "__main__":
    path, given = from_command_line()
    if given is None:
        table(read(path))
    else:
        main(path, float(given.get("--minutes", 1000)), given.get("--only", ""), given.get("--arms", ",".join(ARMS)).split(","))
