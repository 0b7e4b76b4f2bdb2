"""The worker environments: where they are, how they are made, and what to type where one is missing.

`python -m designer.environments build native` makes one without the rest of `designer`; `... python native` prints
where its Python is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from designer.bundle import bundle_root, checkout_root
from designer.errors import DesignerError, WorkerMissingError, did_you_mean
from designer.user_folders import data_folder, named_folder
from designer.venvs import Recipe, Run, Say, is_current, make, run_command

ROOT_VARIABLE = "DESIGNER_ENVIRONMENTS"
NATIVE = "native"
FAMILIES = {
    "robotics": ("Fetch", "Hand", "AntMaze", "PointMaze", "Adroit", "FrankaKitchen"),
    "metaworld": ("metaworld/", "Meta-World/"),
}
"""Environment -> how the ids begin whose simulators clash with the native one's."""


def environments_root(variables: Mapping[str, str] = os.environ, checkout: Path | None = None) -> Path:
    """Return the folder that holds the worker environments.

    $DESIGNER_ENVIRONMENTS if set, else `.environments` in the checkout, else the user's data folder.
    """
    if named := named_folder(variables, ROOT_VARIABLE):
        return named
    if checkout := checkout or checkout_root():
        return checkout / ".environments"
    return data_folder(variables) / "environments"


def environment_of(world: str) -> str:
    """Return the name of the environment that a world's family needs."""
    id_ = world.rpartition(":")[2]
    return next((name for name, begins in FAMILIES.items() if id_.startswith(begins)), NATIVE)


def environment_names(locks: Path | None = None) -> tuple[str, ...]:
    """Return the names of the environments that can be made."""
    stems = (path.stem for path in _locks_folder(locks).glob("*.lock"))
    return tuple(sorted(stem for stem in stems if not stem.endswith(("-cpu", "-cuda"))))


def environment_python(name: str, root: Path | None = None, locks: Path | None = None) -> Path:
    """Return the Python of a finished worker environment.

    Raises WorkerMissingError with the command that builds it where it is missing, unfinished or outdated.
    """
    recipe = environment_recipe(name, root, locks)
    if is_current(recipe):
        return recipe.python
    state = "was made from other versions, or never finished" if recipe.folder.exists() else "is not built"
    raise WorkerMissingError(f"The worker environment {name!r} {state} ({recipe.folder}). Type: designer image build {name}")


def build(name: str, root: Path | None = None, locks: Path | None = None, say: Say = print, run: Run = run_command) -> Path:
    """Make a worker environment, unless it is there already, and return its Python.

    Raises WorkerMissingError where the name is unknown or a step fails.
    """
    return make(environment_recipe(name, root, locks), say, run)


def environment_recipe(name: str, root: Path | None = None, locks: Path | None = None) -> Recipe:
    """Return what `name` is made of: `<name>.lock`, and `<name>-cpu.lock`, `<name>-cuda.lock` where there are such."""
    folder = _locks_folder(locks)
    known = environment_names(folder)
    if name not in known:
        raise WorkerMissingError(
            f"There is no worker environment {name!r}.{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}. "
            "Or name the interpreter of one of your own: --worker.python PATH."
        )
    cpu, cuda = folder / f"{name}-cpu.lock", folder / f"{name}-cuda.lock"
    return Recipe(
        folder=(root or environments_root()) / name,
        locks=(folder / f"{name}.lock",),
        cpu=cpu if cpu.exists() else None,
        cuda=cuda if cuda.exists() else None,
        takes="1 to 5 minutes, about 1 GB",
    )


def _locks_folder(locks: Path | None) -> Path:
    return locks or bundle_root() / "sandbox" / "environments"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the named environment, or print its Python; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m designer.environments", description="Make a worker environment.")
    parser.add_argument("verb", choices=["build", "python"], help="make it, or print the path of its Python")
    parser.add_argument("name", help="such as native")
    asked = parser.parse_args(arguments)
    try:
        if asked.verb == "build":
            build(asked.name)
        else:
            print(environment_python(asked.name))
    except DesignerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
