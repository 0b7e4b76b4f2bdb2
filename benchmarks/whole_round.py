"""How long does a whole round take, against a program that trains with Stable-Baselines3? Wall time, both sides in the table.

    .venv/bin/python -m benchmarks.whole_round LOG [--arms ARM ...] [--repeats N] [--steps STEPS]

Eight rewards of half-cheetah, STEPS (150,000) steps each, one seed, on all cores of an otherwise idle machine.

    ours      probe, a sealed box each, one a core; five checkpoints judged, and the evidence that the next prompt reads
    shared    the same with `training.share_box`
    shipped   as stable-eureka does it: a process a candidate, all at once, each Stable-Baselines3 as it comes on one
              `gymnasium.make("HalfCheetah-v5")` whose reward is the candidate's; nothing is sealed, judged or fed back
    settings  the same with our settings (network, exploration, epochs, minibatch, normalisation) on eight gymnasium worlds

A line a run is appended to LOG, and what is there isn't run again; the table is printed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from designer.archive import Archive
from designer.assemble import describe_job, slots
from designer.bundle import bundle_root
from designer.config import Config
from designer.environments import environment_python
from designer.executors.embedded import Embedded
from designer.executors.results import read_table
from designer.executors.resumable import Resumable
from designer.journal import CandidateProposed
from designer.proposing import probe
from designer.records import Candidate, Status, Verb, Verdict
from designer.runs import stage_worker_code
from designer.search import Batch
from designer.task import find_task, resolve_task
from designer.together import trainings_together
from designer.trials import run_batch
from designer.workbench import Workbench

ROOT = Path(__file__).resolve().parents[1]
CANDIDATES, STEPS = 8, 150_000
ARMS = ("ours", "shared", "settings", "shipped")
REWARD = "def reward(s, a):\n    return {{'run': {weight} * s.torso_velocity[:, 0], 'effort': -0.1 * a.square().sum(-1)}}\n"
PEER = """
import sys
import gymnasium, torch
torch.set_num_threads(1)
from stable_baselines3 import PPO

class Rewritten(gymnasium.RewardWrapper):
    def reward(self, reward):
        return {weight} * reward

def world():
    return Rewritten(gymnasium.make("HalfCheetah-v5"))

if {settings}:
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize
    from sandbox.ppo import Settings
    from sandbox.sb3_learner import ppo_options
    settings = Settings(num_envs=8, horizon=512, minibatches=8)
    env = VecNormalize(make_vec_env(world, settings.num_envs, seed=1), gamma=settings.gamma)
    model = PPO("MlpPolicy", env, seed=1, device="cpu", **ppo_options(settings, discrete=False))
else:
    model = PPO("MlpPolicy", world(), seed=1, device="cpu")
model.learn({steps})
"""


def rewards() -> dict[str, str]:
    """Return eight rewards that differ."""
    return {f"g01c{k:02d}": REWARD.format(weight=1.0 + k / 10) for k in range(CANDIDATES)}


def our_round(steps: int, share_box: bool) -> float:
    """Do a round as `designer run` does between proposals and feedback; return its wall time, making the run left out [s]."""
    config = Config.model_validate({"training": {"share_box": share_box}, "search": {"screen": False}})
    with tempfile.TemporaryDirectory(prefix="designer-whole-") as scratch:
        folder = Path(scratch)
        stage_worker_code(folder / "code")
        executor = Resumable(Embedded(environment_python("native"), folder / "code"))
        table = read_table(executor.run(describe_job("half_cheetah", config), folder / "describe", lambda _: None).content)
        task = resolve_task(find_task("half_cheetah_forward", bundle_root() / "envs"), table)
        bench = Workbench(task.model_copy(update={"steps": steps}), table, config, executor, folder, analyses=True)
        started = time.monotonic()
        with ThreadPoolExecutor(slots(config)) as pool:
            list(pool.map(lambda name: probe(rewards()[name], bench, f"candidates/{name}/probe"), rewards()))
            batches = [Batch(name, "search", (1,)) for name in rewards()]
            shared = trainings_together(bench, proposed(), batches, slots(config), lambda batch, numbers: None)
            list(pool.map(lambda train: train(), shared))
            ends = pool.map(lambda b: run_batch(bench, b, rewards()[b.candidate], lambda _: None), batches)
            assert all(trial.status is Status.OK for end in ends for trial in end.trials)
        return time.monotonic() - started


def proposed() -> Archive:
    sound = Verdict(status=Status.OK)
    made = partial(Candidate, round=1, sample=0, verb=Verb.INIT, proposer="benchmark")
    return Archive.of(CandidateProposed(candidate=made(id=n, source=source), verdict=sound) for n, source in rewards().items())


def peers_round(steps: int, settings: bool) -> float:
    """Start a process a candidate, all at once; return the wall time until the last one ends [s]."""
    started = time.monotonic()
    variables = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MUJOCO_GL": "disabled", "PATH": os.environ["PATH"]}
    with tempfile.TemporaryDirectory(prefix="designer-peers-") as scratch:
        trainings = [
            subprocess.Popen(
                [environment_python("native"), "-c", PEER.format(weight=1.0 + k / 10, settings=settings, steps=steps)],
                env=variables, cwd=scratch, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for k in range(CANDIDATES)
        ]  # fmt: skip
        assert all(training.wait() == 0 for training in trainings)
        return time.monotonic() - started


def run_arm(arm: str, steps: int) -> float:
    return our_round(steps, arm == "shared") if arm in ("ours", "shared") else peers_round(steps, arm == "settings")


def main() -> None:
    parser = argparse.ArgumentParser(description="Wall time of a whole round.")
    parser.add_argument("log", type=Path, help="where a line a run is kept")
    parser.add_argument("--arms", nargs="*", default=ARMS, choices=ARMS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args()

    def lines() -> list[dict[str, float | str]]:
        read = [json.loads(line) for line in asked.log.read_text().splitlines()] if asked.log.exists() else []
        return [line for line in read if line["steps"] == asked.steps]

    for repeat in range(asked.repeats):
        for arm in asked.arms:
            if sum(line["arm"] == arm for line in lines()) <= repeat:
                line = {"arm": arm, "steps": asked.steps, "wall_s": run_arm(arm, asked.steps), "load": os.getloadavg()[0]}
                with asked.log.open("a") as file:
                    file.write(json.dumps(line) + "\n")
    table(lines(), asked.steps)


def table(lines: list[dict[str, float | str]], steps: int) -> None:
    """Print each arm's median and extremes, and its ratio to ours."""
    walls = {arm: sorted(float(line["wall_s"]) for line in lines if line["arm"] == arm) for arm in ARMS}
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, {platform.system()}, Python {platform.python_version()}, {steps:,} steps")
    print("\n| arm | runs | wall, median (least to most) [s] | / ours |\n|---|---|---|---|")
    for arm, mine in walls.items():
        if mine and walls["ours"]:
            median = statistics.median(mine)
            ratio = median / statistics.median(walls["ours"])
            print(f"| {arm} | {len(mine)} | {median:.1f} ({mine[0]:.1f} to {mine[-1]:.1f}) | {ratio:.2f} |")


if __name__ == "__main__":
    main()
