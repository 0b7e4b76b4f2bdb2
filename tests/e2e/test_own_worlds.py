"""A user's own world that is wrong: one sentence, before anything is trained; what has begun can go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import TINY, designer, only_run

WORLD = """
import gymnasium
import numpy as np

class Odd(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-9, 9, (1,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return np.zeros(1), {}

    def step(self, action):
        self.count += 1
        STEP
        return np.full(1, 0.1 * self.count), 0.0, self.count >= 20, False, {}

make = Odd
"""
FOLDER_WORLD = """
from pathlib import Path
import mujoco

def World(num_envs, num_threads, dtype):
    return mujoco.MjModel.from_xml_path(str(Path(__file__).parent / "arm.xml"))
"""
WRONG_SHAPE = "def judge(t):\n    return t.obs.sum(axis=2)\n"


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("raise RuntimeError('the motor is gone')", "raised in step: RuntimeError: the motor is gone"),
        ("return np.full(1, np.nan), 0.0, False, False, {}", "gave an observation that is not finite: entry 0"),
        ("return np.zeros(3), 0.0, False, False, {}", "gave 3 numbers, not the 1 of its space"),
    ],
)
def test_a_world_that_fails_in_a_step_is_told_before_any_training(tmp_path: Path, step: str, told: str) -> None:
    (tmp_path / "odd.py").write_text(WORLD.replace("STEP", step))
    ended = designer("run", "do it", "--env", "odd.py:make", "--fitness", "mean(obs[0])", *TINY, cwd=tmp_path)
    assert ended.code == 2
    assert told in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("inside", ['<geom type="ball"/>', "<geom>"])
def test_an_mjcf_that_does_not_compile_is_told(tmp_path: Path, inside: str) -> None:
    (tmp_path / "arm").mkdir()
    (tmp_path / "arm" / "world.py").write_text(FOLDER_WORLD)
    (tmp_path / "arm" / "arm.xml").write_text(f"<mujoco><worldbody>{inside}</worldbody></mujoco>")
    ended = designer("describe", "arm", cwd=tmp_path)
    assert ended.code == 2
    assert "the world user_world/arm can't be built: ValueError" in ended.err
    assert "ball" in ended.err or "geom" in ended.err
    assert ended.err.count("\n") == 1


def test_a_world_that_fails_while_it_trains_is_named_and_the_run_can_go_on(tmp_path: Path) -> None:
    late = "Odd.total = getattr(Odd, 'total', 0) + 1\n        if Odd.total > 4000: raise RuntimeError('the belt slipped')"
    (tmp_path / "odd.py").write_text(WORLD.replace("STEP", late))
    ended = designer("run", "do it", "--env", "odd.py:make", "--fitness", "mean(obs[0])", *TINY, cwd=tmp_path)
    again = designer("run", only_run(tmp_path / "runs"), cwd=tmp_path)
    for each in (ended, again):
        assert each.code == 2
        assert "raised in step: RuntimeError: the belt slipped" in each.err
        assert "Is the fitness right?" not in each.err


def test_an_unknown_id_gets_the_closest_names(tmp_path: Path) -> None:
    ended = designer("describe", "LunarLandr-v3", cwd=tmp_path)
    assert ended.code == 2
    assert "Did you mean LunarLander-v3" in ended.err


def test_a_fitness_of_the_wrong_shape_is_told_and_the_run_can_go_on(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(WORLD.replace("STEP", "pass"))
    (tmp_path / "judge.py").write_text(WRONG_SHAPE)
    ended = designer("run", "do it", "--env", "odd.py:make", "--fitness", "judge.py:judge", *TINY, cwd=tmp_path)
    assert ended.code == 2
    assert told_by_a_judge(ended.err)
    assert "shape" in ended.err or "numbers" in ended.err or "one number an episode" in ended.err
    again = designer("run", only_run(tmp_path / "runs"), cwd=tmp_path)
    assert again.code == 2
    assert told_by_a_judge(again.err)


def told_by_a_judge(error: str) -> bool:
    """Say whether an error names the fitness: the box that scores with it and the one that trains on it run side by side."""
    scored, trained = "the fitness judge.py:judge failed", "training on the fitness itself failed: judge.py:judge returned"
    return scored in error or trained in error


def test_a_folder_with_a_package_called_envs_has_its_own_and_ours(tmp_path: Path) -> None:
    (tmp_path / "rig" / "envs").mkdir(parents=True)
    (tmp_path / "rig" / "envs" / "__init__.py").write_text("")
    (tmp_path / "rig" / "envs" / "robot.py").write_text(WORLD.replace("STEP", "pass"))
    (tmp_path / "rig" / "world.py").write_text("from envs.robot import make\nfrom envs.mujoco_world import MujocoWorld\n")
    ended = designer("describe", "rig", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "s.obs" in ended.out
