"""Compose fresh designs: in round 1 a list of different ideas, plainest first; later random ones, no two alike."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from designer.proposers import Brief, Slot
from designer.proposers.composer.plan import MOST_GOALS, MOST_OTHERS, Plan, understand
from designer.proposers.composer.render import Design, Idea, Skeleton, skeletons
from designer.proposers.composer.terms import COSTS, Term, rounded
from designer.proposers.composer.ways import Ways
from designer.records import Verb, digest

NAME = "composer (no language model)"
_TRIES = 24
"""How often a random design is drawn again because an earlier sample of its round has the same idea."""


class Fresh(NamedTuple):
    """A new design and how it came about. mirror: the slot with the other sign, or ""."""

    design: Design
    idea: str
    mirror: str
    blind: bool


def random_for(brief: Brief, slot_id: str) -> Random:
    """Return the slot's own generator: the same run, slot and task always draw the same."""
    return Random(int(digest([brief.seed, slot_id, brief.task.text]), 16))


def compose(brief: Brief, slot: Slot) -> Fresh:
    """Compose the slot's design."""
    return compose_with_sign(brief, slot, better_sign(brief) if slot.round > 1 else 0)


def compose_with_sign(brief: Brief, slot: Slot, known_sign: int) -> Fresh:
    """Compose with ambiguous signs as given, or in mirrored pairs of samples (2k, 2k+1) where `known_sign` is 0."""
    plan = understand(brief.task.text, brief.table)
    paired = plan.is_ambiguous and not known_sign
    step = 2 if paired else 1
    index, is_odd = divmod(slot.sample, step)
    drawn = [_id(slot.round, number * step) for number in range(index + 1)]
    designs = _different(plan, [random_for(brief, slot_id) for slot_id in drawn], slot.round == 1)
    design, idea = designs[-1]
    ambiguous = any(term.ambiguous for term in design.terms)
    if paired and is_odd and not ambiguous:
        taken = {design.idea for design, _ in designs}
        design, idea = _random_design(plan, random_for(brief, slot.id), index, taken)
    elif ambiguous:
        design = _signed(design, known_sign or (-1 if is_odd else 1), index if paired else 0)
    mirror = _id(slot.round, slot.sample ^ 1) if paired and ambiguous else ""
    return Fresh(design, idea, mirror, plan.blind)


def better_sign(brief: Brief) -> int:
    """Return the sign of the better half of round 1's mirrored pairs, or 0 where that is not known."""
    if understand(brief.task.text, brief.table).blind:
        return 0
    best: dict[int, float] = {}
    for entry in brief.entries:
        candidate, fitness = entry.candidate, entry.fitness
        fresh = candidate.round == 1 and candidate.verb is Verb.INIT and candidate.proposer == NAME
        if fresh and fitness is not None:
            sign = -1 if candidate.sample % 2 else 1
            best[sign] = max(fitness, best.get(sign, fitness))
    return max(best, key=lambda sign: best[sign]) if len(best) == 2 else 0


def _id(round_: int, sample: int) -> str:
    return Slot(round=round_, sample=sample, verb=Verb.INIT).id


def _signed(design: Design, sign: int, index: int) -> Design:
    """Set the ambiguous signs. A second one turns against the first in every other pair, so that all mixtures occur."""
    turns = [sign, -sign if index % 2 else sign]
    terms, seen = [], 0
    for term in design.terms:
        if term.ambiguous:
            term = term._replace(sign=term.sign * turns[min(seen, 1)])
            seen += 1
        terms.append(term)
    return design._replace(terms=tuple(terms))


# Ideas -------------------------------------------------------------------------------------------------------------


def _different(plan: Plan, generators: list[Random], is_first_round: bool) -> list[tuple[Design, str]]:
    """Return one design for each generator, no two with the same idea where that can be had."""
    designs: list[tuple[Design, str]] = []
    for index, rng in enumerate(generators):
        taken = {design.idea for design, _ in designs}
        planned = _planned(plan, rng, index) if is_first_round else None
        if planned is None or planned[0].idea in taken:
            planned = _random_design(plan, rng, index, taken)
        designs.append(planned)
    return designs


