"""What people say of a run: notes, rewards, rankings, approvals; appended to opinions.jsonl by anyone, read by the loop."""

from __future__ import annotations

import fcntl
import getpass
import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from designer.archive import Archive
from designer.errors import InputError, did_you_mean
from designer.files import disk_error
from designer.records import About, Candidate, Ranking, Saying, SayingKind, digest
from designer.runs import Run

OPINIONS = "opinions.jsonl"
PLAYED = ("simulated",)
"""Raters that answer anew in a replay."""
MAX_NOTE_CHARS, MAX_SOURCE_CHARS = 2000, 50_000


class Opinion(Saying):
    """What stands in opinions.jsonl. round: which one it belongs to, or None for the next that begins (a replay fixes it)."""

    round: int | None = None


def say(run: Run, text: str, about: About | None = None, by: str = "") -> Opinion:
    """Leave a note for the next round's prompts, on the task or on a candidate. Raises InputError, DiskError."""
    _require_words(text, "the note")
    return append(run, _new("say", text=text.strip(), about=about, by=by))


def add(run: Run, file: Path) -> Opinion:
    """Hand in a reward as a candidate of the next round. Raises InputError, DiskError."""
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read: {error}.") from None
    return add_source(run, source, file.name)


def add_source(run: Run, source: str, name: str, about: About | None = None, by: str = "") -> Opinion:
    """Hand in a reward's text. `name` says where it came from, `about` of which candidate it is an edit.

    Raises InputError, DiskError.
    """
    if not source.strip() or len(source) > MAX_SOURCE_CHARS:
        raise InputError(f"{name} has {len(source)} characters; a reward has 1 to {MAX_SOURCE_CHARS}.")
    return append(run, _new("add", text=source, name=name, about=about, by=by))


def rank(run: Run, ranking: Ranking, by: str) -> Opinion:
    """Write down an answer about clips. Raises InputError where it doesn't fit what was shown, DiskError."""
    unknown = [name for name in ranking.shown if name not in run.archive().candidates]
    if unknown or len(ranking.shown) < 2 or len(ranking.places) not in (0, len(ranking.shown)):
        raise InputError(f"an answer about {', '.join(ranking.shown)} doesn't fit: name candidates, and a place for each.")
    return append(run, _new("rank", ranking=ranking, by=by))


def undo(run: Run, opinion_id: str, by: str) -> Opinion:
    """Take something back. What a round has taken up already stays in its prompts; rankings are fitted without it.

    Raises InputError, DiskError.
    """
    known = next((o for o in read_opinions(run.folder) if o.id == opinion_id and o.kind != "undo"), None)
    if known is None:
        raise InputError(f"nothing with the name {opinion_id!r} was said here.")
    return append(run, _new("undo", name=opinion_id, by=by))


def approve(run: Run, candidate: str, by: str, text: str = "") -> Opinion:
    """Approve a candidate as it is: code and evidence of now are named by their hashes. Raises InputError, DiskError."""
    archive = run.archive()
    hashes = {"source_hash": _known(archive, candidate).source_hash, "evidence_hash": evidence_hash(archive, candidate)}
    return append(run, _new("approve", name=candidate, text=text.strip()[:MAX_NOTE_CHARS], by=by, **hashes))


def reject(run: Run, candidate: str, reason: str, by: str) -> Opinion:
    """Reject a candidate with a reason, which enters the next prompts. Raises InputError, DiskError."""
    _known(run.archive(), candidate)
    _require_words(reason, "the reason")
    return append(run, _new("reject", name=candidate, text=reason.strip(), by=by))


def evidence_hash(archive: Archive, candidate: str) -> str:
    """Name all that is known of a candidate's trainings: it changes when another one ends."""
    trials = [*archive.trials_of(candidate, "search"), *archive.trials_of(candidate, "final")]
    return digest([trial.model_dump(mode="json") for trial in trials])


def approval_of(sayings: Iterable[Saying], candidate: str, source_hash: str) -> Saying | None:
    """Return the approval that stands for this very code, or None: a later rejection or approval of other code ends it."""
    listed = list(sayings)
    undone = {saying.name for saying in listed if saying.kind == "undo"}
    words = [s for s in listed if s.kind in ("approve", "reject") and s.name == candidate and s.id not in undone]
    last = words[-1] if words else None
    return last if last and last.kind == "approve" and last.source_hash == source_hash else None


def account() -> str:
    """Return the name of who is logged in, for what is said without a name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "someone"


def _new(kind: SayingKind, **values: Any) -> Opinion:
    return Opinion(id=secrets.token_hex(6), kind=kind, at=round(time.time(), 1), **values)


def _require_words(text: str, what: str) -> None:
    if not text.strip() or len(text) > MAX_NOTE_CHARS:
        raise InputError(f"{what} has {len(text)} characters; say something in 1 to {MAX_NOTE_CHARS}.")


def _known(archive: Archive, candidate: str) -> Candidate:
    if candidate not in archive.candidates:
        raise InputError(f"there is no candidate {candidate!r}.{did_you_mean(candidate, archive.candidates)}")
    return archive.candidates[candidate]


def append(run: Run, opinion: Opinion) -> Opinion:
    """Append a line under a lock, so that several processes may. Raises DiskError, and InputError where a run is over that
    should take it up: a finished one can still be ranked, approved and rejected.
    """
    if opinion.kind in ("say", "add") and run.archive().finished:
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
    said = read_opinions(folder)
    undone = {o.name for o in said if o.kind == "undo"} - taken
    return [o for o in said if o.id not in taken | undone and o.name not in undone and o.round in (None, round_)]


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
        if taken.by in PLAYED:
            continue
        append(again, Opinion(**taken.model_dump(exclude={"event"})))


def _is_torn(descriptor: int) -> bool:
    """Say whether the file's last line has no end: its writer was killed."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
