"""Find a world by its folder's name or by its gymnasium id. A native world is a folder here with an `env.py`."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path

import torch

from envs.mujoco_world import MujocoWorld

NATIVE = {
    "half_cheetah": "HalfCheetah-v5",
    "hopper": "Hopper-v5",
    "ant": "Ant-v5",
    "pendulum": "Pendulum-v1",
}
"""Folder name -> the gymnasium id whose physics it reproduces."""


class UnknownWorldError(ValueError):
    """No world has this name."""


def make(name: str, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> MujocoWorld:
    """Build num_envs copies of a world. Raises UnknownWorldError, with the closest name."""
    module = importlib.import_module(f"envs.{folder_name(name)}.env")
    world: MujocoWorld = module.World(num_envs, num_threads, dtype)
    return world


def folder_name(name: str) -> str:
    """Return the folder of the world that has this name or this gymnasium id."""
    known = {**{folder: folder for folder in NATIVE}, **{id_: folder for folder, id_ in NATIVE.items()}}
    if name not in known:
        closest = difflib.get_close_matches(name, known, n=1, cutoff=0.3)
        meant = f" Did you mean {closest[0]}?" if closest else ""
        raise UnknownWorldError(f"no world is called {name!r}.{meant} Worlds: {', '.join(known)}")
    return known[name]


def folder(name: str) -> Path:
    """Return where a world's files are."""
    return Path(__file__).parent / folder_name(name)
