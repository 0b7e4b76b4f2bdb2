"""What a round of candidates reaches of the machine's physics, and how soon a written candidate learns.

Needs both environments. Run from the repository root, on an otherwise idle machine:

    .venv/bin/python -m benchmarks.a_round [ROUNDS] [STEPS]

First rows: 8 candidates of one seed, half-cheetah, STEPS (150,000) each: a box each, one box a core; and in one shared box a
core (`training.share_box`). Environment steps a second of wall time, from the first job handed out to the last policy
written, against as many processes as cores that only step the same worlds. All sides in turn, ROUNDS (3) times. Then from a
candidate's text to its first PPO update (probe, training box, one horizon of 64 worlds), warm and cold, ten times. Third:
judging's share of the CPU time of training and judging together.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.box_overhead import PROBE, REWARD, in_turn
from designer import __version__
from designer.config import EvaluationConfig
from designer.environments import environment_python
from designer.executors import Job, JobResult, Limits
from designer.executors.embedded import Embedded
from designer.records import Status
from designer.runs import stage_worker_code

CANDIDATES = 8
STEPS = 150_000
HORIZON_STEPS = 64 * 32
WORLD = "half_cheetah"
LIMITS = Limits(cpu_s=600, wall_s=1200)
JUDGED = EvaluationConfig()
BARE = """
import sys, time
import numpy as np
import torch
from envs import worlds
torch.set_num_threads(1)
world = worlds.make({world!r}, 64)
world.reset([0])
low, high = world.spec.action_low, world.spec.action_high
actions = np.random.default_rng(0).uniform(low, high, (100, 64, len(low)))
done, started = 0, time.monotonic()
while time.monotonic() - started < {seconds}:
    for action in actions:
        world._ctrl[:] = action
        world._batch.step(nstep=world.frame_skip)
    done += actions.shape[0] * 64
print(done / (time.monotonic() - started))
"""


def main(rounds: int, steps: int) -> None:
    """Print the rows."""
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, {platform.system()} {platform.release()}, ", end="")
    print(f"Python {platform.python_version()}, designer {__version__}, {rounds} rounds of {steps:,} steps, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}, the least and most in brackets\n")
    python = environment_python("native")
    with tempfile.TemporaryDirectory(prefix="designer-round-") as scratch:
        code = Path(scratch) / "code"
        stage_worker_code(code)
        executor, cold = Embedded(python, code), Embedded(python, code, warm=False)
        sides = [
            (
                a_round(executor, Path(scratch), cores, steps),
                a_shared_round(executor, Path(scratch), cores, steps),
                ceiling(python, code, cores),
            )
            for _ in range(rounds)
        ]
        print("| | ratio | steps/s | of |\n|---|---|---|---|")
        for k, how in enumerate(("a box each", "a shared box a core")):
            ratios = [side[k] / side[2] for side in sides]
            ours, bare = (statistics.median(side[at] for side in sides) for at in (k, 2))
            name = f"a round of {CANDIDATES}, {how} / bare physics on {cores} cores"
            print(f"| {name} | {told(ratios)} | {ours:,.0f} | {bare:,.0f} |", flush=True)
        print()
        starts = {"warm": partial(first_update, executor, Path(scratch)), "cold": partial(first_update, cold, Path(scratch))}
        for name, seconds in in_turn(starts, 10).items():
            print(f"candidate written to its first update, {name}: {told(seconds)} s", flush=True)
        share = judging_share(executor, Path(scratch), steps)
        print(f"judging's share of the CPU time of a training and its judging: {share:.1%}")


def told(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def training(steps: int, fractions: tuple[float, ...] = (1.0,)) -> Job:
    reward = {"kind": "code", "entry": "reward"}
    spec = {"world": WORLD, "seeds": [1], "steps": steps, "fractions": fractions, "settings": {}, "reward": reward}
    return Job("train", spec, {"reward.py": REWARD.encode()}, LIMITS)


def run(executor: Embedded, job: Job, folder: Path) -> JobResult:
    ended = executor.run(job, folder, lambda _: None)
    assert ended.status is Status.OK, ended.error
    return ended


def a_round(executor: Embedded, scratch: Path, cores: int, steps: int) -> float:
    """Train all candidates; return environment steps a second."""
    run(executor, PROBE, scratch / "first")  # the warm process is there from the run's first probe on
    started = time.monotonic()
    with ThreadPoolExecutor(cores) as pool:
        jobs = [pool.submit(run, executor, training(steps), scratch / f"candidate{k}") for k in range(CANDIDATES)]
        for job in jobs:
            job.result()
    return CANDIDATES * steps / (time.monotonic() - started)


def a_shared_round(executor: Embedded, scratch: Path, cores: int, steps: int) -> float:
    """Train all candidates, stacked in as many boxes as there are cores; return environment steps a second."""
    run(executor, PROBE, scratch / "first")
    count = CANDIDATES // cores
    spec = {"world": WORLD, "seeds": [1], "steps": steps, "fractions": [1.0], "settings": {}}
    spec |= {"candidates": count, "entry": "reward", "reward_cpu_s": 600.0}
    shared = Job("train_together", spec, {f"reward-{k}.py": REWARD.encode() for k in range(count)}, LIMITS)
    started = time.monotonic()
    with ThreadPoolExecutor(cores) as pool:
        jobs = [pool.submit(run, executor, shared, scratch / f"shared{k}") for k in range(cores)]
        for job in jobs:
            job.result()
    return cores * count * steps / (time.monotonic() - started)


def ceiling(python: Path, code: Path, cores: int, seconds: float = 8.0) -> float:
    """Step the same worlds and do nothing else, on every core; return environment steps a second."""
    variables = {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-c", BARE.format(world=WORLD, seconds=seconds)]
    processes = [subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) for _ in range(cores)]
    return sum(float(process.communicate()[0].split()[-1]) for process in processes)


def first_update(executor: Embedded, scratch: Path) -> None:
    run(executor, PROBE, scratch / "probe")
    run(executor, training(HORIZON_STEPS), scratch / "train")


def judging_share(executor: Embedded, scratch: Path, steps: int) -> float:
    kept = [(k + 1) / JUDGED.checkpoints for k in range(JUDGED.checkpoints)]
    trained = run(executor, training(steps, tuple(kept)), scratch / "train")
    played = Job(
        "rollout",
        {
            "world": WORLD, "checkpoints": JUDGED.checkpoints, "policies": 1, "episodes": JUDGED.episodes,
            "earlier_episodes": JUDGED.checkpoint_episodes, "seed": 5,
        },
        {"policy.safetensors": scratch / "train" / "policy.safetensors"},
        LIMITS,
    )  # fmt: skip
    judged = run(executor, played, scratch / "rollout")
    return judged.cpu_s / (judged.cpu_s + trained.cpu_s)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, int(sys.argv[2]) if len(sys.argv) > 2 else STEPS)
