"""What a MiniGrid agent sees, number by number as MiniGrid computes it, without making a new grid for every quarter turn.

MiniGrid spends most of a step on its view: it copies, turns and encodes a grid of objects. Here the cells are looked up, and
only those that are seen are encoded.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from minigrid.core.constants import OBJECT_TO_IDX
from minigrid.core.world_object import Wall
from minigrid.minigrid_env import MiniGridEnv
from numpy.typing import NDArray

EMPTY = (OBJECT_TO_IDX["empty"], 0, 0)
OUTSIDE = Wall()


def quicken(env: Any) -> None:
    """Let a MiniGrid world see by `view`, unless it has a view of its own or sees through walls."""
    if type(env).gen_obs is MiniGridEnv.gen_obs and type(env).gen_obs_grid is MiniGridEnv.gen_obs_grid:
        env.gen_obs = lambda: {"image": view(env), "direction": env.agent_dir, "mission": env.mission}


def view(env: Any) -> NDArray[np.uint8]:
    """Return the square before the agent, (size, size, 3): the codes of object, colour and state; zeros where it can't see."""
    size, grid = env.agent_view_size, env.grid
    left, top, _, _ = env.get_view_exts(size)
    width, height, cells = grid.width, grid.height, grid.grid
    seen = []
    for dx, dy in _offsets(size, int(env.agent_dir)):
        x, y = left + dx, top + dy
        seen.append(cells[y * width + x] if 0 <= x < width and 0 <= y < height else OUTSIDE)
    blocks = [cell is not None and not cell.see_behind() for cell in seen]
    visible = [True] * (size * size) if env.see_through_walls else _visible(blocks, size)
    seen[size // 2 * size + size - 1] = env.carrying
    codes = [
        (0, 0, 0) if not shown else EMPTY if cell is None else cell.encode() for cell, shown in zip(seen, visible, strict=True)
    ]
    return np.array(codes, dtype=np.uint8).reshape(size, size, 3)


@cache
def _offsets(size: int, direction: int) -> list[tuple[int, int]]:
    """Return for each cell of the view, column by column, where it lies from the view's corner on the grid."""
    places = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), axis=-1)
    for _ in range(direction + 1):
        places = places.transpose(1, 0, 2)[:, ::-1]  # a quarter turn to the left
    return [(int(x), int(y)) for x, y in places.reshape(-1, 2)]


def _visible(blocks: list[bool], size: int) -> list[bool]:
    """Spread light from the agent, row by row upwards, as MiniGrid does: column * size + row."""
    mask = [False] * (size * size)
    mask[size // 2 * size + size - 1] = True
    for j in range(size - 1, -1, -1):
        for columns, toward in ((range(size - 1), 1), (range(size - 1, 0, -1), -1)):
            for i in columns:
                at = i * size + j
                if mask[at] and not blocks[at]:
                    beside = at + toward * size
                    mask[beside] = True
                    if j:
                        mask[beside - 1] = mask[at - 1] = True
    return mask
