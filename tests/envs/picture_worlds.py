"""Worlds that show pictures, for the tests of the trainer that can look at them. Importing it registers them with gymnasium."""

import gymnasium
import minigrid
import numpy as np
from gymnasium import spaces

gymnasium.register_envs(minigrid)


class PictureAndPlace(gymnasium.ObservationWrapper):
    """A MiniGrid world as what the agent sees of it and where it is."""

    def __init__(self) -> None:
        super().__init__(gymnasium.make("MiniGrid-Empty-5x5-v0", disable_env_checker=True))
        pixels, place = spaces.Box(0, 255, (7, 7, 3), np.uint8), spaces.Box(0, 5, (3,))
        self.observation_space = spaces.Dict({"place": place, "picture": pixels})

    def observation(self, observation):
        world = self.env.unwrapped
        return {"place": np.array([*world.agent_pos, world.agent_dir], dtype=np.float32), "picture": observation["image"]}


class PictureAlone(gymnasium.ObservationWrapper):
    """The same without a number."""

    def __init__(self) -> None:
        super().__init__(PictureAndPlace())
        self.observation_space = spaces.Box(0, 255, (7, 7, 3), np.uint8)

    def observation(self, observation):
        return observation["picture"]


for made in (PictureAndPlace, PictureAlone):
    gymnasium.register(f"{made.__name__}-v0", entry_point=made, max_episode_steps=20)
