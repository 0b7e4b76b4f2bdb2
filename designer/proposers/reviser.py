"""Proposes changes of one given reward: itself, its numbers changed, or a term less. For `tune`, `simplify` and `ablate`."""

from __future__ import annotations

from designer.proposers import Brief, Draft, Slot
from designer.proposers.composer.compose import random_for
from designer.proposers.tuning import tuned
from designer.records import Fault, Verb
from designer.terms import term_names, without_term


class Reviser:
    """Implements `Proposer`. The first slot is the given reward; a `simplify` slot drops the parent's term of its number."""

    name = "revision of a given reward"

    def __init__(self, source: str, why: str) -> None:
        self._source, self._why = source, why

    def propose(self, brief: Brief, slot: Slot) -> Draft:
        """Write a reward for a slot. Raises ValueError for a verb that is no revision."""
        if slot.verb is Verb.INIT:
            return Draft(source=self._source, why=self._why)
        parent = brief.entry(slot.parents[0]).candidate
        if slot.verb is Verb.TUNE:
            return tuned(parent, random_for(brief, slot.id))
        if slot.verb is not Verb.SIMPLIFY:
            raise ValueError(f"{slot.id}: {slot.verb.value} is no revision of a given reward.")
        name = term_names(parent.source)[slot.sample]
        return Draft(source=without_term(parent.source, name), why=f"{parent.id} without {name}.")

    def repair(self, brief: Brief, slot: Slot, draft: Draft, faults: tuple[Fault, ...], attempt: int) -> Draft | None:
        """Return None: a change that breaks a reward is an answer too."""
        return None
