"""Where the worker's code and the prompts lie: beside the package in a checkout, inside it in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from designer.errors import WorkerMissingError

BUNDLED_FOLDERS = ("envs", "sandbox", "prompts")


def bundle_root() -> Path:
    """Return the folder that holds `envs/`, `sandbox/` and `prompts/`.

    Raises WorkerMissingError where this installation has none.
    """
    return find_bundle(Path(__file__).resolve().parent)


def checkout_root() -> Path | None:
    """Return the repository's root where this package runs from a checkout, or None in an installed wheel."""
    package = Path(__file__).resolve().parent
    return package.parent if find_bundle(package) == package.parent else None


def find_bundle(package: Path) -> Path:
    """Return the folder that holds the bundled folders of the `designer` package at `package`."""
    for root in (package / "_bundled", package.parent):
        if all((root / name).is_dir() for name in BUNDLED_FOLDERS):
            return root
    raise WorkerMissingError(
        f"The installation at {package} is incomplete: neither {package / '_bundled'} nor {package.parent} holds "
        f"{', '.join(BUNDLED_FOLDERS)}. Install designer again from its wheel, or run it from a whole checkout."
    )
