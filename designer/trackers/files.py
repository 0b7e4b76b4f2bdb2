"""The tracker that is always there: `metrics.jsonl` (all points) and `metrics.csv` (the numbers) in the run's folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import IO

from designer.trackers import Point, TrackedRun

JSONL, CSV = "metrics.jsonl", "metrics.csv"
COLUMNS = ("number", "at", "series", "tag", "axis", "step", "value")


class Files:
    """Writes both files anew from the journal in every session, so that no point is in them twice. Implements `Tracker`."""

    def begin(self, run: TrackedRun) -> int:
        self._jsonl: IO[str] = open(run.folder / JSONL, "w", encoding="utf-8")  # noqa: SIM115  closed by `end`
        self._csv: IO[str] = open(run.folder / CSV, "w", encoding="utf-8", newline="")  # noqa: SIM115
        csv.writer(self._csv).writerow(COLUMNS)
        return 0

    def track(self, points: Sequence[Point]) -> None:
        rows = [{name: getattr(point, name) for name in COLUMNS} for point in points]
        self._jsonl.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        # Texts stay out of the table: a spreadsheet would run one that begins with "=".
        csv.writer(self._csv).writerows(row.values() for row in rows if not isinstance(row["value"], str))
        self._jsonl.flush()
        self._csv.flush()

    def end(self) -> None:
        self._jsonl.close()
        self._csv.close()
