"""The templates of a reward term, and a term's code and its named numbers."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from designer.proposers.composer.signals import Signal


class Template(StrEnum):
    """The shape of a term; the value says it in words."""

    LINEAR = "linear"
    CLIPPED = "linear up to a ceiling"
    TOLERANCE = "bell around a target"
    NEAR = "near"
    ABOVE = "above a height"
    BELOW = "below a height"
    SQUARED = "squared cost"
    ABSOLUTE = "absolute cost"
    DELTA = "change in a step"
    FLAG = "flag"
    ALIVE = "constant"


COSTS = frozenset({Template.SQUARED, Template.ABSOLUTE})
BOUNDED = frozenset({Template.TOLERANCE, Template.NEAR, Template.ABOVE, Template.BELOW})
"""Values in 0..1: these can serve as a factor or a gate."""
OPEN_ENDED = frozenset({Template.LINEAR, Template.CLIPPED, Template.DELTA})


class Role(StrEnum):
    """Goal terms are what the task asks; the others are how it is done."""

    GOAL = "goal"
    HELPER = "helper"
    STYLE = "style"
    COST = "cost"
    ALIVE = "alive"


GOAL_ROLES = frozenset({Role.GOAL, Role.HELPER})


class Term(NamedTuple):
    """One named term of a reward.

    weight: per unit of the template's value. target and temperature: in the signal's unit. ceiling: for CLIPPED only,
    not a named number, so that tuning can't lower it. ambiguous: neither sentence nor table says which sign is meant.
    """

    name: str
    role: Role
    template: Template
    signal: Signal
    weight: float
    sign: int = 1
    target: float = 0.0
    temperature: float = 1.0
    ceiling: float = 0.0
    ambiguous: bool = False

    @property
    def is_shaped(self) -> bool:
        """Whether it has a temperature."""
        return self.template in BOUNDED

    @property
    def has_target(self) -> bool:
        """Whether it has a target; a bell around zero has none to tune."""
        if self.template is Template.TOLERANCE:
            return self.target != 0
        return self.template in (Template.ABOVE, Template.BELOW)

    @property
    def phrase(self) -> str:
        return f"{self.name} ({self.template.value} of {'-' if self.sign < 0 else ''}{self.signal.label})"


def rounded(value: float) -> float:
    """Return the value with three significant digits."""
    return float(f"{value:.3g}")


def numbers(term: Term, with_weight: bool = True) -> dict[str, float]:
    """Return the term's named numbers."""
    named = {f"{term.name}_weight": term.weight} if with_weight else {}
    if term.has_target:
        named[f"{term.name}_target"] = term.target
    if term.is_shaped:
        named[f"{term.name}_temperature"] = term.temperature
    return named


def units(term: Term) -> dict[str, str]:
    """Return the unit of each named number that has one."""
    return {f"{term.name}_{what}": term.signal.unit for what in ("target", "temperature") if term.signal.unit not in ("", "1")}


def value(term: Term) -> str:
    """Return the term's code without its weight; costs come out positive. Shape: (num_envs,)."""
    reading = term.signal.read(term.sign)
    width = f"{term.name}_temperature"
    offset = f"{term.name}_target"
    total = ".sum(-1)" if term.signal.width > 1 else ""
    match term.template:
        case Template.CLIPPED:
            return f"torch.clamp({reading}, max={term.ceiling!r})"
        case Template.TOLERANCE:
            gap = f"({reading} - {offset})" if term.has_target else reading
            return f"torch.exp(-torch.square({gap} / {width}){total})"
        case Template.NEAR:
            return f"(1.0 - torch.tanh({reading} / {width}))"
        case Template.ABOVE:
            return f"torch.sigmoid(({reading} - {offset}) / {width})"
        case Template.BELOW:
            return f"torch.sigmoid(({offset} - {reading}) / {width})"
        case Template.SQUARED:
            return f"torch.square({reading}){total}"
        case Template.ABSOLUTE:
            return f"torch.abs({reading}){total}"
        case Template.DELTA:
            now, before = term.signal.read(), term.signal.read(state="s.prev")
            return f"({now} - {before})" if term.sign > 0 else f"({before} - {now})"
        case Template.ALIVE:
            return "torch.ones_like(a[:, 0])"
    return reading


def weighted(term: Term) -> str:
    """Return the term's code with its weight and, for a cost, its minus sign."""
    return f"{'-' if term.template in COSTS else ''}{term.name}_weight * {value(term)}"
