"""Find a world: a native one by its folder's name or gymnasium id, a user's own, or any gymnasium id as it is.

A native world is a folder here with an `env.py`. A user's own lies beside this package, in `user_world/`: a folder with a
`world.py`, or a file with a function that makes a gymnasium world.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, cast

import torch

from envs.errors import WorldError, in_one_line
from envs.shared_name import NAME as SHARED_NAME
from envs.shared_name import elsewhere, their_package
from envs.variants import OWN
from envs.vec_env import VecEnv

NATIVE = {
    "half_cheetah": "HalfCheetah-v5",
    "hopper": "Hopper-v5",
    "walker2d": "Walker2d-v5",
    "ant": "Ant-v5",
    "humanoid": "Humanoid-v5",
    "humanoid_standup": "HumanoidStandup-v5",
    "swimmer": "Swimmer-v5",
    "reacher": "Reacher-v5",
    "pusher": "Pusher-v5",
    "inverted_pendulum": "InvertedPendulum-v5",
    "inverted_double_pendulum": "InvertedDoublePendulum-v5",
    "pendulum": "Pendulum-v1",
}
"""Folder name -> the gymnasium id whose physics it reproduces."""

USER_FOLDER = "user_world"
USER_MODULE, USER_TABLE = "world.py", "state.toml"
METAWORLD = "metaworld/"
MINIGRID = ("MiniGrid-", "BabyAI-")
"""Its tasks are options of one id: metaworld/reach-v3."""
PLUGINS = ("minigrid", "gymnasium_robotics", "metaworld")
"""Packages that add ids to gymnasium's when they are imported."""


class UnknownWorldError(WorldError, ValueError):
    """No world has this name."""


def make(name: str, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32, *, drawn: bool = False) -> VecEnv:
    """Build num_envs copies of a world; `drawn` ones can be pictured.

    Raises UnknownWorldError, with the closest name, and WorldError where it can't be built.
    """
    if (folder := native_folder(name)) is not None:
        world: VecEnv = importlib.import_module(f"envs.{folder}.env").World(num_envs, num_threads, dtype)
        return world
    if name.startswith(f"{USER_FOLDER}/"):
        return _users_own(name, num_envs, num_threads, dtype, drawn=drawn)
    return _adapted(name, _gymnasium_maker(name, drawn=drawn), num_envs, dtype, gymnasium_id=name)


def load(name: str, *, drawn: bool = False) -> None:
    """Import all that a world imports, so that making it needs no more: what a simulator starts meanwhile can start.

    Raises what `make` raises.
    """
    if (folder := native_folder(name)) is not None:
        importlib.import_module(f"envs.{folder}.env")
    else:
        make(name, 1, drawn=drawn)


def native_folder(name: str) -> str | None:
    """Return the folder of the native world that has this name or this gymnasium id, or None."""
    return {**{folder: folder for folder in NATIVE}, **{id_: folder for folder, id_ in NATIVE.items()}}.get(name)


def folder(name: str) -> Path:
    """Return where a native world's files are. Raises UnknownWorldError."""
    found = native_folder(name)
    if found is None:
        raise _unknown(name, ())
    return Path(__file__).parent / found


def _adapted(
    name: str,
    maker: Callable[[], Any],
    num_envs: int,
    dtype: torch.dtype,
    gymnasium_id: str = "",
    others: Mapping[str, Callable[[], Any]] = MappingProxyType({}),
) -> VecEnv:
    """Build a gymnasium world by its maker; `others` make variants that the user's own file declares."""
    from envs.gymnasium_world import GymnasiumWorld
    from envs.tables import read_table, shipped_table

    written = _user_root() / USER_TABLE
    table = read_table(written) if written.is_file() else shipped_table(gymnasium_id)
    if table is not None and gymnasium_id:
        others = {**{id_: partial(_made, id_) for id_ in table.family(gymnasium_id) if _is_registered(id_)}, **others}
    return GymnasiumWorld(name, maker, table, num_envs, dtype, gymnasium_id, others)


def _is_registered(id_: str) -> bool:
    import gymnasium

    return id_ in gymnasium.registry


def _made(id_: str) -> Any:
    """Make one copy of a registered world. Raises UnknownWorldError."""
    return _gymnasium_maker(id_, drawn=False)()


