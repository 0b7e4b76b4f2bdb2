"""The suite's gates: does each task tell rewards apart? Trains {random, sparse, human} and says which tasks hold.

A task holds where its human-written reward reaches `solved_at`, written in the task before the training that counts, in at
least 4 of 5 seeds within the task's steps, and where random actions and the fitness as reward don't both reach it. The suite
holds where the human-written reward beats the fitness as reward on at least 60 % of its tasks.

Every task that is done has a line in the log, with a hash of the task, its judges and its rewards: a second call goes on with
what is missing or was changed. With `--minutes`, no task is begun after that long. Run from the repository root:

    .venv/bin/python -m benchmarks.gates gates.jsonl                          all tasks, then the table
    .venv/bin/python -m benchmarks.gates gates.jsonl --minutes 10 reacher_reach ...
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from designer import __version__
from designer.archive import HUMAN, SPARSE
from designer.bundle import bundle_root
from designer.runs import list_runs, open_run
from designer.statistics import interval
from designer.task import shipped_tasks

SEEDS, ENOUGH = 5, 4


def main(log: Path, names: list[str], minutes: float) -> None:
    """Train what the log doesn't hold yet; then print the table."""
    tasks = shipped_tasks(bundle_root() / "envs")
    done = {entry["task"]: entry for entry in map(json.loads, log.read_text().splitlines())} if log.exists() else {}
    begun = time.monotonic()
    for name in names or list(tasks):
        identity = identity_of(tasks[name])
        if done.get(name, {}).get("identity") == identity or time.monotonic() - begun > 60 * minutes:
            continue
        done[name] = {"task": name, "identity": identity, **anchor(tasks[name]), **train(name)}
        with log.open("a") as file:
            file.write(json.dumps(done[name]) + "\n")
        print(row(done[name]), flush=True)


def identity_of(task: Path) -> str:
    """Hash a task with its judges and its human-written rewards."""
    world = task.parent.parent
    files = (task, world / "fitness.py", world / "human.py")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def anchor(task: Path) -> dict[str, Any]:
    content = tomllib.loads(task.read_text())
    return {"solved_at": content["solved_at"], "steps": content["steps"]}


def train(name: str) -> dict[str, Any]:
    """Train a task's baselines; return each arm's fitness by seed, and its curve's means."""
    began = time.monotonic()
    found: dict[str, Any] = {"cpu_s": 0.0}
    with tempfile.TemporaryDirectory() as runs:
        asked = (name, "--search.final-seeds", str(SEEDS), "--clips", "false", "--runs", runs)
        ended = subprocess.run(
            (sys.executable, "-m", "designer.cli", "baseline", *asked), capture_output=True, text=True, check=False
        )
        if ended.returncode:
            return {**found, "failed": ended.stderr.strip()[-300:]}
        archive = open_run(list_runs(Path(runs))[0]).archive()
    for arm in (HUMAN, SPARSE):
        trials = archive.trials_of(arm, "final")
        found[arm] = list(archive.final_scores(arm))
        found[f"{arm}_curves"] = [[round(score.fitness, 4) for score in trial.scores] for trial in trials]
        found["cpu_s"] += sum(trial.train_cpu_s for trial in trials)
    return {**found, "wall_s": time.monotonic() - began}


def row(entry):
    return json.dumps(entry)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("log", type=Path)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--minutes", type=float, default=1e9)
    asked = parser.parse_args()
    main(asked.log, asked.tasks, asked.minutes)
