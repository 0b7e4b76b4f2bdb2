"""What decides what is next: a pure function of the archive."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from designer.archive import Archive
from designer.proposers import Slot
from designer.records import Purpose


class Propose(NamedTuple):
    """Fill these slots of a round."""

    slots: tuple[Slot, ...]


class Batch(NamedTuple):
    """Train one reward on these seeds, stacked in one process: a candidate's id or a baseline's name.

    until: the share of the training at which it ends; below 1 it is paused there.
    since: where an earlier batch of the same seeds was paused and this one goes on; 0 is the beginning.
    """

    candidate: str
    purpose: Purpose
    seeds: tuple[int, ...]
    until: float = 1.0
    since: float = 0.0


def batch_units(batch: Batch) -> float:
    """Return how many full trainings a batch is."""
    return (batch.until - batch.since) * len(batch.seeds)


class Advance(NamedTuple):
    """Train and judge these."""

    batches: tuple[Batch, ...]


class Stop(NamedTuple):
    """The search is over."""

    reason: str
    winner: str | None


class Ask(NamedTuple):
    """Take up what raters answered by now, for this round; don't wait for more."""

    round: int


Action = Propose | Advance | Ask | Stop


class Search(Protocol):
    """Says what is next. It asks for what is still missing only, so a resumed run goes on where it was."""

    name: str

    def next(self, archive: Archive) -> Action: ...