def _planned(plan: Plan, rng: Random, index: int) -> tuple[Design, str] | None:
    """Return round 1's design number `index`: plain, styled, another template, multiplied, guided."""
    goals = _goals(plan, index)
    effort = tuple(ways[0] for ways in plan.palette if ways[0].name == "effort")
    styles = tuple(ways[0] for ways in plan.palette if ways[0].name != "effort")
    asked = tuple(ways[0] for ways in plan.asked)
    helpers = tuple(ways[0] for ways in plan.helpers)[: MOST_GOALS - len(goals)]
    plain = tuple(ways[0] for ways in goals)
    if index == 0 or (plan.blind and index < len(plan.goals)):
        things = tuple(term for term in plain[1:] if term.signal.kind in ("distance", "flag"))
        return _design(Skeleton.SUM, (plain[0], *things, *effort)), "the plainest reward that says the task"
    if index == 1:
        terms = _jittered((*plain, *helpers, *asked, *effort, *styles), rng)
        if Skeleton.CHAIN in skeletons(terms):
            return _design(Skeleton.CHAIN, terms), "one thing after the other, each gated by the one before"
        return _design(Skeleton.SUM, terms), "the task with the style that a good solution probably has"
    if index == 2:
        other = tuple(ways[-1] for ways in goals)
        costs = tuple(term for term in styles if term.template in COSTS)
        terms = _jittered((*other, *asked, *costs[:1], *effort), rng)
        return _design(Skeleton.SUM, terms), "the task said by another template, with calm motion"
    wanted = {3: Skeleton.PRODUCT, 4: Skeleton.POTENTIAL}.get(index, Skeleton.SUM)
    terms = _limited(_jittered((*plain, *helpers, *asked, *effort, *styles), rng))
    if wanted is Skeleton.SUM or wanted not in skeletons(terms):
        return None
    return Design(wanted, terms), f"the task as {wanted.value}"


def _random_design(plan: Plan, rng: Random, index: int, taken: set[Idea]) -> tuple[Design, str]:
    design = _drawn(plan, rng, index)
    for _ in range(_TRIES):
        if design.idea not in taken:
            break
        design = _drawn(plan, rng, index)
    return design, f"a random composition: {design.skeleton.value}"


def _drawn(plan: Plan, rng: Random, index: int) -> Design:
    goals = [rng.choice(ways) for ways in _goals(plan, index)]
    goals += [rng.choice(ways) for ways in plan.helpers if rng.random() < 0.5]
    asked = [rng.choice(ways) for ways in plan.asked]
    others = [rng.choice(ways) for ways in plan.palette if rng.random() < (0.8 if ways[0].name == "effort" else 0.35)]
    rng.shuffle(others)
    terms = _limited(tuple(_warmed(term, rng) for term in _jittered((*goals, *asked, *others), rng)))
    fits = skeletons(terms)
    return Design(rng.choice([Skeleton.SUM, *fits]), terms)


def _goals(plan: Plan, index: int) -> tuple[Ways, ...]:
    return (plan.goals[index % len(plan.goals)],) if plan.blind else plan.goals


def _design(skeleton: Skeleton, terms: tuple[Term, ...]) -> Design:
    return Design(skeleton, _limited(terms))


def _limited(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Keep at most three goal terms and three others, goals first."""
    design = Design(Skeleton.SUM, terms)
    return (*design.goals[:MOST_GOALS], *design.others[:MOST_OTHERS])


def _jittered(terms: tuple[Term, ...], rng: Random) -> tuple[Term, ...]:
    """Draw each weight log-uniformly around its template's weight."""
    return tuple(term._replace(weight=rounded(term.weight * 10 ** rng.uniform(-0.4, 0.4))) for term in terms)


def _warmed(term: Term, rng: Random) -> Term:
    factor = rng.choice((0.5, 1.0, 2.0))
    return term._replace(temperature=rounded(term.temperature * factor)) if term.is_shaped else term
