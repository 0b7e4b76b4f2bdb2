"""What people say while a run goes on: notes and rewards, appended to opinions.jsonl by any process, taken up by the loop."""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from designer.archive import Archive
from designer.errors import InputError
from designer.files import disk_error
from designer.records import Record
from designer.runs import Run

OPINIONS = "opinions.jsonl"
MAX_NOTE_CHARS, MAX_SOURCE_CHARS = 2000, 50_000


class Opinion(Record):
    """One thing that a person said or handed in. `text`: a note, or a reward's source; `name`: the file it came from.

    round: the round that it belongs to, or None for the next one that begins (a replayed run fixes it).
    """

    id: str
    kind: Literal["say", "add"]
    text: str
    name: str = ""
    round: int | None = None


def say(run: Run, text: str) -> Opinion:
    """Leave a note for the next round's prompts. Raises InputError, DiskError."""
    if not text.strip() or len(text) > MAX_NOTE_CHARS:
        raise InputError(f"the note has {len(text)} characters; say something in 1 to {MAX_NOTE_CHARS}.")
    return append(run, Opinion(id=secrets.token_hex(6), kind="say", text=text.strip()))


def add(run: Run, file: Path) -> Opinion:
    """Hand in a reward as a candidate of the next round. Raises InputError, DiskError."""
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read: {error}.") from None
    if not source.strip() or len(source) > MAX_SOURCE_CHARS:
        raise InputError(f"{file} has {len(source)} characters; a reward has 1 to {MAX_SOURCE_CHARS}.")
    return append(run, Opinion(id=secrets.token_hex(6), kind="add", text=source, name=file.name))


def append(run: Run, opinion: Opinion) -> Opinion:
    """Append a line under a lock, so that several processes may. Raises InputError where the run is over, DiskError."""
    if run.archive().finished:
        raise InputError(f"{run.folder} is finished: no round is left that could take this up. Start a new run.")
    path = run.folder / OPINIONS
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_torn(descriptor):
                os.write(descriptor, b"\n")
            os.write(descriptor, opinion.model_dump_json().encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise disk_error(path, error) from error
    return opinion


def pending(folder: Path, archive: Archive, round_: int) -> list[Opinion]:
    """Return what was said for this round and not taken up yet, oldest first."""
    taken = {opinion.id for opinion in archive.opinions}
    return [o for o in read_opinions(folder) if o.id not in taken and o.round in (None, round_)]


def read_opinions(folder: Path) -> tuple[Opinion, ...]:
    """Return everything that people said, oldest first. A line that can't be read is left out."""
    path = folder / OPINIONS
    found = []
    for line in path.read_bytes().split(b"\n") if path.is_file() else ():
        with suppress(ValidationError):
            found.append(Opinion.model_validate_json(line))
    return tuple(found)


def copy_taken(original: Run, again: Run) -> None:
    """Give a replayed run the opinions that the original took up, each for its round. Raises DiskError."""
    for taken in original.archive().opinions:
        append(again, Opinion(id=taken.id, kind=taken.kind, text=taken.text, name=taken.name, round=taken.round))


def _is_torn(descriptor: int) -> bool:
    """Say whether the file's last line has no end: its writer was killed."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
