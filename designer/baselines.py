"""Baselines that were trained before, kept for every run that asks for the same: by world, budget, seeds and code.

An entry is a folder, named by a hash of all that its result depends on. It is made beside its place and renamed into it, so it
is there whole or not at all, whoever is killed; of two runs that make the same one, the first wins. What was changed or torn
since is not believed: its files' hashes stand in `entry.json`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from designer.errors import DiskError
from designer.files import disk_error, write_atomically
from designer.journal import TrialsFinished
from designer.records import Record, digest
from designer.user_folders import cache_folder, named_folder

ROOT_VARIABLE = "DESIGNER_BASELINES"
ENTRY = "entry.json"
LEFT_OUT = ("trajectories.safetensors", "checkpoint.safetensors")
ABANDONED_S = 24 * 3600.0


class _Entry(Record):
    """What a batch of baselines found, and the files (path -> sha256) that lie beside it."""

    finished: TrialsFinished
    files: dict[str, str]


class BaselineCache:
    """The baselines of one worker: `worker` is the hash of its code, its packages and its kind of box."""

    def __init__(self, root: Path, worker: str) -> None:
        self.root = root
        self._worker = worker

    def fetch(self, spec: Mapping[str, Any], folder: Path) -> TrialsFinished | None:
        """Copy what a batch left into its folder of this run, and return what was found; None where it is not known."""
        place = self._place(spec)
        with suppress(OSError, ValidationError):
            entry = _Entry.model_validate_json((place / ENTRY).read_bytes())
            contents = {name: (place / name).read_bytes() for name in entry.files}
            if all(hashlib.sha256(contents[name]).hexdigest() == known for name, known in entry.files.items()):
                for name, content in contents.items():
                    write_atomically(folder / name, content)
                return entry.finished
        return None

    def keep(self, spec: Mapping[str, Any], folder: Path, finished: TrialsFinished) -> None:
        """Keep what a batch left in its folder. Where the disk refuses, nothing is kept: no run ends for it."""
        place = self._place(spec)
        making = self.root / f".{place.name}.{uuid.uuid4().hex[:8]}"
        with suppress(DiskError, OSError):
            self._clear_abandoned()
            paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in LEFT_OUT]
            contents = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
            for name, content in contents.items():
                write_atomically(making / name, content)
            files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
            write_atomically(making / ENTRY, _Entry(finished=finished, files=files).model_dump_json())
            if place.exists():  # `fetch` did not believe it, or another run was faster
                shutil.rmtree(place)
            os.rename(making, place)
        shutil.rmtree(making, ignore_errors=True)

    def _place(self, spec: Mapping[str, Any]) -> Path:
        return self.root / digest({"worker": self._worker, **spec})

    def _clear_abandoned(self) -> None:
        """Remove what a killed process left half-made a day ago."""
        for path in self.root.glob(".*"):
            if time.time() - path.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(path, ignore_errors=True)


def cache_root(variables: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of cached baselines: $DESIGNER_BASELINES if set, else in the user's cache folder."""
    return named_folder(variables, ROOT_VARIABLE) or cache_folder(variables) / "baselines"


def folder_hash(folder: Path) -> str:
    """Hash the names and contents of a folder's files. Raises DiskError."""
    found = hashlib.sha256()
    try:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            found.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    except OSError as error:
        raise disk_error(folder, error) from error
    return found.hexdigest()[:12]
