"""State tables of shipped worlds that were measured before: a run that would measure the same takes it over.

A table follows from the worker's code, its packages, its kind of box, the world's name and the seed of its random play, which
its file is named by. Worlds of a user, and ids that a package registers, are measured every time. Removing the folder costs
nothing but time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from designer.config import Config
from designer.errors import DesignerError, DiskError
from designer.executors.results import read_table
from designer.files import write_atomically
from designer.records import StateTable, digest
from designer.user_folders import cache_folder, named_folder
from designer.world_source import WorldSource, is_native

ROOT_VARIABLE = "DESIGNER_TABLES"


class Measured:
    """Where one world's table is kept, if it may be."""

    def __init__(self, world: WorldSource, config: Config, worker: str, facts: Mapping[str, Any]) -> None:
        """worker: the hash of its code, its packages and its kind of box. facts: what the job that measures is told.

        Nobody vouches for the packages of a Python that the user named, so nothing is kept of it.
        """
        may_be_kept = world.path is None and world.state is None and is_native(world.name) and not config.worker.python
        self._file = tables_root() / f"{digest([worker, dict(facts)])}.json" if may_be_kept else None

    def fetch(self) -> StateTable | None:
        """Return the table, or None where it is not known or can't be read."""
        if self._file is not None:
            with suppress(OSError, ValueError, DesignerError):
                return read_table(json.loads(self._file.read_bytes()))
        return None

    def keep(self, content: Mapping[str, Any]) -> None:
        """Keep what a box said of the world. Where the disk refuses, nothing is kept: no run ends for it."""
        if self._file is not None:
            with suppress(DiskError, OSError):
                write_atomically(self._file, json.dumps(content))


def tables_root(variables: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of measured tables: $DESIGNER_TABLES if set, else in the user's cache folder."""
    return named_folder(variables, ROOT_VARIABLE) or cache_folder(variables) / "tables"
