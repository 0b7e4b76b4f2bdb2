"""A small run for tests of the host: a made-up table, a tiny config, nothing trained."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from designer.config import Config
from designer.records import Expression, Function, Task
from designer.runs import Run, create
from tests.designer.cheetah_table import cheetah_table

NOW = datetime(2026, 11, 24, 9, 30)
TINY: Mapping[str, Any] = {
    "search": {
        **{"rounds": 2, "population": 3, "cut": 0.5, "confirm": 1, "confirm_seeds": 2},
        **{"finalists": 2, "final_seeds": 2},
    },
    "training": {"steps": 1000},
    "evaluation": {"episodes": 2, "checkpoints": 2, "checkpoint_episodes": 1},
    "clips": False,
    "llm": {"critic": 0, "analyst": False},
}
GOOD = """import torch
from torch import Tensor


def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    weight = {weight}
    return {{"run": -weight * s.torso_velocity[:, 0], "effort": -0.1 * a.square().sum(-1)}}
"""


def task(**changes: object) -> Task:
    tree = {"call": "mean", "of": {"minus": {"field": "torso_velocity", "component": "x"}}}
    made = Task(
        name="half_cheetah_backward",
        text="Make the half-cheetah run backward.",
        world="half_cheetah",
        fitness=Expression(text="mean(-torso_velocity[x])", tree=tree),
        fitness_origin="given",
        fitness_unit="m/s",
        human=Function(file="human.py", name="backward", source=GOOD.format(weight=1.0).replace("reward", "backward")),
        steps=500_000,
    )
    return made.model_copy(update=changes)


def config(**changes: Mapping[str, Any]) -> Config:
    """A tiny config; a section given here is merged over it."""
    sections = {name: {**TINY[name], **changes.pop(name, {})} for name in ("search", "training", "evaluation", "llm")}
    return Config.model_validate({**TINY, **sections, **changes})


def small_run(parent: Path, **changes: Mapping[str, Any]) -> Run:
    """Make a run folder in `parent`."""
    return create(parent, task(), cheetah_table(), config(**changes), NOW)


def reply(weight: float) -> str:
    """What a model would answer: prose and one fenced file."""
    return f"```python\n{GOOD.format(weight=weight)}```\nWhy: speed pays.\nExpects: it runs.\n"
