"""What every job of a run shares: the task, the world's table, the settings, the executor, and where files lie."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from designer.baselines import BaselineCache
from designer.config import Config
from designer.executors import Executor, Limits
from designer.records import StateTable, Task
from designer.search import Batch
from designer.variants import Schedule

PAUSED = "-to"
ANALYSIS, EXPLANATION = "analyse", "explain"
POLICY, TRAJECTORIES, CHECKPOINT = "policy.safetensors", "trajectories.safetensors", "checkpoint.safetensors"
CURVES = "curves.jsonl"
EPISODES = "episodes.safetensors"
SIGNATURE = "signature.json"
TRAJECTORIES_BYTES = 1024**3


class Workbench(NamedTuple):
    """What every trial of a run shares."""

    task: Task
    table: StateTable
    config: Config
    executor: Executor
    folder: Path
    cache: BaselineCache | None = None
    """Where baselines are kept for other runs."""
    analyses: bool = False
    """Whether the judging episodes of every whole search training are looked into: see `evidence.py`."""
    screens: bool = False
    """Whether candidates are compared and audited before their first training: see `screening.py`."""
    schedule: Schedule | None = None
    """What an earlier winner's training played of the world's variants, where this run is to be steered by it."""

    def limits(self, cpu_s: float, output_bytes: int = TRAJECTORIES_BYTES) -> Limits:
        return limits_by(self.config, cpu_s, output_bytes)


def limits_by(config: Config, cpu_s: float, output_bytes: int = TRAJECTORIES_BYTES) -> Limits:
    """Return what a box may use by these settings, given its CPU time [s]."""
    memory = int(config.executor.memory_gb * 1024**3)
    return Limits(cpu_s=int(cpu_s), wall_s=60 + 4 * cpu_s, memory_bytes=memory, output_bytes=output_bytes)


def batch_folder(batch: Batch) -> str:
    """Return where a batch's files lie, relative to the run."""
    first, last = batch.seeds[0], batch.seeds[-1]
    seeds = f"s{first}" if first == last else f"s{first}-{last}"
    paused = "" if batch.until >= 1 else f"{PAUSED}{100 * batch.until:g}"
    return f"candidates/{batch.candidate}/{batch.purpose}-{seeds}{paused}"
