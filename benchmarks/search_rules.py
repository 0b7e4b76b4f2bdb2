"""Compare search rules at equal environment steps: whole runs, judged by their own finals. Resumable.

    .venv/bin/python -m benchmarks.search_rules LOG [--runs FOLDER] [--minutes M]     goes on where LOG stops
    .venv/bin/python -m benchmarks.search_rules LOG --table                           prints what LOG holds

Every line of LOG (JSON) is one finished run; one that was stopped goes on. Runs of one task and seed share what they have in
common (`shared_jobs.py`). Over tasks, final fitness is divided by what the human-written reward reaches on the same seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from benchmarks.shared_jobs import FOLDER, SharedJobs
from designer.archive import HUMAN, SPARSE
from designer.resampling import bootstrap, bootstrap_difference, interquartile_mean, probability_of_improvement
from designer.runs import list_runs, open_run
from designer.search.greedy import maximum
from designer.statistics import Interval, interval, mean, reading

STEPS = {
    **{"pendulum_swing_up": 80_000, "inverted_pendulum_centre": 50_000, "inverted_double_pendulum_balance": 50_000},
    **{"half_cheetah_backward": 40_000, "half_cheetah_forward": 40_000},
}
SEEDS = (0, 1, 2)
# Halving: 2 x (5 halves, 2 second halves, 2 more seeds) = 11 trainings, and 2 baselines in round 1. The others have 12.
RULES = {
    "halving": ("--search.rounds", "2", "--search.population", "5", "--search.confirm", "1", "--search.finalists", "2"),
    "greedy": ("--search.rounds", "2", "--search.population", "6", "--search.finalists", "1"),
    "best_of_n": ("--search.rounds", "1", "--search.population", "12", "--search.finalists", "1"),
}
LEAST_HUMAN = 0.02
SETTINGS = (
    *("--search.final_seeds", "5", "--evaluation.episodes", "10", "--evaluation.checkpoints", "4", "--clips", "false"),
    *("--sandbox.provider", SharedJobs.name),
)


def main(log: Path, runs: Path, minutes: float) -> None:
    """Do the runs that the log lacks, one after the other, and append each as it ends. None is begun after `minutes`."""
    begun = time.monotonic()
    done = {(row["task"], row["rule"], row["seed"]) for row in read(log)}
    for seed in SEEDS:
        for task in STEPS:
            for rule in RULES:
                if (task, rule, seed) not in done and time.monotonic() - begun < 60 * minutes:
                    with log.open("a") as file:
                        file.write(json.dumps(one_run(task, rule, seed, runs / f"{task}-{rule}-{seed}")) + "\n")


def one_run(task: str, rule: str, seed: int, folder: Path) -> dict[str, Any]:
    """Run the command line once, or go on with a run that was stopped; return what it found."""
    begun = list_runs(folder)
    settings = ("--search.rule", rule, *RULES[rule], "--search.seed", str(seed), "--training.steps", str(STEPS[task]))
    fresh = (task, "--runs", str(folder), *settings, *SETTINGS)
    command = [sys.executable, "-m", "designer.cli", "run", *((str(begun[-1]),) if begun else fresh)]
    shared = {**os.environ, FOLDER: str(folder.parent / "shared")}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=shared)
    archive = open_run(list_runs(folder)[-1]).archive()
    winner = archive.finished.winner if archive.finished else None
    claimed = None
    if winner:
        claimed = maximum(archive, winner) if rule == "greedy" else archive.search_score(winner)
    return {
        **{"task": task, "rule": rule, "seed": seed, "winner": winner, "claimed": claimed},
        "final": archive.final_scores(winner) if winner else [],
        "human": archive.final_scores(HUMAN),
        "sparse": archive.final_scores(SPARSE),
        "steps": sum(trial.steps for trial in archive.trials.values() if trial.purpose == "search"),
    }


def read(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


class Found(NamedTuple):
    """One rule's runs, task by task and in the order of their seeds, as shares of the human-written reward's fitness."""

    final: dict[str, list[float]]
    gap: dict[str, list[float]]
    at_human: list[bool]


def table(rows: list[dict[str, Any]]) -> None:
    """Print what each rule reached, and halving against each other rule: over all tasks, and on each."""
    found = {rule: _found(sorted((r for r in rows if r["rule"] == rule), key=lambda r: r["seed"])) for rule in RULES}
    print("| rule | runs | final / human, IQM (95 %) | selection gap / human (95 %) | at or above human |")
    print("|---|---|---|---|---|")
    for rule, runs in found.items():
        told = [_told(bootstrap(runs.final, interquartile_mean)), _told(bootstrap(runs.gap, fmean))]
        print(f"| {rule} | {len(runs.at_human)} | {told[0]} | {told[1]} | {sum(runs.at_human)} |")
    print("\n| task | " + " | ".join(f"{rule}, runs" for rule in found) + " | halving less greedy | less best-of-N |")
    print("|" + "---|" * (len(found) + 3))
    for task in STEPS:
        runs = [", ".join(f"{value:.2f}" for value in each.final.get(task, [])) for each in found.values()]
        paired = [_paired(found["halving"].final.get(task, []), found[rule].final.get(task, [])) for rule in list(RULES)[1:]]
        print(f"| {task} | {' | '.join(runs)} | {' | '.join(paired)} |")
    for rule in list(RULES)[1:]:
        difference = bootstrap_difference(found["halving"].final, found[rule].final)
        better = probability_of_improvement(found["halving"].final, found[rule].final)
        print(f"halving less {rule}, all tasks: {_told(difference)}, {reading(difference)}; P(improvement) {better:.2f}")


def _found(rows: list[dict[str, Any]]) -> Found:
    found = Found(defaultdict(list), defaultdict(list), [])
    for row in rows:
        human, final = mean(row["human"]), mean(row["final"])
        if human is None or final is None or human < LEAST_HUMAN:
            print(f"left out, nothing to divide by: {row['task']} {row['rule']} seed {row['seed']}")
            continue
        found.final[row["task"]].append(final / human)
        found.gap[row["task"]].append((row["claimed"] - final) / human)
        found.at_human.append(final >= human)
    return found


def _paired(ours: list[float], theirs: list[float]) -> str:
    difference = interval([a - b for a, b in zip(ours, theirs, strict=False)])
    return f"{_told(difference)}, {reading(difference)}"


def _told(span: Interval | None) -> str:
    return f"{span.mean:.2f} ({span.low:.2f} to {span.high:.2f})" if span else "-"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs") / "search_rules", help="where the runs lie")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so long")
    parser.add_argument("--table", action="store_true", help="print what the log holds")
    asked = parser.parse_args()
    if asked.table:
        table(read(asked.log))
    else:
        main(asked.log, asked.runs, asked.minutes)
