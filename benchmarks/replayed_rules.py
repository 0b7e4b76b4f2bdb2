"""Compare search rules at equal trainings over stored trainings: what `cut.py` trained is the pool, and nothing is trained.

    .venv/bin/python -m benchmarks.replayed_rules RUNS_FOLDER [ORDERS]

Every rule sees the same candidates in the same orders. Picked: the mean of all stored seeds of what it chose, as a share of the
best in the pool. Gap: what it claimed less that. A rule with several finalists picks the better of them by all stored seeds, as
finals would. This compares how rules spend trainings, not how they breed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean

from designer.config import SearchConfig
from designer.runs import list_runs, open_run
from designer.search_replay import Pick, Pool, replayed
from designer.statistics import Interval, interval

SIZES = {
    "halving": {"population": 5, "confirm": 1, "finalists": 2},
    "halving, no cut": {"rule": "halving", "population": 4, "confirm": 1, "cut": 1.0, "finalists": 2},
    "greedy": {"population": 6, "finalists": 1},
    "best_of_n": {"population": 24, "finalists": 1},
    "bandit": {"population": 8, "finalists": 2},
}


def main(folder: Path, orders: int) -> None:
    """Print a row for each task and rule; intervals are over the orders, not over new trainings."""
    print("| task | rule | trainings | picked / best (95 %) | gap / best (95 %) |\n|---|---|---|---|---|")
    for task in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        archive = open_run(list_runs(folder / task)[-1]).archive()
        pool = Pool(archive)
        best = max(pool.truth(c.id) or 0.0 for c in pool.candidates)
        for name, sizes in SIZES.items():
            config = SearchConfig.model_validate({"rule": name, **sizes})
            picks = [replayed(archive, config, order) for order in range(1, orders + 1)]
            print(f"| {task} | {name} | {fmean(pick.units for pick in picks):.1f} | {_told(picks, best)} |", flush=True)


def _told(picks: list[Pick], best: float) -> str:
    sound = [(pick.claimed, pick.truth) for pick in picks if pick.claimed is not None and pick.truth is not None]
    picked, gap = (
        interval([truth / best for _, truth in sound]),
        interval([(claimed - truth) / best for claimed, truth in sound]),
    )
    return f"{_span(picked)} | {_span(gap)}"


def _span(span: Interval | None) -> str:
    return f"{span.mean:.2f} ({span.low:.2f} to {span.high:.2f})" if span else "-"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
