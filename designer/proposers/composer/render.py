"""A design as reward code, and back: a design's numbers read from code that was tuned."""

from __future__ import annotations

import textwrap
from enum import StrEnum
from typing import NamedTuple

from designer.numbers import named_numbers
from designer.proposers.composer.terms import (
    BOUNDED,
    COSTS,
    GOAL_ROLES,
    OPEN_ENDED,
    Role,
    Template,
    Term,
    numbers,
    units,
    value,
    weighted,
)


class Skeleton(StrEnum):
    """How the terms become a reward."""

    SUM = "sum"
    PRODUCT = "progress times what keeps it clean"
    CHAIN = "gated chain"
    POTENTIAL = "goal plus a potential"


Idea = tuple[Skeleton, frozenset[tuple[str, Template, int]]]
"""A skeleton and its terms without any number."""


class Design(NamedTuple):
    """A reward as the composer thinks of it, goals first."""

    skeleton: Skeleton
    terms: tuple[Term, ...]

    @property
    def goals(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if term.role in GOAL_ROLES)

    @property
    def others(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if term.role not in GOAL_ROLES)

    @property
    def primary(self) -> Term:
        """The goal that stays whatever else is dropped: of a chain of distances, the last one."""
        distances = [term for term in self.goals if term.signal.kind == "distance"]
        return distances[-1] if distances and self.terms[0] in distances else self.terms[0]

    @property
    def idea(self) -> Idea:
        """Everything but the numbers: two designs with the same idea differ in tuning only."""
        return self.skeleton, frozenset((term.name, term.template, term.sign) for term in self.terms)


def skeletons(terms: tuple[Term, ...]) -> tuple[Skeleton, ...]:
    """Return the skeletons that these terms can fill."""
    goals = [term for term in terms if term.role in GOAL_ROLES]
    fits = [Skeleton.SUM]
    if _is_progress(terms[0]) and any(_is_factor(term) for term in terms[1:]):
        fits.append(Skeleton.PRODUCT)
    if sum(term.template in BOUNDED and term.signal.kind == "distance" for term in goals) > 1:
        fits.append(Skeleton.CHAIN)
    if len(goals) > 1 and not any(term.template is Template.DELTA for term in goals):
        fits.append(Skeleton.POTENTIAL)
    return tuple(fits)


def _is_progress(term: Term) -> bool:
    """Whether it can become positive: what is always a loss can't be multiplied by a share of it."""
    most = term.signal.high if term.sign > 0 else -term.signal.low
    return term.template is Template.DELTA or (term.template in OPEN_ENDED and most > 0)


def _is_factor(term: Term) -> bool:
    return term.role in (Role.STYLE, Role.COST) and term.template in BOUNDED | COSTS


# Code --------------------------------------------------------------------------------------------------------------


class _Block(NamedTuple):
    """One function's named numbers, statements and returned entries."""

    constants: dict[str, float]
    statements: list[str]
    entries: dict[str, str]


def render(design: Design, text: str) -> str:
    """Write the design as a reward, with the task's sentence as its docstring."""
    comments = {name: unit for term in design.terms for name, unit in units(term).items()}
    if design.skeleton is Skeleton.POTENTIAL:
        guiding = tuple(term for term in design.goals if term is not design.primary)
        paid = tuple(term for term in design.terms if term not in guiding)
        blocks = [_function("reward(s: State, a: Tensor)", text, _sum(paid), comments)]
        purpose = "Guide without changing what is best: paid as the discounted change of this."
        blocks.append(_function("potential(s: State)", purpose, _sum(guiding), comments))
    else:
        writers = {Skeleton.SUM: _sum, Skeleton.PRODUCT: _product, Skeleton.CHAIN: _chain}
        blocks = [_function("reward(s: State, a: Tensor)", text, writers[design.skeleton](design.terms), comments)]
    return "import torch\nfrom torch import Tensor\n\n\n" + "\n\n\n".join(blocks) + "\n"


def _function(signature: str, text: str, block: _Block, comments: dict[str, str]) -> str:
    lines = [docstring(text)]
    for name, number in block.constants.items():
        unit = f"  # {comments[name]}" if name in comments else ""
        lines.append(f"{name} = {number!r}{unit}")
    lines += block.statements
    entries = [f'"{name}": {code}' for name, code in block.entries.items()]
    short = f"return {{{', '.join(entries)}}}"
    lines.append(short if len(short) < 112 else "return {\n    " + ",\n    ".join(entries) + ",\n}")
    return f"def {signature} -> dict[str, Tensor]:\n" + textwrap.indent("\n".join(lines), "    ")


def docstring(text: str) -> str:
    """Write a sentence as a docstring, whatever is in it."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    lines = textwrap.wrap(plain.replace("\\", "\\\\").replace('"', '\\"'), 100, break_long_words=False)
    return '"""' + "\n".join(lines) + ('\n"""' if len(lines) > 1 else '"""')


def _sum(terms: tuple[Term, ...]) -> _Block:
    block = _Block({}, [], {})
    for term in terms:
        _add(block, term)
    return block


def _add(block: _Block, term: Term) -> None:
    block.constants.update(numbers(term))
    block.statements.append(f"{term.name} = {weighted(term)}")
    block.entries[term.name] = term.name


def _product(terms: tuple[Term, ...]) -> _Block:
    """Multiply what the primary goal gains, never what it loses, by how cleanly it is done."""
    progress, block = terms[0], _Block({}, [], {})
    block.constants.update(numbers(progress))
    block.statements.append(f"progress = {weighted(progress)}")
    factors = []
    for term in (term for term in terms[1:] if _is_factor(term)):
        is_cost = term.template in COSTS
        block.constants.update(numbers(term, with_weight=is_cost))
        code = f"torch.exp(-{term.name}_weight * {value(term)})" if is_cost else value(term)
        block.statements.append(f"{term.name} = {code}")
        factors.append(term.name)
    block.statements.append(f"{progress.name} = torch.minimum(progress, progress * {' * '.join(factors)})")
    block.entries[progress.name] = progress.name
    for term in (term for term in terms[1:] if not _is_factor(term)):
        _add(block, term)
    return block


def _chain(terms: tuple[Term, ...]) -> _Block:
    """Pay each distance only as far as the one before it is closed."""
    block, gate = _Block({}, [], {}), ""
    for term in terms:
        if term.role in GOAL_ROLES and term.signal.kind == "distance" and term.template in BOUNDED:
            block.constants.update(numbers(term))
            opened = f"{term.name}_share"
            block.statements.append(f"{opened} = {gate}{value(term)}")
            block.statements.append(f"{term.name} = {term.name}_weight * {opened}")
            block.entries[term.name] = term.name
            gate = f"{opened} * "
        else:
            _add(block, term)
    return block


def adopt(design: Design, source: str, text: str) -> Design | None:
    """Return the design with the source's numbers, or None where the source is not this design's code."""
    try:
        found = named_numbers(source)
    except ValueError:
        return None
    adopted = design._replace(terms=tuple(_with_numbers(term, found) for term in design.terms))
    return adopted if render(adopted, text) == source else None


def _with_numbers(term: Term, found: dict[str, float]) -> Term:
    return term._replace(
        weight=found.get(f"{term.name}_weight", term.weight),
        target=found.get(f"{term.name}_target", term.target),
        temperature=found.get(f"{term.name}_temperature", term.temperature),
    )
