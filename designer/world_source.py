"""What --env names, and which of the user's files go into a box with it.

A native world and a gymnasium id are only names. A folder with a world.py, a file.py:function and a state table are files: they
are copied beside the worker's code when a run is made, so that a later edit never changes it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from designer.bundle import bundle_root
from designer.errors import TaskError

USER_FOLDER, USER_MODULE, USER_TABLE = "user_world", "world.py", "state.toml"
LEFT_OUT = ("fitness.py", "human.py", "tasks", "__pycache__")
"""Judges and tasks never enter a box that trains."""
MAX_BYTES = 64 * 1024**2


class WorldSource(NamedTuple):
    """A world: the name that jobs call it by, and what to copy for it (a folder, a file, a state table, or nothing)."""

    name: str
    path: Path | None = None
    state: Path | None = None


def is_native(name: str) -> bool:
    """Say whether a world of this name is shipped."""
    return Path(name).name == name and (bundle_root() / "envs" / name / "env.py").is_file()


def locate_world(typed: str, state: str = "", folder: Path = Path()) -> WorldSource:
    """Read what was typed as --env and --state; paths are seen from `folder`. Raises TaskError."""
    table = _existing(folder / state, "the state table") if state else None
    file, colon, function = typed.rpartition(":")
    if colon and file.endswith(".py"):
        path = _existing(folder / file, "the world")
        return WorldSource(f"{USER_FOLDER}/{path.name}:{function}", path, table)
    path = folder / typed
    if path.is_dir() and not is_native(typed):
        if not (path / USER_MODULE).is_file():
            raise TaskError(f"the folder {path} has no {USER_MODULE}, so it is no world. docs/tasks.md shows how to write one.")
        return WorldSource(f"{USER_FOLDER}/{path.resolve().name}", path.resolve(), table)
    if typed.startswith((".", "/", "~")):
        raise TaskError(f"{typed} is neither a folder with a {USER_MODULE} nor a gymnasium id.")
    return WorldSource(typed, None, table)


def stage_world(world: WorldSource, code: Path) -> None:
    """Copy the user's files of a world beside the worker's code. Raises TaskError where they are too large."""
    target = code / USER_FOLDER
    if world.path is not None and world.path.is_dir():
        _copy_folder(world.path, target / world.path.name)
    elif world.path is not None:
        _copy(world.path, target / world.path.name)
    if world.state is not None:
        _copy(world.state, target / USER_TABLE)


def staged_world(name: str, code: Path) -> WorldSource:
    """Return a run's world as its code folder holds it, to copy it again."""
    inside = code / USER_FOLDER
    entry = inside / name.removeprefix(f"{USER_FOLDER}/").rpartition(":")[0] if ":" in name else inside / Path(name).name
    table = inside / USER_TABLE
    return WorldSource(name, entry if entry.exists() else None, table if table.exists() else None)


def _copy_folder(source: Path, target: Path) -> None:
    files = [path for path in sorted(source.rglob("*")) if path.is_file() and _belongs(path.relative_to(source))]
    total = sum(path.stat().st_size for path in files)
    if total > MAX_BYTES:
        raise TaskError(f"{source} holds {total / 1024**2:.0f} MB; at most {MAX_BYTES // 1024**2} MB are copied into a run.")
    for path in files:
        _copy(path, target / path.relative_to(source))


def _belongs(path: Path) -> bool:
    return not any(part in LEFT_OUT or part.startswith(".") for part in path.parts)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise TaskError(f"{what} {path} is not there.")
    return path.resolve()
