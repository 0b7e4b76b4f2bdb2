"""Real probes and the real comparison: a copy of a reward is found, whatever it is scaled, shifted or shaped by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from designer.assemble import describe_job
from designer.config import Config
from designer.environments import environment_python
from designer.executors.embedded import Embedded
from designer.executors.results import Signature, read_probed, read_table
from designer.proposing import probe_job
from designer.runs import stage_worker_code
from designer.screening import SAME, compare
from designer.workbench import Workbench
from tests.contract.test_result_schema import task

CONFIG = Config()
REWARD = """import torch

def reward(s, a):
    upright = s.rod_upright
    effort = -0.01 * a.square().sum(-1)
    return {{"upright": {scale} * upright + {shift}, "effort": {scale} * effort}}
{more}
"""
SHAPING = """
def potential(s):
    return {"shape": 3.0 * s.rod_upright + 0.02 * s.rod_angular_velocity.square()}
"""
COPIES = {
    "scaled": REWARD.format(scale=7.0, shift=0.0, more=""),
    "shifted": REWARD.format(scale=1.0, shift=-4.0, more=""),
    "shaped": REWARD.format(scale=1.0, shift=0.0, more=SHAPING),
}
OTHERS = {
    "negated": REWARD.format(scale=-1.0, shift=0.0, more=""),
    "another goal": "def reward(s, a):\n    return {'still': -s.rod_angular_velocity.square()}\n",
    "bent far from where random play goes": REWARD.format(scale=1.0, shift=0.0, more="").replace(
        "s.rod_upright\n", "s.rod_upright - 0.2 * s.rod_angular_velocity.abs().clamp(min=12.0)\n"
    ),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    folder = tmp_path_factory.mktemp("likeness")
    stage_worker_code(folder / "code")
    executor = Embedded(environment_python("native"), folder / "code")
    table = read_table(executor.run(describe_job("pendulum", CONFIG), folder / "describe", lambda _: None).content)
    return Workbench(task(table), table, CONFIG, executor, folder)


def signature(bench: Workbench, source: str, folder: Path) -> Signature:
    result = bench.executor.run(probe_job(source, bench.table, CONFIG), folder, lambda _: None)
    probed = read_probed(result.content)
    assert probed is not None, result.error
    assert probed.rewards is not None
    return probed.rewards


@pytest.fixture(scope="module")
def distances(bench: Workbench) -> dict[str, float]:
    """Return how far each variant is from the reward itself."""
    original = signature(bench, REWARD.format(scale=1.0, shift=0.0, more=""), bench.folder / "original")
    found = {}
    for name, source in {**COPIES, **OTHERS}.items():
        place = name.replace(" ", "-")
        compared = compare(bench, [original, signature(bench, source, bench.folder / place)], 1, f"compare-{place}")
        assert compared.nearest[0] is not None
        found[name] = compared.nearest[0].distance
    return found


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_the_same_reward(distances: dict[str, float], name: str) -> None:
    assert distances[name] < SAME, json.dumps(distances)


@pytest.mark.parametrize("name", OTHERS)
def test_another_reward_is_not(distances: dict[str, float], name: str) -> None:
    assert distances[name] > 2 * SAME, json.dumps(distances)


def test_the_opposite_reward_is_farthest(distances: dict[str, float]) -> None:
    assert distances["negated"] == pytest.approx(1, abs=0.01)
