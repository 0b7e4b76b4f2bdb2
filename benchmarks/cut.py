"""Does cutting at half of the training hold for PPO? Rank correlation of early scores with the final one. Resumable.

    .venv/bin/python -m benchmarks.cut RUNS_FOLDER              trains; stop it at any time, it goes on where it was
    .venv/bin/python -m benchmarks.cut RUNS_FOLDER --table      prints what is there

24 rewards of the composer x 4 seeds x 2 tasks, each trained to the end and judged on 20 episodes at every quarter. An early
score comes from one seed; the truth that it is held against is the mean final score of the other seeds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import fmean

from designer.archive import Archive
from designer.config import SearchConfig
from designer.records import Trial
from designer.runs import list_runs, open_run
from designer.search import Action, Advance, Batch, Propose, Stop
from designer.search.planning import fresh_slots, missing_slots, trainable
from designer.seeds import confirm_seeds, search_seed
from designer.statistics import interval, rank_correlation

STEPS = {"pendulum_swing_up": 100_000, "half_cheetah_backward": 80_000}
DESIGNS, SEEDS = 24, 4
EPISODES = 10
QUARTERS = (0.25, 0.5, 0.75, 1.0)
SETTINGS = (
    *("--search.rule", "benchmarks.cut:Designs", "--search.population", str(DESIGNS), "--evaluation.episodes", str(EPISODES)),
    *("--evaluation.checkpoints", "4", "--evaluation.checkpoint_episodes", str(EPISODES), "--clips", "false"),
)


class Designs:
    """Writes one round anew and trains each candidate on every seed, stacked in one box. Implements `Search`."""

    name = "designs x seeds"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        self._config = config
        self._seeds = (search_seed(config.seed), *confirm_seeds(config.seed, SEEDS - 1))

    def next(self, archive: Archive) -> Action:
        population = self._config.population
        missing = missing_slots(archive, 1, population, lambda _, round_: fresh_slots(round_, range(population)))
        if missing:
            return Propose(missing)
        untrained = [c.id for c in trainable(archive, archive.in_round(1)) if not archive.trials_of(c.id, "search")]
        if untrained:
            return Advance(tuple(Batch(name, "search", self._seeds) for name in untrained))
        return Stop("every design is trained on every seed", None)


def main(folder: Path) -> None:
    """Run each task, or go on with it."""
    for task, steps in STEPS.items():
        begun = list_runs(folder / task)
        fresh = (task, "--runs", str(folder / task), "--training.steps", str(steps), *SETTINGS)
        what = (str(begun[-1]),) if begun else fresh
        subprocess.run([sys.executable, "-m", "designer.cli", "run", *what], check=True)


def table(folder: Path) -> None:
    """Print, for each task and quarter, the mean correlation over the seeds that the early score may come from."""
    print("| task | designs | 25 % | 50 % | 75 % | 100 % |\n|---|---|---|---|---|---|")
    for task in STEPS:
        for run in list_runs(folder / task)[-1:]:
            archive = open_run(run).archive()
            curves = [archive.trials_of(name, "search") for name in archive.candidates]
            whole = [trials for trials in curves if len(trials) == SEEDS and all(trial.result for trial in trials)]
            cells = [_told([_held_against_others(whole, seed, q) for seed in range(SEEDS)]) for q in QUARTERS]
            print(f"| {task} | {len(whole)} | {' | '.join(cells)} |")


def _held_against_others(designs: list[list[Trial]], seed: int, fraction: float) -> float | None:
    """Correlate one seed's score at a share of the training with the mean final score of the other seeds."""
    early = [trials[seed].fitness_at(fraction) for trials in designs]
    truth = [fmean(t.scores[-1].fitness for k, t in enumerate(trials) if k != seed) for trials in designs]
    return rank_correlation([score for score in early if score is not None], truth)


def _told(found: list[float | None]) -> str:
    known = [value for value in found if value is not None]
    span = interval(known)
    return f"{span.mean:.2f} ({span.low:.2f} to {span.high:.2f})" if span else "-"


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs") / "cut"
    if "--table" in sys.argv:
        table(chosen)
    else:
        main(chosen)
