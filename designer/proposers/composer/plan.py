"""What a task asks in a world, as the terms that a design may be made of."""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import NamedTuple

from designer.proposers.composer.aims import LIVELY, Aim, Duty, Quantity, Shape, aims_of
from designer.proposers.composer.posture import uprightness
from designer.proposers.composer.signals import Signal, action, along, components, whole
from designer.proposers.composer.terms import Role, Template, Term, rounded
from designer.proposers.composer.ways import Ways, alive, height, ways_of
from designer.proposers.composer.words import clauses, content_tokens, name_words, plain_forms, tokens
from designer.records import StateTable

MOST_GOALS = 3
MOST_OTHERS = 3
EFFORT_SHARE = 0.08
"""What full effort costs, where reaching the goal's measured scale pays 1."""


class Plan(NamedTuple):
    """Terms to design from: each entry is one wish in several ways. A blind plan's goals are guesses: one a design.

    helpers: make the goals easier to find. asked: styles that the sentence asks for, in every design.
    palette: styles and costs that a design may add.
    """

    goals: tuple[Ways, ...]
    helpers: tuple[Ways, ...]
    asked: tuple[Ways, ...]
    palette: tuple[Ways, ...]
    blind: bool

    @property
    def is_ambiguous(self) -> bool:
        return any(ways[0].ambiguous for ways in (*self.goals, *self.helpers))


def understand(text: str, table: StateTable) -> Plan:
    """Read the sentence against the table. Where no word of it means anything here, the plan is blind."""
    aims = [*aims_of(text), *_named_things(text, table)]
    found = [(aim, ways) for aim in aims for ways in ways_of(aim, table)]
    goals = _with_duty(found, Duty.GOAL) or _with_duty(found, Duty.FALLBACK)[:1]
    if not goals:
        return Plan(_guesses(table), (), (), _palette(table, "", frozenset()), True)
    excluded = frozenset(chain.from_iterable(aim.excludes for aim, _ in found)) | _against_turning(goals)
    return Plan(
        _weighed(goals[:MOST_GOALS]),
        _with_duty(found, Duty.HELPER, goals) or _approaches(goals, table),
        _with_duty(found, Duty.STYLE, goals)[: MOST_OTHERS - 1],
        tuple(ways for ways in _palette(table, text, excluded) if not _repeats(ways[0], found)),
        False,
    )


def _against_turning(goals: tuple[Ways, ...]) -> frozenset[str]:
    """Return the styles that a turn about a level axis breaks, also where "turn" is read as such a turn in a plane."""
    tilts = any(
        term.signal.kind == "angular_velocity" and not name_words(term.signal.label) & {"yaw", "z"}
        for term in chain.from_iterable(goals)
    )
    return LIVELY if tilts else frozenset()


def _repeats(term: Term, found: list[tuple[Aim, Ways]]) -> bool:
    """Whether an aim already has the term's name or reads the same quantity."""
    wished = [wish for _, ways in found for wish in ways]
    return any(wish.name == term.name or wish.signal.code == term.signal.code for wish in wished)


def _approaches(goals: tuple[Ways, ...], table: StateTable) -> tuple[Ways, ...]:
    """Return every distance as a helper where flags alone are asked: which one leads there is not known."""
    if any(ways[0].template is not Template.FLAG for ways in goals):
        return ()
    return tuple((_guess(signal)._replace(role=Role.HELPER),) for signal in components(table, "distance"))


def _with_duty(found: list[tuple[Aim, Ways]], duty: Duty, besides: tuple[Ways, ...] = ()) -> tuple[Ways, ...]:
    """Return the wishes of one duty, each name once and none that `besides` has."""
    taken = {ways[0].name for ways in besides}
    groups = {ways[0].name: ways for aim, ways in found if aim.duty is duty and ways[0].name not in taken}
    return tuple(groups.values())


def _weighed(goals: tuple[Ways, ...]) -> tuple[Ways, ...]:
    """Let the first wish about the body lead, and of two distances the later one, which needs the first."""
    weighed, distances = [], 0
    for number, ways in enumerate(goals):
        kind = ways[0].signal.kind
        distances += kind == "distance"
        factor = distances if kind == "distance" else 0.5 if number and kind != "flag" else 1.0
        weighed.append(tuple(term._replace(weight=rounded(term.weight * factor)) for term in ways))
    return tuple(weighed)


