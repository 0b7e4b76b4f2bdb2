"""Compare search rules at equal environment steps: whole runs, judged by their own finals. Resumable.

    .venv/bin/python -m benchmarks.search_rules LOG [RUNS_FOLDER]     goes on where LOG stops
    .venv/bin/python -m benchmarks.search_rules LOG --table           prints what LOG holds

Every line of LOG (JSON) is one finished run. Final fitness is scaled by the run's own baselines: 0 is the fitness itself as
reward, 1 the human-written reward; where they are closer than CLOSEST the raw differences are shown and not pooled.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from designer.archive import HUMAN, SPARSE
from designer.resampling import bootstrap, bootstrap_difference, interquartile_mean, probability_of_improvement
from designer.runs import list_runs, open_run
from designer.search.greedy import maximum
from designer.statistics import mean, reading

TASKS = ("half_cheetah_backward", "half_cheetah_forward", "hopper_forward", "ant_forward", "pendulum_swing_up")
SEEDS = (0, 1, 2)
STEPS = 150_000
# Halving: 2 x (5 halves, 2 second halves, 2 more seeds) = 11 trainings, and 2 baselines in round 1. The others have 12.
RULES = {
    "halving": ("--search.rounds", "2", "--search.population", "5", "--search.confirm", "1", "--search.finalists", "2"),
    "greedy": ("--search.rounds", "2", "--search.population", "6", "--search.finalists", "1"),
    "best_of_n": ("--search.rounds", "1", "--search.population", "12", "--search.finalists", "1"),
}
FINALS = ("--search.final_seeds", "5")
CLOSEST = 0.05


def main(log: Path, runs: Path) -> None:
    """Do the runs that the log lacks, one after the other, and append each as it ends."""
    done = {(row["task"], row["rule"], row["seed"]) for row in read(log)}
    for seed in SEEDS:
        for task in TASKS:
            for rule in RULES:
                if (task, rule, seed) not in done:
                    with log.open("a") as file:
                        file.write(json.dumps(one_run(task, rule, seed, runs / f"{task}-{rule}-{seed}")) + "\n")


def one_run(task: str, rule: str, seed: int, folder: Path) -> dict[str, Any]:
    """Run the command line once, or go on with a run that was stopped; return what it found."""
    designer = str(Path(sys.executable).with_name("designer"))
    begun = list_runs(folder)
    settings = ("--search.rule", rule, *RULES[rule], *FINALS, "--search.seed", str(seed), "--training.steps", str(STEPS))
    fresh = (task, "--runs", str(folder), *settings, "--clips", "false")
    command = [designer, "run", *((str(begun[-1]),) if begun else fresh)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
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


def table(rows: list[dict[str, Any]]) -> None:
    """Print final fitness, gap and share at or above human for each rule, and halving against each other rule."""
    finals: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    gaps: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    above: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        low, high, final = mean(row["sparse"]), mean(row["human"]), mean(row["final"])
        if low is None or high is None or final is None or abs(high - low) < CLOSEST * max(abs(high), abs(low)):
            print(f"left out, baselines tie or nothing was found: {row['task']} {row['rule']} seed {row['seed']}")
            continue
        finals[row["rule"]][row["task"]].append((final - low) / (high - low))
        gaps[row["rule"]][row["task"]].append((row["claimed"] - final) / abs(high - low))
        above[row["rule"]].append(final >= high)
    print("| rule | runs | final, IQM (95 %) | selection gap (95 %) | at or above human |\n|---|---|---|---|---|")
    for rule in finals:
        scores, gap = bootstrap(finals[rule], interquartile_mean), bootstrap(gaps[rule], lambda v: sum(v) / len(v))
        told = [f"{i.mean:.2f} ({i.low:.2f} to {i.high:.2f})" if i else "-" for i in (scores, gap)]
        print(f"| {rule} | {len(above[rule])} | {told[0]} | {told[1]} | {sum(above[rule])} |")
    for rule in finals:
        if rule != "halving":
            found = bootstrap_difference(finals["halving"], finals[rule])
            better = probability_of_improvement(finals["halving"], finals[rule])
            print(f"halving against {rule}: {reading(found)}, {found}; probability of improvement {better}")


if __name__ == "__main__":
    if "--table" in sys.argv:
        table(read(Path(sys.argv[1])))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path("runs") / "search_rules")
