"""`designer doctor`: is everything there that a run needs?"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from designer.assemble import describe, slots, worker_python
from designer.config import Config
from designer.errors import DesignerError
from designer.files import write_atomically
from designer.modelling import base_url
from designer.world_source import WorldSource

MIN_FREE_BYTES = 2 * 1024**3


class Finding(NamedTuple):
    """One thing that was looked at. A missing optional thing stops nothing."""

    what: str
    found: str
    fine: bool
    optional: bool = False


def examine(config: Config) -> list[Finding]:
    """Look at the worker, a box, the model's settings and the disk."""
    return [_worker(config), _box(config), _model(config), _disk(Path.cwd()), _slots(config)]


def _worker(config: Config) -> Finding:
    try:
        return Finding("worker environment", str(worker_python(config)), True)
    except DesignerError as error:
        return Finding("worker environment", str(error), False)


def _box(config: Config) -> Finding:
    """Start a box and let it describe a world."""
    try:
        table = describe(WorldSource("half_cheetah"), config)
    except DesignerError as error:
        return Finding("embedded sandbox", str(error), False)
    return Finding("embedded sandbox", f"a box ran and described {table.gymnasium_id} ({len(table.fields)} fields)", True)


def _model(config: Config) -> Finding:
    key = "OPENAI_API_KEY is set" if os.environ.get("OPENAI_API_KEY") else "OPENAI_API_KEY is not set"
    asked = config.llm.model or "no model asked for: the composer proposes"
    return Finding("language model", f"{asked}; endpoint {base_url(config.llm.base_url)}; {key}", True, optional=True)


def _disk(folder: Path) -> Finding:
    try:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            write_atomically(Path(scratch) / "probe", b"written")
    except (OSError, DesignerError) as error:
        return Finding("disk", f"{folder} can't be written: {error}", False)
    free = shutil.disk_usage(folder).free
    return Finding("disk", f"{free / 1024**3:.0f} GiB free in {folder}", free > MIN_FREE_BYTES)


def _slots(config: Config) -> Finding:
    return Finding("boxes at once", str(slots(config)), True)
