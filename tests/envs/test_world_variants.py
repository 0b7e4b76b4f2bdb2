"""Worlds that declare variants: MiniGrid's sizes, and a user's own file; what is declared wrongly is told in one sentence."""

import numpy as np
import pytest

from envs import worlds
from envs.errors import WorldError
from envs.tables import WorldTable, shipped_table

pytestmark = pytest.mark.worker

FAMILIES = shipped_table("MiniGrid-Empty-5x5-v0").content["variants"]
FILE = """
import gymnasium
import numpy as np


class Line(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-9, 9, (1,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def __init__(self, length=2.0):
        self.length = length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.uniform(0.0, 0.1)
        return np.array([self.place]), {}

    def step(self, action):
        self.place += 0.5
        return np.array([self.place]), 0.0, self.place > self.length, False, {}


def make(length=2.0):
    return Line(length)
"""
DECLARED = 'VARIANTS = {"short": {"length": 1.0}, "long": {"length": 4.0}}\n'


@pytest.fixture
def line(tmp_path, monkeypatch):
    def written(declared: str):
        (tmp_path / "line.py").write_text(FILE + declared)
        return worlds.make("user_world/line.py:make", 3)

    monkeypatch.setattr(worlds, "_user_root", lambda: tmp_path)
    return written


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family[0])
def test_a_family_of_grids_is_alike_for_every_policy(family):
    world = worlds.make(family[-1], len(family))
    assert set(world.variants) == set(family)
    assert world.variants[0] == family[-1]
    world.vary(world.variants, lambda row: row)
    assert world.reset([0]).shape == (len(family), world.spec.observation_dim)
    step = world.step(np.full((len(family), 1), 2.0))
    assert step.state.agent_position.shape == (len(family), 2)


def test_every_size_of_a_grid_keeps_its_own_time_limit():
    world = worlds.make("MiniGrid-Empty-8x8-v0", 2)
    assert world.spec.episode_steps == 256
    world.vary(("MiniGrid-Empty-8x8-v0", "MiniGrid-Empty-5x5-v0"), lambda row: row)
    world.reset([0])
    ends = [world.step(np.zeros((2, 1))).truncated.tolist() for _ in range(256)]
    assert [t for t, (own, _) in enumerate(ends, 1) if own] == [256]
    assert [t for t, (_, small) in enumerate(ends, 1) if small] == [100, 200]
    assert world.spec.episode_steps == 256


def test_a_world_that_declares_nothing_has_itself_alone():
    assert worlds.make("CartPole-v1", 1).variants == ("CartPole-v1",)
    assert not hasattr(worlds.make("pendulum", 1), "vary")


def test_a_users_file_declares_variants_as_keywords_of_what_makes_its_world(line):
    world = line(DECLARED)
    assert world.variants == ("own", "short", "long")
    world.vary(world.variants, lambda row: row)
    world.reset([0])
    ends = np.array([world.step(np.zeros((3, 1))).terminated for _ in range(8)])
    assert (ends.argmax(axis=0) + 1).tolist() == [4, 2, 8]


@pytest.mark.parametrize("declared", ["VARIANTS = 3", 'VARIANTS = {"own": {}}', 'VARIANTS = {"a": 2.0}', "VARIANTS = {1: {}}"])
def test_what_is_declared_wrongly_is_told(line, declared):
    with pytest.raises(WorldError, match="VARIANTS must be a dict"):
        line(declared)


def test_keywords_that_make_nothing_are_told(line):
    world = line('VARIANTS = {"odd": {"width": 1.0}}')
    with pytest.raises(WorldError, match=r"odd raised while it was made.*width"):
        world.vary(("own", "odd"), lambda row: 0)


def test_a_table_lists_families():
    table = WorldTable("state.toml", {"variants": [["A-v0", "B-v0"], ["C-v0"]]})
    assert (table.family("B-v0"), table.family("C-v0"), table.family("D-v0")) == (["A-v0"], [], [])
    with pytest.raises(WorldError, match="variants must be lists of ids"):
        WorldTable("state.toml", {"variants": ["A-v0"]}).family("A-v0")
