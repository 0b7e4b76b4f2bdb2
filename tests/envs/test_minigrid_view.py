"""What a MiniGrid agent sees here is what MiniGrid says that it sees."""

import gymnasium
import minigrid  # noqa: F401 - it registers its worlds
import numpy as np
import pytest
from minigrid.minigrid_env import MiniGridEnv

from envs.minigrid_world import GridVector

pytestmark = pytest.mark.worker


@pytest.mark.parametrize(
    "name",
    ["DoorKey-8x8", "MultiRoom-N4-S5", "KeyCorridorS3R2", "Dynamic-Obstacles-6x6", "Fetch-8x8-N3", "BlockedUnlockPickup"],
)
def test_view_is_minigrids_own_number_by_number(name):
    world = GridVector(gymnasium.make(f"MiniGrid-{name}-v0", disable_env_checker=True))
    grid, generator = world.unwrapped, np.random.default_rng(1)
    world.reset(seed=3)
    for step in range(400):
        own = MiniGridEnv.gen_obs(grid)
        seen = grid.gen_obs()
        assert seen["direction"] == own["direction"]
        assert seen["mission"] == own["mission"]
        np.testing.assert_array_equal(seen["image"], own["image"])
        assert seen["image"].dtype == own["image"].dtype
        _, _, terminated, truncated, _ = world.step(int(generator.integers(0, 6)))
        if terminated or truncated:
            world.reset(seed=step)


def test_world_with_a_view_of_its_own_keeps_it():
    class Blind(MiniGridEnv):
        def gen_obs(self):
            return {**super().gen_obs(), "image": np.zeros((7, 7, 3), dtype=np.uint8)}

        def _gen_grid(self, width, height):
            from minigrid.core.grid import Grid

            self.grid, self.agent_pos, self.agent_dir, self.mission = Grid(width, height), (1, 1), 0, "wait"

    from minigrid.core.mission import MissionSpace

    world = GridVector(Blind(mission_space=MissionSpace(lambda: "wait"), grid_size=5, max_steps=9))
    observation, _ = world.reset(seed=1)
    assert not observation["view"].any()
