"""Every shipped task names things that exist: fields, components, and functions in its world's files."""

import ast
import importlib
import tomllib

import pytest

from envs import worlds

pytestmark = pytest.mark.worker

KEYS = {"text", "fitness", "fitness_unit", "human", "human_origin", "solved_at", "steps"}
OPTIONAL_KEYS = {"success", "sparse"}
EXPRESSION_FUNCTIONS = {"mean", "mean_limit"}
TASKS = [(world, path) for world in worlds.NATIVE for path in sorted(worlds.folder(world).glob("tasks/*.toml"))]

every_task = pytest.mark.parametrize(("world", "path"), TASKS, ids=[f"{world}_{path.stem}" for world, path in TASKS])


def test_every_native_world_has_a_task():
    assert {world for world, _ in TASKS} == set(worlds.NATIVE)


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
    for key in ("fitness", "success", "sparse", "human"):
        measure = task.get(key)
        if measure is None:
            continue
        file, separator, function = measure.partition(":")
        if separator:
            module = importlib.import_module(f"envs.{world}.{file.removesuffix('.py')}")
            assert callable(getattr(module, function))
        else:
            assert key != "human"
            check_names(measure, world)


def check_names(expression, world):
    fields = {field.name: field for field in worlds.make(world, 1).spec.fields}
    for node in ast.walk(ast.parse(expression, mode="eval")):
        if isinstance(node, ast.Subscript):
            assert node.slice.id in fields[node.value.id].components
    names = {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}
    components = {name for field in fields.values() for name in field.components}
    assert names - components - EXPRESSION_FUNCTIONS <= set(fields)
