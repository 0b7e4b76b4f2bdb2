"""What people said about a run's candidates, folded from its opinions: notes, and the last word on each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from designer.desk.shelf import Book
from designer.opinions import Opinion
from designer.records import Saying
from designer.text import one_line, printable

KINDS = {"say": "note", "add": "handed in", "rank": "ranking", "approve": "approved", "reject": "rejected"}


class Word(NamedTuple):
    """One thing that somebody said. taken: the round that took it up, or None."""

    id: str
    kind: str
    candidate: str
    where: str
    line: int
    text: str
    by: str
    when: str
    taken: int | None


class Words(NamedTuple):
    """What was said about one candidate, oldest first. noted: the lines of its code that a note is on."""

    listed: tuple[Word, ...]
    noted: frozenset[int]


def standing(sayings: Iterable[Opinion]) -> list[Opinion]:
    """Return what nobody took back."""
    listed = list(sayings)
    undone = {saying.name for saying in listed if saying.kind == "undo"}
    return [saying for saying in listed if saying.kind != "undo" and saying.id not in undone]


def words_of(book: Book, name: str) -> Words:
    """Return what was said about a candidate, rankings left out."""
    listed = tuple(word for word in all_words(book) if word.candidate == name)
    return Words(listed, frozenset(word.line for word in listed if word.line))


def all_words(book: Book) -> list[Word]:
    """Return everything that was said but the rankings, oldest first."""
    taken = {opinion.id: opinion.round for opinion in book.archive.opinions}
    return [_word(saying, taken.get(saying.id)) for saying in standing(book.opinions) if saying.kind != "rank"]


def _word(saying: Saying, taken: int | None) -> Word:
    about = saying.about
    where = ""
    if about and about.line is not None:
        where = f"line {about.line}"
    elif about and about.clip_s is not None:
        where = f"{about.clip_s:.1f} s into the clip"
    candidate = about.candidate if about else saying.name if saying.kind in ("approve", "reject") else ""
    text = f"{saying.name}, {len(saying.text.splitlines())} lines" if saying.kind == "add" else printable(saying.text, 2000)
    return Word(
        id=saying.id,
        kind=KINDS[saying.kind],
        candidate=one_line(candidate, 20),
        where=where,
        line=(about.line or 0) if about else 0,
        text=text,
        by=one_line(saying.by, 40) or "someone",
        when=datetime.fromtimestamp(saying.at).strftime("%Y-%m-%d %H:%M") if 0 < saying.at < 1e11 else "",
        taken=taken,
    )


def marks_of(book: Book) -> dict[str, str]:
    """Return the last word on each candidate, "approved" or "rejected". An approval of other code doesn't count."""
    marks: dict[str, str] = {}
    for saying in standing(book.opinions):
        found = book.archive.candidates.get(saying.name)
        if saying.kind == "reject" and found:
            marks[saying.name] = "rejected"
        elif saying.kind == "approve" and found and saying.source_hash == found.source_hash:
            marks[saying.name] = "approved"
    return marks
