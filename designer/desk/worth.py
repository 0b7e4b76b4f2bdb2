"""By what a run's candidates are put in order on its pages: their scores, or what answers say where there is no fitness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from designer.archive import Archive
from designer.desk.ranking import stand
from designer.desk.shelf import Book
from designer.records import Candidate, Status
from designer.review.verdict import shown
from designer.text import one_line


class Worth(NamedTuple):
    """title: what it is. unit: of `values`. told: what a table says of each candidate that has one.

    by_answers: there is no fitness, so answers put candidates in order.
    """

    title: str
    unit: str
    values: Mapping[str, float]
    told: Mapping[str, str]
    by_answers: bool


def worth_of(book: Book) -> Worth:
    """Return every candidate's search score, or its strength by all answers so far."""
    archive = book.archive
    if not book.run.task.is_judged:
        order = stand(book).order
        values = {name: float(strength) for name, strength, _, _ in order}
        told = {name: f"{strength} ± {half}" for name, strength, half, _ in order}
        return Worth("Strength by answers", "logits", values, told, by_answers=True)
    scores = {name: score for name in archive.candidates if (score := archive.search_score(name)) is not None}
    drawn = {c.id: score for c in archive.candidates.values() if (score := _last_score(archive, c)) is not None}
    told = {name: shown(score) for name, score in scores.items()}
    return Worth("Search score", one_line(book.run.task.fitness_unit, 30), drawn, told, by_answers=False)


def _last_score(archive: Archive, candidate: Candidate) -> float | None:
    """Return the search score, or the last one before it was stopped."""
    whole = archive.search_score(candidate.id)
    if whole is not None or archive.verdicts[candidate.id].status is not Status.OK:
        return whole
    last = next((t.result for t in archive.trials_of(candidate.id, "search") if t.result), None)
    return last.fitness if last else None
