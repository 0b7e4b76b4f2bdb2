"""How long trainings will take, by those before them: the longest is begun first, so that no slot waits long for the last one.

Only the order is decided by it, and no result depends on that. Several seeds in one box take less time than each in its own, so
the shortest of a reward's trainings is its pace.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from designer.archive import Archive
from designer.search import Batch, batch_units


def longest_first(archive: Archive, batches: Sequence[Batch]) -> list[Batch]:
    """Order trainings by how long each is expected to take; those of which nothing is known stay in order among themselves."""
    paces = {batch.candidate: pace_s(archive, batch.candidate) for batch in batches}
    known = [pace for pace in paces.values() if pace is not None]
    usual = fmean(known) if known else 1.0
    expected = {batch: batch_units(batch) * (paces[batch.candidate] or usual) for batch in batches}
    return sorted(batches, key=lambda batch: -expected[batch])


def pace_s(archive: Archive, candidate: str) -> float | None:
    """Return how long a whole training of this reward takes [s], or None where none of it was timed."""
    timed = [trial.wall_s / trial.until for trial in archive.trials_of(candidate, "search") if trial.wall_s > 0]
    return min(timed, default=None)
