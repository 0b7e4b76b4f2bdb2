"""Find and rewrite the named numbers in a reward's source: what `tune` may edit, whoever wrote the reward.

A named number is a plain `name = <number>` statement at module level or directly in a function, negative ones included.
A name that stands for different numbers in different places is left out: changing it would be ambiguous.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from designer.errors import did_you_mean
from designer.syntax import Unreadable, parse


class _Place(NamedTuple):
    """A number in the source: bytes start..end of its UTF-8 text."""

    name: str
    value: float
    start: int
    end: int


def named_numbers(source: str) -> dict[str, float]:
    """Return the named numbers in the order of their first assignment. Raises ValueError for what doesn't parse."""
    values: dict[str, set[float]] = {}
    for place in _places(source):
        values.setdefault(place.name, set()).add(place.value)
    return {name: found.pop() for name, found in values.items() if len(found) == 1}


def with_numbers(source: str, changes: Mapping[str, float]) -> str:
    """Return the source with the numbers in `changes` replaced and every other character kept.

    Raises ValueError for an unknown name, for a value that is not finite, and where the source doesn't parse.
    """
    known = named_numbers(source)
    for name, value in changes.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            raise ValueError(f"no number is named {name!r}.{did_you_mean(name, known)} Named numbers: {listed}")
        if not math.isfinite(value):
            raise ValueError(f"{name} = {value} is not finite. Give a finite number.")
    text = source.encode()
    for place in sorted(_places(source), key=lambda place: place.start, reverse=True):
        if place.name in changes:
            text = text[: place.start] + repr(float(changes[place.name])).encode() + text[place.end :]
    return text.decode()


def _places(source: str) -> list[_Place]:
    tree = parse(source, "exec")
    if isinstance(tree, Unreadable):
        raise ValueError(f"the source can't be read as Python: line {tree.line}: {tree.message}")
    line_starts = [0]
    for line in source.encode().splitlines(keepends=True):
        line_starts.append(line_starts[-1] + len(line))
    return [place for statement in _plain_statements(tree) for place in _number_in(statement, line_starts)]


def _plain_statements(tree: ast.Module) -> Iterator[ast.stmt]:
    yield from tree.body
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from node.body


def _number_in(statement: ast.stmt, line_starts: list[int]) -> Iterator[_Place]:
    """Yield the place of the number that a statement names, if it is a plain assignment of one."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=expression):
            value = _number(expression)
            if value is not None and expression.end_lineno is not None and expression.end_col_offset is not None:
                start = line_starts[expression.lineno - 1] + expression.col_offset
                end = line_starts[expression.end_lineno - 1] + expression.end_col_offset
                yield _Place(name, value, start, end)


def _number(expression: ast.expr) -> float | None:
    """Return the value of a finite literal, or None: a bool, a complex or an overflowing number is none of ours."""
    match expression:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as constant):
            value = _number(constant)
            return None if value is None else -value
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as literal):
            try:
                value = float(literal)
            except OverflowError:
                return None
            return value if math.isfinite(value) else None
    return None
