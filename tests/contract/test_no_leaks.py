"""No shipped world's prompt tells the answer: no reward's terms, no info keys, no success, no human-written reward."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from pathlib import Path

import pytest

from designer.bundle import bundle_root
from designer.environments import environment_python
from designer.prompts import Prompts
from designer.records import StateTable

ENVS = bundle_root() / "envs"
IDS = (
    *sorted(path.parent.name for path in ENVS.glob("*/env.py")),
    *("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "LunarLander-v3", "LunarLanderContinuous-v3"),
    *("BipedalWalker-v3", "Blackjack-v1", "FrozenLake-v1", "CliffWalking-v1", "Taxi-v4", "MiniGrid-DoorKey-6x6-v0"),
    *("metaworld/reach-v3", "metaworld/drawer-open-v3", "metaworld/button-press-v3", "metaworld/door-open-v3"),
)
TELL_TALES = ("reward", "success", "ctrl_cost", "control_cost", "healthy", "weight", "penalty", "bonus", "fitness")
DESCRIBE = """
import json, sys
from gymnasium.spaces import Box
from envs import worlds
from envs.gymnasium_world import GymnasiumWorld
from envs.tables import shipped_table
from sandbox.describe import table
found = []
class Sawyer:  # Meta-World lives in another environment: its spaces, with the table that we ship
    observation_space, action_space = Box(-1.0, 1.0, (39,)), Box(-1.0, 1.0, (4,))
    metadata, spec, unwrapped = {}, None, None

for name in json.loads(sys.argv[1]):
    away = name.startswith(worlds.METAWORLD)
    world = GymnasiumWorld(name, Sawyer, shipped_table(name), 1, gymnasium_id=name) if away else worlds.make(name, 1)
    spec = world.spec
    zeros = {f.name: {"low": [0.0] * max(1, len(f.components)), "high": [0.0] * max(1, len(f.components))} for f in spec.fields}
    found.append(table(spec, worlds.native_folder(name) or name, zeros, "nothing"))
print()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def tables() -> dict[str, StateTable]:
    python = environment_python("native")
    variables = {**os.environ, "PYTHONPATH": str(bundle_root()), "SDL_VIDEODRIVER": "dummy"}
    ended = subprocess.run(
        [python, "-c", DESCRIBE, json.dumps(IDS)], env=variables, capture_output=True, text=True, check=True, timeout=120
    )
    told = json.loads(ended.stdout.splitlines()[-1])
    return {name: StateTable.model_validate(table) for name, table in zip(IDS, told, strict=True)}


@pytest.mark.parametrize("name", IDS)
def test_a_worlds_prompt_tells_nothing_of_its_reward(name: str, tables: dict[str, StateTable]):
    table = tables[name]
    prompt = f"{table.summary} {Prompts(bundle_root() / 'prompts').render('_state_table.j2', table=table)}".lower()
    assert [word for word in TELL_TALES if word in prompt] == []


@pytest.mark.parametrize("path", sorted(ENVS.glob("*/human.py")), ids=lambda path: path.parent.name)
def test_no_term_of_a_human_reward_is_a_fields_name(path: Path, tables: dict[str, StateTable]):
    terms = {
        key.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
    table = tables.get(path.parent.name)
    assert terms
    assert table is None or not terms & set(table.by_name)
