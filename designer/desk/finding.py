"""Search across candidates: which of them used a field, a term or a word, and in which line."""

from __future__ import annotations

from typing import NamedTuple

from designer.desk.shelf import Book, Shelf
from designer.review.lineage import outcome
from designer.text import one_line

MAX_HITS, MAX_RUNS, LINES_EACH = 100, 200, 3


class Hit(NamedTuple):
    """A candidate that has the words. lines: (line number, text); number 0 is what its author wrote beside the code."""

    run: str
    candidate: str
    outcome: str
    lines: tuple[tuple[int, str], ...]


def find(shelf: Shelf, words: str, only: str = "") -> list[Hit]:
    """Return the candidates in whose code or prose every word occurs, newest runs first, at most MAX_HITS."""
    wanted = words.casefold().replace("_", " ").split()[:8]
    if not wanted:
        return []
    hits: list[Hit] = []
    for name in [only] if only else shelf.names()[:MAX_RUNS]:
        book = shelf.try_open(name)
        if not isinstance(book, str):
            hits += _in_run(book, wanted)
        if len(hits) >= MAX_HITS:
            break
    return hits[:MAX_HITS]


def _in_run(book: Book, wanted: list[str]) -> list[Hit]:
    found = []
    for candidate in book.archive.candidates.values():
        prose = f"{candidate.id} {candidate.verb} {candidate.why} {candidate.expects}"
        if all(word in _plain(prose + candidate.source) for word in wanted):
            lines = [(0, one_line(candidate.why, 160))] if any(word in _plain(candidate.why) for word in wanted) else []
            lines += [
                (number, one_line(line, 160))
                for number, line in enumerate(candidate.source.splitlines(), 1)
                if any(word in _plain(line) for word in wanted)
            ]
            scored = book.run.task.is_judged
            came, _ = outcome(book.archive, candidate, scored=scored)
            found.append(Hit(book.name, candidate.id, came, tuple(lines[:LINES_EACH])))
    return found


def _plain(text: str) -> str:
    return text.casefold().replace("_", " ")
