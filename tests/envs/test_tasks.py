"""Every shipped task names things that exist: fields, components, and functions in its world's files."""

import ast
import importlib
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from envs import worlds
from envs.spaces import Part
from envs.state import State
from envs.tables import NUMBERS, shipped_table

pytestmark = pytest.mark.worker

KEYS = {"text", "fitness", "fitness_unit", "human", "human_origin", "solved_at", "steps"}
OPTIONAL_KEYS = {"success", "sparse", "world", "trap", "held_out", "left", "training"}
EXPRESSION_FUNCTIONS = {"mean", "mean_limit", "abs"}
ENVS = Path(worlds.__file__).parent
TASKS = [(path.parent.parent.name, path) for path in sorted(ENVS.glob("*/tasks/*.toml"))]

every_task = pytest.mark.parametrize(("world", "path"), TASKS, ids=[f"{world}_{path.stem}" for world, path in TASKS])


def test_every_native_world_has_a_task():
    assert {world for world, _ in TASKS} >= set(worlds.NATIVE)


def test_the_suite_is_large_enough_and_has_traps():
    read = [tomllib.loads(path.read_text()) for _, path in TASKS]
    suite = [task for task in read if "left" not in task]
    assert len(suite) >= 20
    assert sum("trap" in task for task in suite) >= 4
    assert sum(task.get("held_out", False) for task in read) >= 3


@every_task
def test_a_task_has_the_keys_it_needs_and_no_others(world, path):
    task = tomllib.loads(path.read_text())
    assert set(task) >= KEYS
    assert set(task) <= KEYS | OPTIONAL_KEYS
    assert task["text"].endswith(".")
    assert task["steps"] > 0


@every_task
def test_a_tasks_measures_and_human_reward_exist(world, path):
    task = tomllib.loads(path.read_text())
    for key in ("fitness", "success", "sparse", "human", "trap"):
        measure = task.get(key)
        if measure is None:
            continue
        file, separator, function = measure.partition(":")
        if separator:
            module = importlib.import_module(f"envs.{world}.{file.removesuffix('.py')}")
            assert callable(getattr(module, function))
        else:
            assert key not in ("human", "trap")
            check_names(measure, task.get("world", world))


def check_names(expression, world):
    fields = {field.name: field for field in worlds.make(world, 1).spec.fields}
    for node in ast.walk(ast.parse(expression, mode="eval")):
        if isinstance(node, ast.Subscript):
            assert node.slice.id in fields[node.value.id].components
    names = {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}
    components = {name for field in fields.values() for name in field.components}
    assert names - components - EXPRESSION_FUNCTIONS <= set(fields)


def some_transitions(world):
    """Return a state of three worlds and the action before it; of Meta-World made-up numbers in its table."""
    if world.startswith(worlds.METAWORLD):
        fields = {field.name: field for field in shipped_table(world).fields([Part("", 0, 39, 0)])}
        raw = {NUMBERS: np.random.default_rng(0).uniform(-1, 1, (3, 39)), "time": np.zeros(3)}
        before = State(fields, raw, raw["time"], 0.0)
        return State(fields, raw, raw["time"], 0.0, before), torch.zeros(3, 4)
    made = worlds.make(world, 3)
    made.reset([0])
    step = made.step(made.spec.random_actions(np.random.default_rng(0), 3))
    return step.state, torch.as_tensor(step.action, dtype=torch.float32)


@every_task
def test_a_tasks_rewards_pay_every_world_a_finite_number(world, path):
    task = tomllib.loads(path.read_text())
    state, action = some_transitions(task.get("world", world))
    for key in ("human", "trap"):
        if key in task:
            function = task[key].partition(":")[2]
            terms = getattr(importlib.import_module(f"envs.{world}.human"), function)(state, action)
            for name, term in terms.items():
                assert term.shape == (3,), name
                assert torch.isfinite(term).all(), name
