"""The composer: a proposer without a language model, which composes reward terms from the typed state view."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from designer.aid_settings import SolvedAsked
from designer.errors import did_you_mean
from designer.proposers import Brief, Draft, Entry, FormAsked, Slot, form_asked
from designer.proposers.composer.compose import NAME, Fresh, compose, compose_with_sign, random_for
from designer.proposers.composer.operators import Changed, crossover, mutate, simplify, spare, without
from designer.proposers.composer.plan import understand
from designer.proposers.composer.render import Design, adopt, render
from designer.proposers.composer.stages import last_phase, split, with_solved, with_stages
from designer.proposers.tuning import tuned
from designer.records import Fault, Verb

_PARENTS = {Verb.INIT: 0, Verb.MUTATE: 1, Verb.CROSSOVER: 2, Verb.TUNE: 1, Verb.SIMPLIFY: 1}


class Composer:
    """Proposes by grammar. Everything is a function of the brief and the slot. Implements `Proposer`."""

    name = NAME

    def __init__(self, form: FormAsked = "step", *, asks_solved: SolvedAsked = "") -> None:
        """`form`: what is written anew: rewards, or curricula. asks_solved: a file should say where the task is solved."""
        self._form = form
        self._asks_solved = asks_solved

    def propose(self, brief: Brief, slot: Slot) -> Draft:
        """Write a reward for a slot. Raises ValueError for a verb or parents that it can't work with."""
        if slot.verb not in _PARENTS:
            raise ValueError(f"{slot.id}: the composer has nothing to do for the verb {slot.verb.value!r}.")
        if len(slot.parents) < _PARENTS[slot.verb]:
            raise ValueError(f"{slot.id}: {slot.verb.value} needs {_PARENTS[slot.verb]} parents, got {slot.parents}.")
        parents = [_entry(brief, parent) for parent in slot.parents]
        if slot.verb is Verb.INIT:
            staged = form_asked(self._form, slot) == "stages"
            fresh = compose(last_phase(brief) if staged else brief, slot)
            return _fresh_draft(brief, fresh, slot if staged else None, asks_solved=self._asks_solved)
        rng = random_for(brief, slot.id)
        if slot.verb is Verb.TUNE:
            return tuned(parents[0].candidate, rng)
        changed = _changed(brief, slot, rng)
        if changed is None:
            because = f"The composer can't {slot.verb.value} this: another wrote it, or there is nothing to change. "
            return tuned(parents[0].candidate, rng, because)
        source = render(changed.design, brief.task.text) + split(parents[0].candidate.source)[1]
        return Draft(source=source, why=changed.why, expects=changed.expects)

    def repair(self, brief: Brief, slot: Slot, draft: Draft, faults: tuple[Fault, ...], attempt: int) -> Draft | None:
        """Return None: what the grammar writes is valid, and it can't read what others wrote."""
        return None


def _entry(brief: Brief, candidate_id: str) -> Entry:
    known = {entry.candidate.id: entry for entry in brief.entries}
    if candidate_id not in known:
        hint = did_you_mean(candidate_id, known)
        raise ValueError(f"the parent {candidate_id!r} is not in the brief.{hint} Known: {', '.join(known) or 'none'}")
    return known[candidate_id]


# Drafts ------------------------------------------------------------------------------------------------------------


def _fresh_draft(brief: Brief, fresh: Fresh, staged: Slot | None, *, asks_solved: SolvedAsked) -> Draft:
    """Write a fresh design down; `staged`: the slot that wants stages before it."""
    terms = fresh.design.terms
    phrases = ", ".join(term.phrase for term in terms)
    opening = "task words not understood: searching blindly" if fresh.blind else fresh.idea
    signs = f"; a sign is ambiguous, {fresh.mirror} takes the other one" if fresh.mirror else ""
    primary = terms[0].name
    expects = f"{primary} rises over the training" + (" and outweighs the other terms." if len(terms) > 1 else ".")
    source, why = render(fresh.design, brief.task.text), f"{opening}: {phrases}{signs}."
    if asks_solved:
        source = with_solved(source, fresh.design, asks_solved)
    if staged:
        source, names = with_stages(source, fresh.design, brief, staged)
        why += f" Stages before it: {', '.join(names)}." if names else " No stage before it: the table names no progress."
    return Draft(source=source, why=why, expects=expects)


# Designs of earlier rounds -----------------------------------------------------------------------------------------


def _changed(brief: Brief, slot: Slot, rng: Random) -> Changed | None:
    """Do the verb on the parents' designs. None where a parent isn't the composer's or nothing can be done."""
    designs = [design_of(brief, _entry(brief, parent)) for parent in slot.parents]
    first = designs[0]
    if first is None:
        return None
    match slot.verb:
        case Verb.MUTATE:
            return mutate(first, understand(brief.task.text, brief.table), rng)
        case Verb.CROSSOVER:
            second = designs[1]
            joined = crossover(first, second, (slot.parents[0], slot.parents[1])) if second else None
            return joined if joined and joined.design != first else None
        case Verb.SIMPLIFY:
            return simplify(first, _entry(brief, slot.parents[0]).trials)
    return None


def design_of(brief: Brief, entry: Entry) -> Design | None:
    """Compose an entry's design again, with the numbers of its source. None: somebody else wrote it."""
    source, text = split(entry.candidate.source)[0], brief.task.text
    adopted = (adopt(design, source, text) for design in _origins(brief, entry))
    return next((design for design in adopted if design), None)


def _origins(brief: Brief, entry: Entry) -> Iterator[Design]:
    """Yield the designs an entry may have: what its slot proposes and, as it may only be tuned, its parent's."""
    candidate = entry.candidate
    slot = Slot(round=candidate.round, sample=candidate.sample, verb=candidate.verb, parents=candidate.parents)
    if candidate.verb is Verb.INIT:
        for sign in (0, 1, -1):
            yield compose_with_sign(last_phase(brief) if candidate.form == "stages" else brief, slot, sign).design
        return
    if candidate.verb not in _PARENTS or len(candidate.parents) < _PARENTS[candidate.verb]:
        return
    parent = design_of(brief, _entry(brief, candidate.parents[0]))
    if parent is None:
        return
    if candidate.verb is Verb.SIMPLIFY:
        yield from (without(parent, term) for term in spare(parent))
    elif candidate.verb in (Verb.MUTATE, Verb.CROSSOVER):
        changed = _changed(brief, slot, random_for(brief, slot.id))
        if changed:
            yield changed.design
    yield parent
