"""Where does the CPU time of a training go? Shares of one process with one thread, and the learner's most expensive operations.

    .environments/native/bin/python -m benchmarks.profile_training [ROUNDS]

The parts are timed from outside (process time), so that the harness, which refuses a profiled reward, stays as it is. "The
rest" is what lies between them: the loop, traces, progress. Then torch's profiler on one update of 8 stacked policies.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import mujoco
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.speed import NUM_ENVS, REWARD, ROWS, Silent
from envs import worlds
from sandbox.payers import CodeReward
from sandbox.ppo import Settings
from sandbox.train import Training

PARTS = ("physics", "observation, state, resets", "reward and harness", "acting and recording", "learning")
HORIZONS = {1: 24, 8: 6}
OPERATIONS = 8
UPDATE = "--update"
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}
"""As boxes have it."""


class Clock:
    """Adds up the process time of what it wraps."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def wrap(self, owner: Any, name: str, part: str) -> None:
        """Replace a method of an object by one that is timed."""
        method = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.process_time()
            answer = method(*arguments, **named)
            self.spent[part] = self.spent.get(part, 0.0) + time.process_time() - started
            return answer

        setattr(owner, name, timed)


class _Batch:
    """A `mujoco.batch.Batch` whose `step` can be replaced; everything else is the batch's own."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch
        self.step: Callable[..., Any] = batch.step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)


def training(name: str, policies: int) -> Training:
    settings = Settings(num_envs=NUM_ENVS)
    world = worlds.make(name, NUM_ENVS * policies)
    steps = HORIZONS[policies] * settings.horizon * NUM_ENVS
    made = Training(world, CodeReward(REWARD, "reward", settings.gamma), list(range(policies)), steps, [1.0], settings)
    made.start()
    return made


def shares(name: str, policies: int) -> tuple[list[float], float]:
    """Train once; return each part's share of the CPU time, the rest's last, and steps per CPU-second."""
    made, clock = training(name, policies), Clock()
    world: Any = made._world
    world._batch = _Batch(world._batch)
    clock.wrap(world._batch, "step", "physics")
    clock.wrap(world, "step", "world")
    clock.wrap(made._reward, "pay", "reward and harness")
    for method, part in (("act", "acting and recording"), ("record", "acting and recording"), ("update", "learning")):
        clock.wrap(made._learner, method, part)
    started = time.process_time()
    made.advance(1.0, Silent())  # type: ignore[arg-type]
    total = time.process_time() - started
    clock.spent["observation, state, resets"] = clock.spent.pop("world") - clock.spent["physics"]
    found = [clock.spent[part] / total for part in PARTS]
    return [*found, 1 - sum(found)], made.steps * policies / total


def operations(policies: int) -> list[tuple[str, float]]:
    """Return the operations that take most of an update's CPU time, with their shares."""
    made = training("half_cheetah", policies)
    made._collect()
    made._learner.update(made._observation)
    made._collect()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        made._learner.update(made._observation)
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return [(event.key, event.self_cpu_time_total / total) for event in events[:OPERATIONS]]


def update_s(policies: int = 8, updates: int = 4) -> float:
    """Return the CPU time of one update [s]."""
    made = training("half_cheetah", policies)
    seconds = []
    for _ in range(updates):
        made._collect()
        started = time.process_time()
        made._learner.update(made._observation)
        seconds.append(time.process_time() - started)
    return statistics.median(seconds)


def kept_memory(rounds: int) -> list[float]:
    """Return, for each round, an update's time with memory kept over that without: a process each, as boxes are."""
    command = [sys.executable, "-m", "benchmarks.profile_training", UPDATE]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    ratios = []
    for _ in range(rounds):
        sides = [
            float(subprocess.run(command, env=variables, check=True, stdout=subprocess.PIPE).stdout.split()[-1])
            for variables in ({**plain, **KEEP_MEMORY}, plain)
        ]
        ratios.append(sides[0] / sides[1])
    return ratios


def nanoseconds(operation: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """Return what an operation takes for an element, on a hidden layer of one policy's minibatch."""
    x = torch.randn(2, 512, 64)
    seconds = []
    for _ in range(200):
        started = time.process_time()
        operation(x)
        seconds.append(time.process_time() - started)
    return statistics.median(seconds) / x.numel() * 1e9


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1:] == [UPDATE]:
        print(update_s())
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, mujoco {mujoco.__version__}, "
        f"torch {torch.__version__}, one thread, {NUM_ENVS} worlds a policy, medians of {rounds}"
    )
    print(f"\n| | {' | '.join(PARTS)} | the rest | steps per CPU-s |\n|---|{'---|' * (len(PARTS) + 2)}")
    for name, policies in ROWS:
        found = [shares(name, policies) for _ in range(rounds)]
        medians = [statistics.median(column) for column in zip(*(row for row, _ in found), strict=True)]
        cells = " | ".join(f"{share:.1%}" for share in medians)
        print(f"| {name}, {policies} stacked | {cells} | {statistics.median(s for _, s in found):,.0f} |", flush=True)
    print("\n| operation of an update, 8 stacked | share of its CPU time |\n|---|---|")
    for name, share in operations(8):
        print(f"| `{name}` | {share:.1%} |")
    print(f"\ntanh {nanoseconds(torch.tanh):.2f} ns an element, sigmoid {nanoseconds(torch.sigmoid):.2f} ns")
    kept = kept_memory(rounds)
    print(f"an update with memory kept / without: {statistics.median(kept):.2f} ({min(kept):.2f} to {max(kept):.2f})")


if __name__ == "__main__":
    main()
