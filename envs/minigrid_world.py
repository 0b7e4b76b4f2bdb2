"""MiniGrid's worlds as vectors: what the agent sees, and the few facts of the grid that a task speaks of.

MiniGrid observes a small symbolic picture, a direction and a sentence. The sentence is left out (it says what the id says), and
what is told of the grid is where things are, never whether the mission is done.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.minigrid_view import quicken

THINGS = ("goal", "key", "door", "ball", "box")
LARGEST_CODE = 10.0
"""MiniGrid's codes of objects, colours and states are all at most this."""


class GridVector(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Shows a MiniGrid world as a Dict of vectors."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        quicken(env.unwrapped)
        spaces = env.observation_space
        assert isinstance(spaces, gymnasium.spaces.Dict)
        size = int(np.prod(spaces["image"].shape or ()))
        box, largest = gymnasium.spaces.Box, float(max(env.unwrapped.width, env.unwrapped.height))  # type: ignore[attr-defined]
        self.observation_space = gymnasium.spaces.Dict(
            {
                "view": box(0.0, 1.0, (size,)),
                "agent": box(0.0, largest, (3,)),
                "carrying": box(0.0, 1.0, (1,)),
                "open_doors": box(0.0, largest, (1,)),
                **{f"nearest_{thing}": box(-1.0, 2 * largest, (1,)) for thing in THINGS},
            }
        )

    def observation(self, observation: Any) -> dict[str, NDArray[np.float64]]:
        world: Any = self.env.unwrapped
        things = [
            (cell.type, cell, i % world.width, i // world.width)
            for i, cell in enumerate(world.grid.grid)
            if cell and cell.type != "wall"
        ]
        x, y = (int(place) for place in world.agent_pos)
        away = {kind: [abs(cx - x) + abs(cy - y) for name, _, cx, cy in things if name == kind] for kind in THINGS}
        opened = sum(bool(cell.is_open) for name, cell, _, _ in things if name == "door")
        return {
            "view": np.asarray(observation["image"], dtype=np.float64).reshape(-1) / LARGEST_CODE,
            "agent": np.array([x, y, world.agent_dir], dtype=np.float64),
            "carrying": np.array([float(world.carrying is not None)]),
            "open_doors": np.array([float(opened)]),
            **{f"nearest_{kind}": np.array([float(min(places, default=-1))]) for kind, places in away.items()},
        }
