"""Every candidate's story: where it came from, how it did, its code, and what it changed."""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

from markupsafe import Markup

from designer.archive import Archive
from designer.feedback.guards import Range, alarms_of, fitness_range
from designer.feedback.statistics import remarks_on
from designer.records import Candidate, Remark, Status, Trial
from designer.review import code
from designer.review.plots import Node
from designer.review.verdict import shown
from designer.text import one_line, printable

PROSE_CHARS = 1500


class Story(NamedTuple):
    """A candidate: where it came from, how it did, its code and what changed from its first parent.

    alarms: each in one sentence. notes: what else was seen.
    """

    id: str
    is_winner: bool
    origin: str
    outcome: str
    ended_well: bool
    why: str
    expects: str
    notes: tuple[str, ...]
    alarms: tuple[str, ...]
    code: Markup
    diff: Markup


def stories_of(archive: Archive, winner: str | None, most: int, *, scored: bool = True) -> list[Story]:
    """Tell of at most so many candidates, oldest first; the winner is always among them. scored: as for `outcome`."""
    ordered = sorted(archive.candidates.values(), key=lambda c: (c.round, c.sample))
    told = ordered[:most] + [c for c in ordered[most:] if c.id == winner]
    remarks = remarks_on(archive, [candidate.id for candidate in told])
    seen = fitness_range(archive)
    outcomes = {candidate.id: outcome(archive, candidate, scored=scored) for candidate in told}
    return [_story(archive, c, outcomes[c.id], c.id == winner, remarks[c.id], seen) for c in told]


def family_of(archive: Archive, winner: str | None, most: int) -> list[Node]:
    """Return the candidates that have a search score, as their family tree is drawn; the winner's ancestors are marked."""
    line: set[str] = set()
    waiting = [winner] if winner in archive.candidates else []
    while waiting:
        name = waiting.pop()
        if name not in line:
            line.add(name)
            waiting += [parent for parent in archive.candidates[name].parents if parent in archive.candidates]
    ordered = sorted(archive.candidates.values(), key=lambda c: (c.round, c.sample))
    scored = [(c, fmean(scores)) for c in ordered if (scores := archive.search_scores(c.id))]
    return [Node(c.id, c.round, score, c.parents, "winner" if c.id in line else "other") for c, score in scored[:most]]


def _story(
    archive: Archive,
    candidate: Candidate,
    came: tuple[str, bool],
    is_winner: bool,
    remarks: tuple[Remark, ...],
    seen: Range | None,
) -> Story:
    parent = archive.candidates.get(candidate.parents[0]) if candidate.parents else None
    by = f" of {', '.join(one_line(p, 20) for p in candidate.parents)}" if candidate.parents else ""
    told, ended_well = came
    rang = alarms_of(archive, candidate.id, seen)
    return Story(
        id=one_line(candidate.id, 20),
        is_winner=is_winner,
        origin=f"{candidate.verb}{by}",
        outcome=told,
        ended_well=ended_well,
        why=printable(candidate.why, PROSE_CHARS),
        expects=printable(candidate.expects, PROSE_CHARS),
        notes=tuple(printable(remark.text, 1000) for remark in remarks if remark not in rang),
        alarms=tuple(printable(remark.text, 1000) for remark in rang),
        code=code.highlighted(candidate.source),
        diff=code.diff(parent.source, candidate.source, parent.id, candidate.id) if parent else Markup(),
    )


def outcome(archive: Archive, candidate: Candidate, *, scored: bool = True) -> tuple[str, bool]:
    """Return how far a candidate came, and whether that was to the end of a training.

    scored: whether there is a fitness; without one every score is 0 and says nothing, so none is told.
    """
    verdict = archive.verdicts[candidate.id]
    if verdict.status is not Status.OK:
        return f"{verdict.status.replace('_', ' ')} before training", False
    search = archive.search_score(candidate.id)
    if original := archive.duplicate_of(candidate.id):
        return f"the same reward as {original}" + (f": search {shown(search)}" if search is not None and scored else ""), True
    if archive.kept_out(candidate.id):
        return "kept out of training by a guard", False
    if search is None:
        return _unscored(archive.trials_of(candidate.id, "search"), scored=scored)
    final = archive.final_scores(candidate.id)
    if not scored:
        return "trained, and anew on the final seeds" if final else "trained", True
    told = f"search {shown(search)}"
    return (f"{told}, final {shown(sum(final) / len(final))}" if final else told), True


def _unscored(trials: list[Trial], *, scored: bool) -> tuple[str, bool]:
    """Say how far a candidate came that has no score of a whole training."""
    if not trials:
        return "not trained yet", False
    first = trials[0]
    if first.result is not None:
        at = f", at {shown(first.result.fitness)} then" if scored else ""
        return f"stopped at {first.until:.0%} of its training{at}", True
    return f"training ended as {first.status.replace('_', ' ')}", False