def _named_things(text: str, table: StateTable) -> list[Aim]:
    """Return the wish for a flag or a distance whose name the sentence says, where no known verb asks for it."""
    words = tuple(content_tokens(text))
    said = {form for word in words for form in plain_forms(word)}
    small = {"is", "the", "at", "on", "in"}
    named = [flag for flag in components(table, "flag") if said & (name_words(flag.label) - small)]
    duty = Duty.HELPER if aims_of(text) else Duty.GOAL
    near = Aim("near", Quantity.DISTANCE, Shape.LOW, "named", duty=Duty.FALLBACK, words=words)
    flag = Aim("flag", Quantity.FLAG, Shape.GROW, duty=duty, words=words)
    return [flag, near] if named and "not" not in words else [near]


# Not understood ----------------------------------------------------------------------------------------------------

_GUESSED_KINDS = ("linear_velocity", "distance", "flag", "angular_velocity", "orientation")


def _guesses(table: StateTable) -> tuple[Ways, ...]:
    """Return every velocity, distance, flag and orientation as a goal, kinds by turns; else whatever the table has."""
    by_kind = [[(_guess(signal),) for signal in components(table, kind)] for kind in _GUESSED_KINDS]
    guesses = tuple(ways for turn in zip_longest(*by_kind) for ways in turn if ways)
    return guesses or tuple((_guess(signal),) for signal in components(table)) or ((alive("alive", 1.0, Role.GOAL),),)


def _guess(signal: Signal) -> Term:
    if signal.kind == "distance":
        half = rounded(signal.scale / 2)
        return Term(f"near_{signal.label}", Role.GOAL, Template.NEAR, signal, 1.0, temperature=half)
    if signal.kind == "flag":
        return Term(f"{signal.label}_bonus", Role.GOAL, Template.FLAG, signal, 1.0)
    weight = rounded(1.0 / signal.scale)
    return Term(f"more_{signal.label}", Role.GOAL, Template.LINEAR, signal, weight, ambiguous=True)


# Styles and costs --------------------------------------------------------------------------------------------------


def _palette(table: StateTable, text: str, excluded: frozenset[str]) -> tuple[Ways, ...]:
    """Return what may accompany the goal: effort first, then styles; nothing that the goal excludes."""
    said = clauses(table.summary)
    thrifty = any(word in ("smoothly", "smooth", "efficiently", "efficient", "calmly") for word in tokens(text))
    groups = [] if table.action.choices else [_effort(table, 3.0 if thrifty else 1.0)]
    if any("episode" in clause and {"end", "ends", "ended", "terminates"} & set(clause) for clause in said):
        groups.append((alive("alive", 0.3),))
    groups += [*_postures(table), *_calms(table)]
    return tuple(ways for ways in groups if ways[0].name not in excluded)


def _effort(table: StateTable, times: float) -> Ways:
    signal = action(table)
    bounds = [max(abs(low), abs(high)) for low, high in zip(table.action.low, table.action.high, strict=True)]
    most_squared, most = sum(bound**2 for bound in bounds) or 1.0, sum(bounds) or 1.0
    squared = Term("effort", Role.COST, Template.SQUARED, signal, rounded(times * EFFORT_SHARE / most_squared))
    return (squared, squared._replace(template=Template.ABSOLUTE, weight=rounded(times * EFFORT_SHARE / most)))


def _postures(table: StateTable) -> list[Ways]:
    found: list[Ways] = []
    upright = uprightness(table)
    if upright and upright.certain:
        level = Term("level", Role.STYLE, Template.TOLERANCE, upright.signal, 0.2, upright.sign, 1.0, 0.5)
        found.append((level, level._replace(template=Template.ABOVE, target=0.7, temperature=0.2)))
    body = height(table)
    if body and not components(table, "distance"):
        target, temperature = rounded(body.low), rounded(0.5 * body.spread)
        found.append((Term("tall", Role.STYLE, Template.ABOVE, body, 0.2, 1, target, temperature),))
    return found


def _calms(table: StateTable) -> list[Ways]:
    """Return the costs on motion that the goal doesn't need."""
    wanted: list[tuple[str, Signal | None]] = [("quiet_joints", whole(table, "joint_velocity"))]
    wanted.append(("steady", whole(table, "angular_velocity")))
    for name, axis in (("no_drift", "left"), ("no_bounce", "up")):
        reading = along(table, "linear_velocity", axis)
        wanted.append((name, reading.signal if reading else None))
    return [(_cost(name, signal),) for name, signal in wanted if signal]


def _cost(name: str, signal: Signal) -> Term:
    weight = rounded(0.05 / (signal.width * signal.scale**2))
    return Term(name, Role.COST, Template.SQUARED, signal, weight)
