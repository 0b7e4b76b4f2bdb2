"""Time the demo's run and print what it found: wall time, the winner and both baselines, for several run seeds.

Needs both environments (sh scripts/demo.sh makes them). Run from the repository root, on an otherwise idle machine:

    .venv/bin/python -m benchmarks.main_job 3
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from designer import __version__
from designer.archive import HUMAN, SPARSE
from designer.records import Status
from designer.runs import list_runs, open_run
from designer.statistics import interval

TWO_ROUNDS = ("--search.rounds", "2", "--search.population", "4", "--search.finalists", "2")
COMMAND = ("run", "half_cheetah_backward", *TWO_ROUNDS, "--training.steps", "80000", "--cached-baselines", "false")
ARMS = {HUMAN: "human-written reward", SPARSE: "fitness as reward"}


def main(repeats: int) -> None:
    """Run the demo `repeats` times and print one row a run and arm."""
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {platform.system()}, ", end="")
    print(f"Python {platform.python_version()}, designer {__version__}")
    print(f"designer {' '.join(COMMAND)} --search.seed K\n")
    print("| K | wall | arm | fitness, 95 % interval over final seeds | seeds |")
    print("|---|---|---|---|---|")
    for seed in range(repeats):
        with tempfile.TemporaryDirectory() as scratch:
            wall_s = run(seed, Path(scratch))
            report(seed, wall_s, list_runs(Path(scratch))[0])


def run(seed: int, runs: Path) -> float:
    """Run the demo's command in a folder; return its wall time [s]."""
    designer = Path(sys.executable).with_name("designer")
    started = time.monotonic()
    command = [str(designer), *COMMAND, "--search.seed", str(seed), "--runs", str(runs)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def report(seed: int, wall_s: float, folder: Path) -> None:
    """Print what a run found."""
    run_ = open_run(folder)
    archive = run_.archive()
    assert archive.finished is not None
    winner = archive.finished.winner
    rows = [*([(winner, f"winner ({winner})")] if winner else []), *ARMS.items()]
    for name, label in rows:
        values = archive.final_scores(name)
        found = interval(values)
        span = f" ({found.low:.2f} to {found.high:.2f})" if found else ""
        trained = sum(t.status is Status.OK for t in archive.trials_of(name, "final"))
        print(f"| {seed} | {wall_s:.0f} s | {label} | {sum(values) / len(values):.2f} m/s{span} | {trained} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
