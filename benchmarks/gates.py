"""The suite's gates: does each task tell rewards apart? Measures {random, sparse, human} and says which tasks hold.

A task holds where its human-written reward reaches `solved_at`, written in the task before the training that counts, in at
least 4 of 5 seeds within the task's steps, and where random play and the fitness as reward don't both reach it. The suite
holds where the human-written reward beats the fitness as reward on at least 60 % of its tasks: by the mean over seeds; beside
it stands on how many the paired 95 % interval excludes zero.

Every task that is done has a line in the log, with a hash of the task, its judges, its rewards and the code that trains and
judges: a second call goes on with what is missing or was changed. With `--minutes`, no task is begun after that long. `--seed`
is the run seed that all training seeds are derived from: a task that was mended after it was judged is judged on another one.
Run from the repository root:

    .venv/bin/python -m benchmarks.gates gates.jsonl                          the suite's tasks, then the table
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
from designer.archive import HUMAN, RANDOM, SPARSE, Archive
from designer.baselines import folder_hash
from designer.bundle import bundle_root
from designer.runs import list_runs, open_run, stage_worker_code
from designer.statistics import interval
from designer.task import shipped_tasks, suite
from designer.training_defaults import TRAINING_FILE

SEEDS, ENOUGH, BETTER = 5, 4, 0.6
ARMS = (RANDOM, SPARSE, HUMAN)
JUDGED = ("--evaluation.episodes", "10", "--evaluation.checkpoints", "2", "--evaluation.checkpoint-episodes", "2")
Entry = dict[str, Any]


def main(log: Path, names: list[str], minutes: float, seed: int) -> None:
    """Train what the log doesn't hold yet; then print the table."""
    tasks, code = shipped_tasks(bundle_root() / "envs"), code_hash()
    done = {entry["task"]: entry for entry in map(json.loads, log.read_text().splitlines())} if log.exists() else {}
    wanted = names or list(suite(bundle_root() / "envs"))
    begun = time.monotonic()
    for name in wanted:
        identity = identity_of(tasks[name], code, seed)
        if done.get(name, {}).get("identity") == identity or time.monotonic() - begun > 60 * minutes:
            continue
        facts = {"task": name, "identity": identity, "code": code, "seed": seed}
        done[name] = {**facts, **anchor(tasks[name]), **train(name, seed)}
        with log.open("a") as file:
            file.write(json.dumps(done[name]) + "\n")
    print_table([done[name] for name in wanted if name in done])


def code_hash() -> str:
    """Hash the code that a box imports: worlds, trainer, judge."""
    with tempfile.TemporaryDirectory() as staged:
        stage_worker_code(Path(staged))
        return folder_hash(Path(staged))


def identity_of(task: Path, code: str, seed: int) -> str:
    """Hash a task with its judges, its human-written rewards, how its world is trained, the worker's code and the seed."""
    world = task.parent.parent
    files = (task, world / "fitness.py", world / "human.py", world / TRAINING_FILE)
    contents = b"".join(file.read_bytes() for file in files if file.is_file())
    return hashlib.sha256(contents + f"{code} {seed}".encode()).hexdigest()[:12]


def anchor(task: Path) -> Entry:
    content = tomllib.loads(task.read_text())
    return {"solved_at": content["solved_at"], "steps": content["steps"]}


def train(name: str, seed: int) -> Entry:
    """Measure a task's baselines; return each arm's fitness by seed, its curves, and the CPU time of its trainings."""
    with tempfile.TemporaryDirectory() as runs:
        seeds = ("--search.seed", str(seed), "--search.final-seeds", str(SEEDS))
        asked = (name, *seeds, *JUDGED, "--clips", "false", "--runs", runs)
        command = (sys.executable, "-m", "designer.cli", "baseline", *asked)
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            return {"failed": ended.stderr.strip()[-300:], "cpu_s": 0.0}
        return arms_of(open_run(list_runs(Path(runs))[0]).archive())


def arms_of(archive: Archive) -> Entry:
    found: Entry = {"cpu_s": 0.0}
    for arm in ARMS:
        trials = archive.trials_of(arm, "final")
        found[arm] = list(archive.final_scores(arm))
        found[f"{arm}_curves"] = [[round(score.fitness, 4) for score in trial.scores] for trial in trials]
        found["cpu_s"] += sum(trial.train_cpu_s for trial in trials)
    return found


def print_table(entries: list[Entry]) -> None:
    cores = len(os.sched_getaffinity(0))
    machine = f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, designer {__version__}"
    states = {entry.get("code", "?") for entry in entries}
    runs = sorted({str(entry.get("seed", 0)) for entry in entries})
    print(f"{machine}; {SEEDS} seeds an arm, 95 % intervals over seeds; run seed {', '.join(runs)};")
    print(f"{len(states)} state{'' if len(states) == 1 else 's'} of the worker's code ({', '.join(sorted(states))}).\n")
    print("| task | steps | solved at | random | sparse | human | seeds solved | human against sparse | holds | CPU min |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for entry in entries:
        print(row(entry))
    judged = [entry for entry in entries if "failed" not in entry]
    better = sum(mean(entry[HUMAN]) > mean(entry[SPARSE]) for entry in judged)
    surely = sum(against(entry) == "above" for entry in judged)
    holds = sum(holding(entry) for entry in judged)
    minutes = sum(entry["cpu_s"] for entry in entries) / 60
    print(f"\n{holds} of {len(entries)} tasks hold; {minutes:.0f} CPU minutes of training. The human-written reward is above")
    print(f"the fitness as reward on {better} of {len(judged)} by the mean ({BETTER:.0%} asked for), on {surely} separably.")


def row(entry: Entry) -> str:
    """Write one task's line: raw fitness of each arm, and whether the task holds."""
    begin = f"| {entry['task']} | {entry['steps']:,} | {entry['solved_at']:g} |"
    if "failed" in entry:
        return f"{begin} failed: {entry['failed']} | | | | | no | |"
    arms = " | ".join(told(entry[arm]) for arm in ARMS)
    holds = "yes" if holding(entry) else "NO"
    return f"{begin} {arms} | {solved(entry, HUMAN)} of {SEEDS} | {against(entry)} | {holds} | {entry['cpu_s'] / 60:.1f} |"


def holding(entry: Entry) -> bool:
    """Say whether the human-written reward reaches the anchor, and random play and sparse don't both."""
    both_pass = solved(entry, RANDOM) >= ENOUGH and solved(entry, SPARSE) >= ENOUGH
    return solved(entry, HUMAN) >= ENOUGH and not both_pass


def solved(entry: Entry, arm: str) -> int:
    return sum(value >= entry["solved_at"] for value in entry[arm])


def against(entry: Entry) -> str:
    """Say where the human-written reward stands against the fitness as reward, seed by seed."""
    difference = interval([human - sparse for human, sparse in zip(entry[HUMAN], entry[SPARSE], strict=False)])
    if difference is None or not difference.excludes_zero:
        return "not separable"
    return "above" if difference.mean > 0 else "below"


def told(values: list[float]) -> str:
    """Write a mean with its interval."""
    found = interval(values)
    return f"{mean(values):.3g} ({found.low:.3g} to {found.high:.3g})" if found else f"{mean(values):.3g}"


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the suite's baselines and judge its tasks.")
    parser.add_argument("log", type=Path)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no task after so long")
    parser.add_argument("--seed", type=int, default=0, help="the run seed that training seeds are derived from")
    asked = parser.parse_intermixed_args()
    main(asked.log, asked.tasks, asked.minutes, asked.seed)
