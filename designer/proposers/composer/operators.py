"""Change designs: mutate, cross over, simplify. Each says in a sentence what it changed, and changes nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from designer.proposers.composer.plan import MOST_GOALS, MOST_OTHERS, Plan
from designer.proposers.composer.render import Design, Skeleton, skeletons
from designer.proposers.composer.terms import GOAL_ROLES, Term, rounded
from designer.records import Trial

SHAPING_PREFIX = "shaping_"
"""The harness traces a potential's terms under this prefix."""


class Changed(NamedTuple):
    """A design and what was done to get it."""

    design: Design
    why: str
    expects: str


def mutate(design: Design, plan: Plan, rng: Random) -> Changed | None:
    """Make one change, drawn among those that this design allows. None where every one leaves it as it is."""
    changes: list[Callable[[Design, Plan, Random], Changed | None]] = [jitter, warm, add, drop, swap, flip]
    rng.shuffle(changes)
    changed = (change(design, plan, rng) for change in changes)
    return next((result for result in changed if result and result.design != design), None)


def jitter(design: Design, plan: Plan, rng: Random) -> Changed:
    """Multiply every weight by 2^N(0, 0.5)."""
    terms = tuple(term._replace(weight=rounded(term.weight * 2 ** rng.gauss(0.0, 0.5))) for term in design.terms)
    why = "All weights are multiplied by random factors near 1; the terms stay."
    return Changed(design._replace(terms=terms), why, "A balance of the same terms that learns faster or further.")


def warm(design: Design, plan: Plan, rng: Random) -> Changed | None:
    """Double or halve one temperature."""
    shaped = [term for term in design.terms if term.is_shaped]
    if not shaped:
        return None
    chosen, factor = rng.choice(shaped), rng.choice((0.5, 2.0))
    new = chosen._replace(temperature=rounded(chosen.temperature * factor))
    why = f"The temperature of {chosen.name} is {'doubled' if factor > 1 else 'halved'}."
    expects = f"{chosen.name} {'gives a slope from further away' if factor > 1 else 'asks for more precision'}."
    return Changed(_replaced(design, chosen, new), why, expects)


def add(design: Design, plan: Plan, rng: Random) -> Changed | None:
    """Add one term that the design doesn't have yet."""
    names = {term.name for term in design.terms}
    groups = plan.palette if len(design.others) < MOST_OTHERS else ()
    helpers = plan.helpers if len(design.goals) < MOST_GOALS else ()
    free = [ways for ways in (*groups, *helpers) if ways[0].name not in names]
    if not free:
        return None
    term = rng.choice(rng.choice(free))
    why = f"{term.phrase} is added."
    terms = (*design.goals, term, *design.others) if term.role in GOAL_ROLES else (*design.terms, term)
    return Changed(design._replace(terms=terms), why, f"{term.name} improves how the goal is reached.")


def drop(design: Design, plan: Plan, rng: Random) -> Changed | None:
    """Drop one term, never the primary goal, and only where the skeleton still stands."""
    less = [(term, design._replace(terms=_without(design.terms, term))) for term in spare(design)]
    sound = [(term, smaller) for term, smaller in less if design.skeleton in skeletons(smaller.terms)]
    if not sound:
        return None
    term, smaller = rng.choice(sound)
    return Changed(smaller, f"{term.name} is dropped.", "The goal is reached as well or better without it.")


def swap(design: Design, plan: Plan, rng: Random) -> Changed | None:
    """Say a goal by another template, or put the terms on another skeleton."""
    options: list[Changed] = []
    for other in skeletons(design.terms):
        if other is not design.skeleton:
            why = f"The same terms form a {other.value} instead of a {design.skeleton.value}."
            expects = "The structure, not the terms, was the limit."
            options.append(Changed(design._replace(skeleton=other), why, expects))
    for term in design.goals:
        for way in _other_ways(term, plan):
            swapped = _replaced(design, term, way)
            if design.skeleton in skeletons(swapped.terms):
                why = f"{term.name} is now {way.template.value} instead of {term.template.value}."
                options.append(Changed(swapped, why, f"{term.name} is easier to learn in this shape."))
    return rng.choice(options) if options else None


def flip(design: Design, plan: Plan, rng: Random) -> Changed | None:
    """Turn one sign that neither the sentence nor the table decides."""
    ambiguous = [term for term in design.terms if term.ambiguous]
    if not ambiguous:
        return None
    term = rng.choice(ambiguous)
    why = f"The sign of {term.name} is turned: neither the task nor the table says which is meant."
    return Changed(_replaced(design, term, term._replace(sign=-term.sign)), why, "The other direction was meant.")


def crossover(first: Design, second: Design, names: tuple[str, str]) -> Changed:
    """Join the goal block of the first with the other block of the second."""
    terms = (*first.goals, *second.others)
    kept = [skeleton for skeleton in (first.skeleton, second.skeleton) if skeleton in skeletons(terms)]
    joined = Design((*kept, Skeleton.SUM)[0], terms)
    goals, others = (", ".join(term.name for term in block) for block in (first.goals, second.others))
    why = f"The goal terms ({goals}) come from {names[0]}, the others ({others or 'none'}) from {names[1]}."
    return Changed(joined, why, "The goal of the one is reached in the manner of the other.")


def simplify(design: Design, trials: Sequence[Trial]) -> Changed | None:
    """Drop the term with the least share, as far as the trials' traces tell. None: only the goal is left."""
    if len(design.terms) < 2:
        return None
    shares = _shares(trials)
    traced = [term for term in spare(design) if term.name in shares]
    chosen = min(traced, key=lambda term: shares[term.name]) if traced else spare(design)[-1]
    share = f"with {shares[chosen.name]:.1%} of the reward the least" if traced else "no trace tells its share"
    why = f"{chosen.name} is dropped ({share})."
    return Changed(without(design, chosen), why, "As good without it, and easier to read.")


def without(design: Design, term: Term) -> Design:
    """Drop a term; a skeleton that can't do without it becomes a sum."""
    terms = _without(design.terms, term)
    return Design(design.skeleton if design.skeleton in skeletons(terms) else Skeleton.SUM, terms)


def spare(design: Design) -> list[Term]:
    """Return the terms that may be dropped."""
    return [term for term in design.terms if term is not design.primary]


def _shares(trials: Sequence[Trial]) -> dict[str, float]:
    """Return each traced term's share of the sum of all terms' mean magnitudes."""
    sizes: dict[str, float] = {}
    for trace in (trace for trial in trials for trace in trial.traces if trace.mean):
        name = trace.name.removeprefix(SHAPING_PREFIX)
        sizes[name] = sizes.get(name, 0.0) + sum(map(abs, trace.mean)) / len(trace.mean)
    total = sum(sizes.values())
    return {name: size / total for name, size in sizes.items()} if total else {}


def _other_ways(term: Term, plan: Plan) -> list[Term]:
    """Return the term's wish in other templates, its sign kept."""
    groups = (ways for ways in (*plan.goals, *plan.helpers, *plan.asked) if ways[0].name == term.name)
    return [way._replace(sign=_sign_in(way, term)) for ways in groups for way in ways if way.template != term.template]


def _sign_in(way: Term, term: Term) -> int:
    return term.sign if term.ambiguous and way.ambiguous else way.sign


def _replaced(design: Design, old: Term, new: Term) -> Design:
    return design._replace(terms=tuple(new if term is old else term for term in design.terms))


def _without(terms: tuple[Term, ...], gone: Term) -> tuple[Term, ...]:
    return tuple(term for term in terms if term is not gone)
