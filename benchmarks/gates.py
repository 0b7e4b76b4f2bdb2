"""The suite's gates: does each task tell rewards apart? Trains {untrained, sparse, human} and says which tasks hold.

A task holds where its human-written reward reaches `solved_at`, written in the task before any training, in at least 4 of 5
seeds within the task's steps, and where an untrained policy (one horizon) and the fitness as reward don't both reach it.
Every task that is done has a line in the log; a second call goes on with the others. CPU hours for all tasks. Run from the
repository root:

    .venv/bin/python -m benchmarks.gates gates.jsonl                       all tasks
    .venv/bin/python -m benchmarks.gates gates.jsonl reacher_reach ...     some
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
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
UNTRAINED = "untrained"


def main(log: Path, names: list[str]) -> None:
    """Run what the log doesn't hold yet; then print the table."""
    tasks = shipped_tasks(bundle_root() / "envs")
    done = {entry["task"]: entry for entry in map(json.loads, log.read_text().splitlines())} if log.exists() else {}
    for name in names or list(tasks):
        if name not in done:
            done[name] = {"task": name, "solved_at": tomllib.loads(tasks[name].read_text())["solved_at"], **train(name)}
            with log.open("a") as file:
                file.write(json.dumps(done[name]) + "\n")
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, designer {__version__}")
    print(f"{SEEDS} seeds an arm; 95 % intervals over seeds\n")
    print(
        "| task | solved at | untrained | sparse | human | seeds solved | holds | CPU min |\n|---|---|---|---|---|---|---|---|"
    )
    for name in names or list(tasks):
        print(row(done[name]))


def train(name: str) -> dict[str, Any]:
    """Train a task's baselines, and its untrained policies; return each arm's fitness by seed."""
    found: dict[str, Any] = {"cpu_s": 0.0}
    for arms, extra in (((HUMAN, SPARSE), ()), ((UNTRAINED,), ("--training.steps", "1"))):
        with tempfile.TemporaryDirectory() as runs:
            command = [
                *(sys.executable, "-m", "designer.cli"),
                "baseline",
                name,
                "--search.final-seeds",
                str(SEEDS),
                "--clips",
                "false",
                "--runs",
                runs,
                *extra,
            ]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                return {**found, "failed": ended.stderr.strip()[-300:]}
            archive = open_run(list_runs(Path(runs))[0]).archive()
        for arm in arms:
            of = HUMAN if arm == UNTRAINED else arm
            found[arm] = list(archive.final_scores(of))
            found["cpu_s"] += sum(trial.train_cpu_s for trial in archive.trials_of(of, "final"))
    return found


def row(entry: dict[str, Any]) -> str:
    """Write one task's line: raw fitness of each arm, and whether the task holds."""
    if "failed" in entry:
        return f"| {entry['task']} | {entry['solved_at']:g} | failed: {entry['failed']} | | | | no | |"
    solved = {arm: sum(value >= entry["solved_at"] for value in entry[arm]) for arm in (UNTRAINED, SPARSE, HUMAN)}
    both_pass = solved[UNTRAINED] >= ENOUGH and solved[SPARSE] >= ENOUGH
    holds = "yes" if solved[HUMAN] >= ENOUGH and not both_pass else "NO"
    arms = " | ".join(told(entry[arm]) for arm in (UNTRAINED, SPARSE, HUMAN))
    minutes = entry["cpu_s"] / 60
    return f"| {entry['task']} | {entry['solved_at']:g} | {arms} | {solved[HUMAN]} of {SEEDS} | {holds} | {minutes:.1f} |"


def told(values: list[float]) -> str:
    """Write a mean with its interval."""
    found = interval(values)
    mean = sum(values) / len(values) if values else float("nan")
    return f"{mean:.3g} ({found.low:.3g} to {found.high:.3g})" if found else f"{mean:.3g}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
