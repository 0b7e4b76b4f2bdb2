"""Weights & Biases: `--track wandb`, with the extra `wandb`. Off line unless the variable WANDB_MODE says `online`.

Off line nothing leaves the machine: what was tracked lies in the run's folder under `wandb/`, until a person sends it with
`wandb sync`. Sending a folder replaces the run of its name there, so each session leaves one that holds the whole run. On line
the service tells how much of the run it has.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from designer.trackers import Point, TrackedRun

MODE = "WANDB_MODE"
PROJECT = "designer"
LONGEST_ID = 64


class WeightsAndBiases:
    """One run there is one run here. Implements `Tracker`. Key, entity and project are wandb's own variables."""

    def begin(self, run: TrackedRun) -> int:
        """Open the run. Returns what the service has of it, or 0 off line, where the whole run is written anew."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # else the import itself reports its errors to its makers
        import wandb

        mode, name = os.environ.get(MODE, "offline"), run.name[-LONGEST_ID:]
        if mode == "offline":
            for earlier in (run.folder / "wandb").glob(f"offline-run-*-{name}"):
                shutil.rmtree(earlier, ignore_errors=True)
        self._run: Any = wandb.init(  # Any: an extra, whose types aren't there without it
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=name,
            name=run.name,
            notes=run.task,
            dir=str(run.folder),
            mode=mode,
            resume="allow" if mode == "online" else None,
            config=dict(run.settings),
            settings=_only_what_is_tracked(wandb),
        )
        self._axes: set[str] = set()
        return int(self._run.step) if mode == "online" else 0

    def track(self, points: Sequence[Point]) -> None:
        """Log a row for each place on an axis. Its step is the number of its last point."""
        for (axis, step, _), group in groupby(points, key=lambda point: (point.axis, point.step, point.series)):
            row = list(group)
            for point in row:
                if point.name not in self._axes:
                    self._axes.add(point.name)
                    self._run.define_metric(point.name, step_metric=axis)
            values = {point.name: point.value for point in row}
            self._run.log({**values, axis: step, "_timestamp": row[0].at}, step=row[-1].number, commit=True)

    def end(self) -> None:
        self._run.finish()


def _only_what_is_tracked(wandb: Any) -> Any:
    """Return settings under which wandb takes nothing by itself: no console, code, git, host, packages or load."""
    return wandb.Settings(
        silent=True,
        reinit="create_new",  # another run's tracker may be at work in this process
        console="off",
        save_code=False,
        disable_code=True,
        disable_git=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
