"""Room on the disk: how much a run may need, what may go when it gets tight, and a clean stop before there is none.

What goes first is what nothing needs to go on: checkpoints of trainings that went on or never will, then what judging left
behind for rewards that are not among the best. Code, replies, results and policies stay, whatever happens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from designer.archive import BASELINES, Archive
from designer.budget import planned_units
from designer.config import Config
from designer.errors import DiskError
from designer.files import disk_error
from designer.journal import Pruned
from designer.machine_settings import DiskConfig
from designer.records import StateTable, Task
from designer.workbench import ANALYSIS, CHECKPOINT, EXPLANATION

GB = 1024**3
LEAST_FILES = 500
"""A file system with fewer free entries counts as full: a round makes hundreds of small files."""
KEPT_BEST = 5
HIDDEN = 64
"""Units of each of a policy's two hidden layers, as `sandbox/ppo.py` makes them."""
FIXED_BYTES = 24 * 1024**2
"""The code's copy, the report, clips."""
A_TRAINING_BYTES = 500 * 1024
"""Checkpoint, analysed episodes, jobs and notes of one training on a small world: measured, rounded up."""
CHECKPOINTS, JUDGING = "checkpoints of trainings that are over", "what judging left of rewards that are not among the best"


class Room(NamedTuple):
    """What a file system has left for us."""

    free_bytes: int
    free_files: int | None


def room(folder: Path) -> Room:
    """Ask the file system. Raises DiskError."""
    try:
        found = os.statvfs(folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    return Room(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def forecast_bytes(task: Task, table: StateTable, config: Config, boxes: int) -> int:
    """Return what a run may add to the disk, at most: what stays of every training, and trajectories of the boxes at work."""
    baselines = int(task.human is not None) + int(task.fitness is not None)
    trainings = planned_units(config.search.size, 1.0, baselines)
    actions = len(table.action.names)
    policy = 4 * (table.observation_dim * HIDDEN + HIDDEN * HIDDEN + HIDDEN * actions + 4 * HIDDEN)
    stays = trainings * (A_TRAINING_BYTES + 2 * config.evaluation.checkpoints * policy)
    numbers = sum(max(1, len(field.low)) for field in table.fields) + actions
    episodes = config.evaluation.episodes + (config.evaluation.checkpoints - 1) * config.evaluation.checkpoint_episodes
    trajectories = 8 * numbers * table.episode_steps * episodes * config.search.final_seeds
    return int(FIXED_BYTES + stays + boxes * trajectories)


def warning(needed_bytes: int, free: Room, config: DiskConfig) -> str:
    """Say that a run may not fit, or ""."""
    usable = free.free_bytes - config.reserve_gb * GB
    if needed_bytes <= usable:
        return ""
    acts = "prunes what it can spare, then stops and can be gone on with" if config.prune else "stops and can be gone on with"
    return (
        f"this run may need {_told(needed_bytes)}; the disk has {_told(free.free_bytes)} free, of which "
        f"{_told(config.reserve_gb * GB)} stay so (disk.reserve_gb). Where it gets tight the run {acts}."
    )


class DiskGuard:
    """Looks at the disk of one run: prunes below twice the reserve, stops the run below it."""

    def __init__(self, folder: Path, config: DiskConfig, ask: Callable[[Path], Room] = room) -> None:
        self._folder = folder
        self._config = config
        self._ask = ask
        self._pruned_at = -1

    def look(self, archive: Archive) -> Iterator[Pruned]:
        """Remove what may go where it is tight; each kind removed is told. Raises DiskError where too little is left."""
        reserve = self._config.reserve_gb * GB
        found = self._ask(self._folder)
        if self._config.prune and found.free_bytes < 2 * reserve and self._pruned_at != len(archive.trials):
            self._pruned_at = len(archive.trials)  # nothing more can be spared before another training is done
            yield from self._prune(archive)
            found = self._ask(self._folder)
        scarce_files = found.free_files is not None and found.free_files < LEAST_FILES
        if found.free_bytes < reserve or scarce_files:
            what = f"{found.free_files} more files" if scarce_files else _told(found.free_bytes)
            raise DiskError(
                f"the disk of {self._folder} has room for {what} only, and a run leaves {_told(reserve)} free "
                "(disk.reserve_gb). It stopped before the disk was full. Free some space."
            )

    def _prune(self, archive: Archive) -> Iterator[Pruned]:
        for what, files in ((CHECKPOINTS, spare_checkpoints), (JUDGING, spare_judging)):
            if self._ask(self._folder).free_bytes >= 2 * self._config.reserve_gb * GB:
                return
            sizes = [size for path in files(archive, self._folder) if (size := _removed(path)) is not None]
            if sizes:
                yield Pruned(what=what, files=len(sizes), freed_bytes=sum(sizes))


def spare_checkpoints(archive: Archive, folder: Path) -> Iterator[Path]:
    """List the checkpoints that no training goes on from: it went on already, its round is over, or the search is.

    A training that is recorded and may still go on keeps its own.
    """
    newest = max(archive.rounds, default=0)
    finals = archive.finished is not None or any(trial.purpose == "final" for trial in archive.trials.values())
    for trial in archive.trials.values():
        over = finals or trial.is_whole or (trial.candidate in archive.candidates and _round(archive, trial.candidate) < newest)
        if over or trial.candidate in BASELINES:
            yield from sorted((folder / trial.folder).parent.glob(f"{trial.purpose}-*/train/{CHECKPOINT}"))


def spare_judging(archive: Archive, folder: Path) -> Iterator[Path]:
    """List what judging left, of rewards that are recorded and not among the best: episodes, and what was made of them."""
    best = {candidate.id for candidate in archive.ranked()[:KEPT_BEST]}
    best |= {archive.finished.winner} if archive.finished and archive.finished.winner else set()
    newest = max(archive.rounds, default=0)
    for name in archive.candidates:
        if name not in best and _round(archive, name) < newest:
            place = folder / "candidates" / name
            yield from sorted(place.glob(f"*/{ANALYSIS}/*.safetensors"))
            yield from sorted(place.glob(f"*/{EXPLANATION}/*.safetensors"))
            yield from sorted([*place.glob("audit/*.safetensors"), *place.glob("compare/job.json")])


def _round(archive: Archive, candidate: str) -> int:
    return archive.candidates[candidate].round


def _removed(path: Path) -> int | None:
    """Remove a file and return its size; None where it was gone already, or can't be removed."""
    try:
        found = path.lstat()
        path.unlink()
    except OSError:
        return None
    return found.st_size if found.st_nlink == 1 else 0


def _told(amount: float) -> str:
    return f"{amount / GB:.1f} GB" if amount >= GB else f"{amount / 1024**2:.0f} MB"
