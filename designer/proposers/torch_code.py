"""A value of a step, from an expression's tree to a reward's code: `-torso_velocity[x]` becomes `-s.torso_velocity[:, 0]`.

It pays what the interpreter in the score box measures (`sandbox/measure.py`); a test holds the two against each other.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from designer.records import StateTable

_SYMBOLS = {**{"+": "+", "-": "-", "*": "*", "/": "/", "**": "**"}, **{op: op for op in ("<", "<=", ">", ">=", "==", "!=")}}
_NUMBERS: Mapping[str, Callable[..., float]] = {
    **{"abs": abs, "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "cos": math.cos, "sin": math.sin, "tanh": math.tanh},
    **{"minimum": min, "maximum": max, "neg": operator.neg, "+": operator.add, "-": operator.sub, "*": operator.mul},
    **{"/": operator.truediv, "**": operator.pow},
}
"""What is the same at every step is worked out here: torch's functions take no plain numbers."""


class _Code(NamedTuple):
    """Code, whether it needs no brackets beside an operator, and whether it is true or false. number: it is the same always."""

    text: str
    is_whole: bool = True
    is_condition: bool = False
    number: float | None = None

    @property
    def bracketed(self) -> str:
        return self.text if self.is_whole else f"({self.text})"


def torch_code(tree: Mapping[str, Any], table: StateTable) -> str:
    """Write a step's value as torch code over `s` and `a`: (num_envs,). A condition is 1 or 0."""
    code = _code(tree, table)
    return f"torch.where({code.text}, 1.0, 0.0)" if code.is_condition else code.text


def _code(node: Mapping[str, Any], table: StateTable) -> _Code:
    op = node["op"]
    if op in ("number", "dt"):
        return _number(node["value"] if op == "number" else table.dt_s)
    if op == "time":
        return _Code("s.episode_time_s")
    if op in ("field", "action"):
        index = "".join(f", {place}" for place in node["index"])
        return _Code(f"{_vector(node)}[:{index}]" if index else _vector(node))
    if op == "norm":
        return _norm(node["args"][0], table)
    return _applied(op, [_code(arg, table) for arg in node["args"]])


def _number(value: float) -> _Code:
    return _Code(repr(float(value)), is_whole=value >= 0, number=float(value))


def _vector(node: Mapping[str, Any]) -> str:
    return "a" if node["op"] == "action" else f"s.{node['name']}"


def _norm(node: Mapping[str, Any], table: StateTable) -> _Code:
    nested = node["op"] == "field" and len(table.by_name[node["name"]].shape) > 1
    return _Code(f"torch.linalg.norm({_vector(node)}{'.flatten(1)' if nested else ''}, dim=-1)")


def _applied(op: str, args: list[_Code]) -> _Code:
    numbers = [arg.number for arg in args if arg.number is not None]
    if op in _NUMBERS and len(numbers) == len(args):
        return _number(_NUMBERS[op](*numbers))
    if op in _SYMBOLS:
        condition = op[0] in "<>=!"
        return _Code(f"{args[0].bracketed} {_SYMBOLS[op]} {args[1].bracketed}", is_whole=False, is_condition=condition)
    if op == "neg":
        return _Code(f"-{args[0].bracketed}", is_whole=False)
    if op in ("and", "or"):
        joined = f" {'&' if op == 'and' else '|'} ".join(arg.bracketed for arg in args)
        return _Code(joined, is_whole=False, is_condition=True)
    if op == "not":
        return _Code(f"torch.logical_not({args[0].text})", is_condition=True)
    if op == "clip":
        return _applied("minimum", [_applied("maximum", args[:2]), args[2]])
    if op in ("minimum", "maximum"):
        return _bounded(op, args)
    return _Code(f"torch.{op}({', '.join(arg.text for arg in args)})")


def _bounded(op: str, args: list[_Code]) -> _Code:
    """Write the smaller or the larger of two values, of which one may be a number."""
    number = next((arg for arg in args if arg.number is not None), None)
    if number is None:
        return _Code(f"torch.{op}({args[0].text}, {args[1].text})")
    value = args[1] if number is args[0] else args[0]
    return _Code(f"torch.clamp({value.text}, {'max' if op == 'minimum' else 'min'}={number.text})")
