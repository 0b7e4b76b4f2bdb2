"""A user's own top-level package `envs`: this package has the same name, and both are needed in one process.

While a user's code is imported, `envs` is theirs, with our modules behind it: `envs.robot` is theirs, `envs.mujoco_world` ours.
Afterwards `envs` is ours again, and theirs can still be found under the names that ours doesn't use.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

NAME = "envs"
OURS = Path(__file__).resolve().parent


@contextmanager
def their_package(places: Sequence[str | Path]) -> Iterator[None]:
    """Let `envs` be the first package of that name in `places`, but ours; where there is none, nothing changes."""
    theirs = next((found for place in places if (found := _package_in(Path(place)))), None)
    if theirs is None:
        yield
        return
    ours = _loaded()
    for name in ours:
        del sys.modules[name]
    shared = {name: module for name, module in ours.items() if name != NAME and not _has(theirs, name.split(".")[1])}
    sys.modules.update(shared)
    try:
        _run(theirs)
        yield
    finally:
        learnt = _loaded()
        for name in learnt:
            del sys.modules[name]
        sys.modules.update({**learnt, **ours})
        search = sys.modules[NAME].__path__
        if str(theirs) not in search:
            search.append(str(theirs))


def elsewhere() -> list[str]:
    """Return where else Python looks for packages than where this one lies."""
    return [place for place in sys.path if place and Path(place).resolve() != OURS.parent]


def _package_in(place: Path) -> Path | None:
    found = (place / NAME).resolve()
    return found if found != OURS and (found / "__init__.py").is_file() else None


def _loaded() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name == NAME or name.startswith(f"{NAME}.")}


def _has(package: Path, name: str) -> bool:
    return (package / f"{name}.py").is_file() or (package / name).is_dir()


def _run(package: Path) -> None:
    """Import a package under the name `envs`."""
    locations = [str(package), str(OURS)]
    spec = importlib.util.spec_from_file_location(NAME, package / "__init__.py", submodule_search_locations=locations)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
