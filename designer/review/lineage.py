"""Every candidate's story: where it came from, how it did, its code, and what it changed."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from designer.archive import Archive
from designer.feedback.statistics import remarks_on
from designer.records import Candidate, Remark, Status, Trial
from designer.review import code
from designer.review.verdict import shown
from designer.text import one_line, printable

PROSE_CHARS = 1500


class Story(NamedTuple):
    """A candidate: where it came from, how it did, its code and what changed from its first parent."""

    id: str
    is_winner: bool
    origin: str
    outcome: str
    ended_well: bool
    why: str
    expects: str
    notes: tuple[str, ...]
    code: Markup
    diff: Markup


def stories_of(archive: Archive, winner: str | None, most: int) -> list[Story]:
    """Tell of at most so many candidates, oldest first; the winner is always among them."""
    remarks = remarks_on(archive)
    ordered = sorted(archive.candidates.values(), key=lambda c: (c.round, c.sample))
    told = ordered[:most] + [c for c in ordered[most:] if c.id == winner]
    return [_story(archive, candidate, candidate.id == winner, remarks[candidate.id]) for candidate in told]


def _story(archive: Archive, candidate: Candidate, is_winner: bool, remarks: tuple[Remark, ...]) -> Story:
    parent = archive.candidates.get(candidate.parents[0]) if candidate.parents else None
    by = f" of {', '.join(one_line(p, 20) for p in candidate.parents)}" if candidate.parents else ""
    told, ended_well = outcome(archive, candidate)
    return Story(
        id=one_line(candidate.id, 20),
        is_winner=is_winner,
        origin=f"{candidate.verb}{by}",
        outcome=told,
        ended_well=ended_well,
        why=printable(candidate.why, PROSE_CHARS),
        expects=printable(candidate.expects, PROSE_CHARS),
        notes=tuple(printable(remark.text, 1000) for remark in remarks),
        code=code.highlighted(candidate.source),
        diff=code.diff(parent.source, candidate.source, parent.id, candidate.id) if parent else Markup(),
    )


def outcome(archive: Archive, candidate: Candidate) -> tuple[str, bool]:
    """Return how far a candidate came, and whether that was to the end of a training."""
    verdict = archive.verdicts[candidate.id]
    if verdict.status is not Status.OK:
        return f"{verdict.status.replace('_', ' ')} before training", False
    search = archive.search_score(candidate.id)
    if original := archive.duplicate_of(candidate.id):
        return f"the same reward as {original}" + (f": search {shown(search)}" if search is not None else ""), True
    if archive.kept_out(candidate.id):
        return "kept out of training by a guard", False
    if search is None:
        return _unscored(archive.trials_of(candidate.id, "search"))
    final = archive.final_scores(candidate.id)
    told = f"search {shown(search)}"
    return (f"{told}, final {shown(sum(final) / len(final))}" if final else told), True


def _unscored(trials: list[Trial]) -> tuple[str, bool]:
    """Say how far a candidate came that has no score of a whole training."""
    if not trials:
        return "not trained yet", False
    first = trials[0]
    if first.result is not None:
        return f"stopped at {first.until:.0%} of its training, at {shown(first.result.fitness)} then", True
    return f"training ended as {first.status.replace('_', ' ')}", False
