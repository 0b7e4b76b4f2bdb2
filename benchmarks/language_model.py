"""What a language model's runs came to, beside the composer's: fitness, executable share, calls, what the judges did.

python -m benchmarks.language_model RUN [RUN ...]
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from designer import __version__
from designer.archive import HUMAN, Archive
from designer.records import Status
from designer.runs import Run, open_run
from designer.spending import spending
from designer.statistics import mean

COLUMNS = (
    "task", "proposer", "trainings", "best search score", "winner, mean of final seeds", "human", "executable at once",
    "after repair", "sent back by the critic", "analyst's claims (confirmed)", "calls", "about tokens", "cost",
)  # fmt: skip


def row(run: Run) -> list[str]:
    """Sum up one run."""
    archive = run.archive()
    verdicts = list(archive.verdicts.values())
    at_once = sum(v.status is Status.OK and not v.repairs for v in verdicts)
    sound = sum(v.status is Status.OK for v in verdicts)
    confirmed = sum(len(review.remarks) for review in archive.reviews.values())
    dropped = sum(review.dropped for review in archive.reviews.values())
    spent = spending(archive.calls_started, archive.calls)
    best = archive.ranked()[0].id
    winner = archive.finished.winner if archive.finished else None
    return [
        f"{run.task.name} ({run.task.steps:,} steps)",
        archive.started.proposer if archive.started else "",
        str(len(archive.trials)),
        f"{archive.search_score(best):.3g}",
        f"{winner}: {scores(archive, winner)}" if winner else "none",
        scores(archive, HUMAN),
        f"{at_once} of {len(verdicts)}",
        f"{sound} of {len(verdicts)}",
        str(sum(bool(v.criticised) for v in verdicts)),
        f"{confirmed + dropped} ({confirmed})",
        str(spent.calls),
        f"{spent.about_tokens:,}",
        "unknown" if spent.calls and spent.cost is None else f"{spent.cost or 0:.3g}",
    ]


def scores(archive: Archive, name: str) -> str:
    """Return the mean of a name's final seeds with their spread."""
    found = archive.final_scores(name)
    middle = mean(found)
    return "-" if middle is None else f"{middle:.3g} ({min(found):.3g} to {max(found):.3g}, {len(found)} seeds)"


def main(folders: list[str]) -> None:
    print(f"designer {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for folder in folders:
        print(f"| {' | '.join(row(open_run(Path(folder))))} |")


if __name__ == "__main__":
    main(sys.argv[1:])
