"""What people said about a run's candidates, folded from its opinions: notes, and the last word on each."""

from __future__ import annotations

from typing import NamedTuple

from designer.desk.shelf import Book


class Words(NamedTuple):
    """What was said about one candidate, oldest first."""

    notes: tuple[str, ...]


def words_of(book: Book, name: str) -> Words:
    return Words(())


def marks_of(book: Book) -> dict[str, str]:
    return {}