def _gymnasium_maker(name: str, *, drawn: bool) -> Callable[[], Any]:
    """Return what makes a registered world. Raises UnknownWorldError; `module:Id` imports the module first."""
    import gymnasium

    module, _, id_ = name.rpartition(":")
    options = {"render_mode": "rgb_array"} if drawn else {}
    if name.startswith(METAWORLD):
        _import("metaworld", name)
        tasks = [METAWORLD + task for task in getattr(sys.modules["metaworld"], "ALL_V3_ENVIRONMENTS", ())]
        if tasks and name not in tasks:
            raise _unknown(name, tasks)
        return lambda: gymnasium.make(
            "Meta-World/MT1", env_name=name.removeprefix(METAWORLD), disable_env_checker=True, **options
        )
    if module:
        _import(module, name)
    elif id_ not in gymnasium.registry:
        for plugin in PLUGINS:
            if importlib.util.find_spec(plugin) is not None:
                gymnasium.register_envs(importlib.import_module(plugin))
    if id_ not in gymnasium.registry:
        raise _unknown(name, gymnasium.registry)
    return lambda: _as_vectors(id_, gymnasium.make(id_, disable_env_checker=True, **options))


def _as_vectors(id_: str, env: Any) -> Any:
    """Show a MiniGrid world as vectors; leave any other as it is."""
    if not id_.startswith(MINIGRID):
        return env
    from envs.minigrid_world import GridVector  # not every worker environment has MiniGrid

    return GridVector(env)


def _import(module: str, name: str) -> None:
    try:
        with their_package(elsewhere() if module.partition(".")[0] == SHARED_NAME else ()):
            importlib.import_module(module)
    except ImportError as error:
        raise WorldError(f"{name}: the module {module!r} can't be imported in the worker's environment: {error}") from None


def _unknown(name: str, registered: Iterable[str]) -> UnknownWorldError:
    known = [*NATIVE, *NATIVE.values(), *(id_ for id_ in registered if id_ not in NATIVE.values())]
    closest = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    meant = f" Did you mean {' or '.join(closest)}?" if closest else ""
    return UnknownWorldError(
        f"no world is called {name!r}.{meant} Native worlds: {', '.join(NATIVE)}; others: any gymnasium id, module:Id, "
        "file.py:function, or a folder with a world.py"
    )


# A user's own world -------------------------------------------------------------------------------------------------


def _user_root() -> Path:
    return Path(__file__).resolve().parent.parent / USER_FOLDER


def _users_own(name: str, num_envs: int, num_threads: int, dtype: torch.dtype, *, drawn: bool) -> VecEnv:
    """Build a world from `user_world/<folder>` (its world.py defines World or make) or `user_world/<file>.py:<function>`."""
    place, _, function = name.partition(":")
    path = _user_root() / place.removeprefix(f"{USER_FOLDER}/")
    module = _load(path / USER_MODULE if path.is_dir() else path)
    if not function and hasattr(module, "World"):
        return _built(name, lambda: module.World(num_envs, num_threads, dtype))
    options = {"render_mode": "rgb_array"} if drawn else {}
    maker = _users_maker(module, function, name)
    others = {other: partial(maker, **keywords) for other, keywords in _users_variants(module, name).items()}
    return _adapted(name, lambda: maker(**options), num_envs, dtype, others=others)


def _users_variants(module: ModuleType, name: str) -> dict[str, dict[str, Any]]:
    """Return what a user's file declares as `VARIANTS`: by name, the keywords that make each. Raises WorldError."""
    declared = getattr(module, "VARIANTS", {})
    keywords = list(declared.items()) if isinstance(declared, dict) else [("", None)]
    if not all(type(key) is str and key not in ("", OWN) and isinstance(value, dict) for key, value in keywords):
        raise WorldError(
            f"{name}: VARIANTS must be a dict of names (not {OWN!r}) and of the keywords that make each: "
            '{"long": {"length": 4.0}}'
        )
    return declared


def _users_maker(module: ModuleType, function: str, name: str) -> Callable[..., Any]:
    """Return what makes a user's gymnasium world: a function of the file, or an id that the file registers."""
    import gymnasium

    maker = getattr(module, function or "make", None)
    if callable(maker):
        return cast(Callable[..., Any], maker)
    if function in gymnasium.registry:
        return lambda **options: gymnasium.make(function, disable_env_checker=True, **options)
    wanted = f"{function}(), and registers no such id" if function else "class World and no function make()"
    raise WorldError(f"{name}: the file defines no {wanted}")


def _built(name: str, build: Callable[[], VecEnv]) -> VecEnv:
    """Run a user's constructor: an MJCF that doesn't compile, a misspelt name, anything is the world's fault."""
    try:
        return build()
    except Exception as error:
        raise WorldError(f"the world {name} can't be built: {in_one_line(error)}") from error


def _load(path: Path) -> ModuleType:
    """Import a user's file under a name of its own; modules beside it can be imported by theirs."""
    if not path.is_file():
        raise WorldError(f"there is no {path.parent.name}/{path.name}")
    name = f"{USER_FOLDER}_{path.parent.name if path.name == USER_MODULE else path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    sys.path.append(str(path.parent))
    try:
        with their_package([path.parent]):
            spec.loader.exec_module(module)
    except Exception as error:
        raise WorldError(f"{path.name} can't be imported: {in_one_line(error)}") from error
    return module
