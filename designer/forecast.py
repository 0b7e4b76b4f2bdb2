"""`designer plan`: how long a run will take, from a few seconds of real training."""

from __future__ import annotations

from collections.abc import Mapping

from designer.archive import HUMAN
from designer.assemble import scratch_box, slots
from designer.budget import final_units, planned_units
from designer.call_forecast import told_calls
from designer.config import Config
from designer.display import clock
from designer.errors import SandboxError
from designer.records import StateTable, Status, Task
from designer.search import Batch
from designer.trials import train
from designer.workbench import Workbench
from designer.world_source import WorldSource

PROBE_STEPS = 20_000
IDLE_REWARD = """import torch
from torch import Tensor


def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    return {"effort": -a.square().sum(-1)}
"""


def forecast(task: Task, table: StateTable, config: Config, world: WorldSource) -> str:
    """Train for PROBE_STEPS and extrapolate. Returns sentences for people."""
    speed, start_up_s = probe_speed(task, table, config, world)
    search, boxes = config.search, slots(config)
    baselines = int(task.human is not None) + int(task.fitness is not None)
    searched = search.rounds * search.population
    final = final_units(search.size, baselines)
    units = planned_units(search.size, search.cut, baselines)
    batches = searched * (1 + int(search.cut < 1)) + min(search.finalists, searched) + baselines
    seconds = (units * task.steps / speed + batches * start_up_s) / boxes
    return (
        f"{searched} candidates and {final} final trainings: at most {units:g} whole trainings of {task.steps:,} "
        f"environment steps, {units * task.steps:,.0f} steps.\n"
        f"Measured: {speed:,.0f} steps/s in one box, {start_up_s:.1f} s to start one; {boxes} at once"
        f"{'.' if boxes == 1 else ' (not measured together: memory and caches are shared).'}\n"
        f"Expected: about {clock(seconds)} of training, and up to a third more for playing and scoring the policies.\n"
        f"{told_calls(task, table, config)}"
    )


def probe_speed(task: Task, table: StateTable, config: Config, world: WorldSource) -> tuple[float, float]:
    """Return (environment steps a second, seconds to start a box), measured in one box."""
    speeds: list[float] = []

    def progress(numbers: Mapping[str, float]) -> None:
        speeds.append(numbers.get("steps_per_s", 0.0))

    short = task.model_copy(update={"steps": PROBE_STEPS})
    with scratch_box(config, world) as (executor, scratch):
        bench = Workbench(short, table, config, executor, scratch)
        name = HUMAN if task.human else "g00c00"
        result = train(bench, Batch(name, "search", (0,)), IDLE_REWARD, scratch / "train", progress)
    if result.status is not Status.OK or not speeds or not speeds[-1]:
        raise SandboxError(f"the trial training failed ({result.status}): {result.error}")
    return speeds[-1], max(0.1, result.wall_s - PROBE_STEPS / speeds[-1])
