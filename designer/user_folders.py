"""Where a user's files lie that belong to no run: the folders of the XDG base directory specification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

NAME = "designer"


def data_folder(variables: Mapping[str, str]) -> Path:
    """Return the user's data folder: $XDG_DATA_HOME if set, else ~/.local/share."""
    return _folder(variables, "XDG_DATA_HOME", Path(".local") / "share")


def cache_folder(variables: Mapping[str, str]) -> Path:
    """Return the user's cache folder: $XDG_CACHE_HOME if set, else ~/.cache."""
    return _folder(variables, "XDG_CACHE_HOME", Path(".cache"))


def named_folder(variables: Mapping[str, str], variable: str) -> Path | None:
    """Return the folder that a variable of ours names, or None where it is not set."""
    named = variables.get(variable)
    return Path(named).expanduser().resolve() if named else None


def _folder(variables: Mapping[str, str], variable: str, below_home: Path) -> Path:
    said = variables.get(variable, "")
    return (Path(said) if said.startswith("/") else Path.home() / below_home) / NAME  # XDG ignores relative paths
