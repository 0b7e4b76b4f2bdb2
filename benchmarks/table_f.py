"""Table F: what random play, the fitness as reward, a person's reward and the composer's reach on the suite's quick set.

One whole run of `designer run` a task and run seed: a small search of the composer's, its winner and the baselines on five
final seeds. F is human-normalised: 0 is random play, 1 the human-written reward; a run whose denominator is noise has none.
Every run that is done has a line in the log; a second call goes on with the others. Baselines come from the cache where they
are there (`designer baseline` or `benchmarks.gates` puts them); their CPU time is told apart. Run from the repository root:

    .venv/bin/python -m benchmarks.table_f table_f.jsonl [--minutes 10] [--seeds 1]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gates import JUDGED, told
from designer import __version__
from designer.archive import BASELINES, HUMAN, RANDOM, SPARSE
from designer.resampling import bootstrap, interquartile_mean
from designer.review.verdict import verdict_of
from designer.runs import list_runs, open_run

QUICK = (
    *("pendulum_swing_up", "inverted_pendulum_balance", "inverted_pendulum_centre"),
    *("half_cheetah_backward", "half_cheetah_hop_on_the_spot"),
    *("cart_pole_balance", "mountain_car_continuous_reach_flag"),
)
SMALL = ("--search.rounds", "1", "--search.population", "4", "--search.confirm", "0", "--search.finalists", "1")
COMPOSER = "composer"
ARMS = (RANDOM, SPARSE, HUMAN, COMPOSER)
Entry = dict[str, Any]


def main(log: Path, seeds: int, minutes: float) -> None:
    """Do the runs that the log lacks; then print the table."""
    rows: list[Entry] = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {(row["task"], row["seed"]) for row in rows}
    begun = time.monotonic()
    for seed in range(seeds):
        for task in QUICK:
            if (task, seed) not in done and time.monotonic() - begun < 60 * minutes:
                rows.append(one_run(task, seed))
                with log.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    print_table(rows)


def one_run(task: str, seed: int) -> Entry:
    """Run once in a folder of its own; return each arm's final fitness by seed, and what it cost."""
    with tempfile.TemporaryDirectory() as runs:
        asked = (task, *SMALL, *JUDGED, "--search.seed", str(seed), "--clips", "false", "--runs", runs)
        subprocess.run((sys.executable, "-m", "designer.cli", "run", *asked), check=True, stdout=subprocess.DEVNULL)
        run = open_run(list_runs(Path(runs))[0])
        archive = run.archive()
        scale = verdict_of(run, archive).scale
    winner = archive.finished.winner if archive.finished else None
    cpu_s = {"search": 0.0, "baselines": 0.0}
    for trial in archive.trials.values():
        cpu_s["baselines" if trial.candidate in BASELINES else "search"] += trial.train_cpu_s
    scores = {arm: archive.final_scores(arm) for arm in (RANDOM, SPARSE, HUMAN)}
    return {
        **{"task": task, "seed": seed, "winner": winner, "unit": run.task.fitness_unit, "cpu_s": cpu_s},
        **{"refused": scale.refused if scale else "no scale"},
        **scores,
        COMPOSER: archive.final_scores(winner) if winner else [],
    }


def print_table(rows: list[Entry]) -> None:
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, designer {__version__};")
    print(f"`designer run TASK {' '.join((*SMALL, *JUDGED))} --search.seed K`; 95 % intervals over the five final seeds.\n")
    print("| task | K | random | sparse | human | composer | F of sparse | F of composer | CPU min: search, baselines |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        arms = " | ".join(told(row[arm]) if row[arm] else "-" for arm in ARMS)
        f = [sum(values) / len(values) if (values := normalised(row, arm)) else None for arm in (SPARSE, COMPOSER)]
        scaled = " | ".join("not separable" if value is None else f"{value:.2f}" for value in f)
        cost = row["cpu_s"]
        print(
            f"| {row['task']} | {row['seed']} | {arms} | {scaled} | {cost['search'] / 60:.1f}, {cost['baselines'] / 60:.1f} |"
        )
    print("\n| arm | F, interquartile mean over tasks and seeds (95 % stratified bootstrap) |\n|---|---|")
    for arm in ARMS:
        found = bootstrap({f"{row['task']}-{row['seed']}": normalised(row, arm) for row in rows}, interquartile_mean)
        print(f"| {arm} | {found.mean:.2f} ({found.low:.2f} to {found.high:.2f}) |" if found else f"| {arm} | - |")
    costs = [sum(row["cpu_s"][part] for row in rows) / 60 for part in ("search", "baselines")]
    print(f"\n{len(rows)} runs; {costs[0]:.1f} CPU minutes in the search's trainings and {costs[1]:.1f} in the baselines'.")


def normalised(row: Entry, arm: str) -> list[float]:
    """Return an arm's scores from random play, 0, to the human-written reward, 1; nothing where that is refused."""
    if row["refused"]:
        return []
    low, high = (sum(row[end]) / len(row[end]) for end in (RANDOM, HUMAN))
    return [(value - low) / (high - low) for value in row[arm]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the composer against the baselines on the suite's quick set.")
    parser.add_argument("log", type=Path)
    parser.add_argument("--seeds", type=int, default=1, help="run seeds a task")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so long")
    asked = parser.parse_args()
    main(asked.log, asked.seeds, asked.minutes)
