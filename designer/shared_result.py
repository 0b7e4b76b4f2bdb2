"""One candidate's result out of a box that several were trained in: a note in the folder where its own box's would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from designer.executors import JobResult
from designer.executors.resumable import KeptResult
from designer.files import write_atomically
from designer.records import Trial

NOTE = "together.json"


class SharedResult(KeptResult):
    """How a candidate's training ended. beside: the candidates that were in the same box."""

    beside: tuple[str, ...]


def keep(folder: Path, result: JobResult, beside: Sequence[str]) -> None:
    """Leave the note. What it speaks of lies in the folder already. Raises DiskError."""
    write_atomically(folder / NOTE, SharedResult(beside=tuple(beside), **result._asdict()).model_dump_json())


def stored(folder: Path) -> SharedResult | None:
    """Return the note in a training's folder, if there is one."""
    try:
        return SharedResult.model_validate_json((folder / NOTE).read_bytes())
    except (OSError, ValidationError):
        return None


def beside(folder: Path, before: Sequence[Trial]) -> tuple[str, ...]:
    """Return who was in one box with a training, in the piece that lies in `folder` or in the ones before it."""
    note = stored(folder)
    earlier = [name for trial in before for name in trial.together]
    return tuple(sorted({*earlier, *(note.beside if note else ())}))


def sent_by(content: Mapping[str, Any], candidates: int) -> list[Mapping[str, Any]] | None:
    """Return what a box says of each of its candidates, or None where a candidate, which may write it, sent something else."""
    told = content.get("candidates")
    sound = isinstance(told, list) and len(told) == candidates and all(isinstance(each, dict) for each in told)
    return told if sound else None
