"""A user's own package called `envs` and ours live in one process, each found by those who mean it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.worker

ROOT = Path(__file__).parents[2]
THING = """
import gymnasium
import numpy as np
from envs.state import TELLS  # theirs, though ours has a module of that name too

class Thing(gymnasium.Env):
    observation_space, action_space = gymnasium.spaces.Box(-1, 1, (2,)), gymnasium.spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2), {}

    def step(self, action):
        from envs import later  # found after the import too
        return np.full(2, later.VALUE), 0.0, False, False, {}
"""
REGISTER = (
    "import gymnasium\nfrom envs.thing import Thing\ngymnasium.register('Thing-v0', entry_point=Thing, max_episode_steps=5)\n"
)
TRY = """
from envs import worlds
from envs.state import StateField
import numpy as np
world = worlds.make("envs:Thing-v0", 2)
world.reset([0])
print(world.step(np.zeros((2, 1))).observation.tolist())
import envs.state, envs.mujoco_world
print(envs.state.StateField is StateField, hasattr(envs.state, "TELLS"), worlds.make("hopper", 1).spec.name)
"""


def test_an_installed_package_called_envs_is_found_by_its_ids(tmp_path):
    package = tmp_path / "envs"
    package.mkdir()
    for name, text in {"thing": THING, "state": "TELLS = 1\n", "later": "VALUE = 0.5\n", "__init__": REGISTER}.items():
        (package / f"{name}.py").write_text(text)
    variables = {"PYTHONPATH": f"{ROOT}:{tmp_path}:{':'.join(path for path in sys.path if 'site-packages' in path)}"}
    ended = subprocess.run([sys.executable, "-c", TRY], env=variables, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-2:] == ["[[0.5, 0.5], [0.5, 0.5]]", "True False hopper"]
