"""The small language for a fitness, a success and a sparse reward: parsed here to a JSON tree, never run here.

    mean(torso_velocity[x]) - 0.1 * mean(norm(action) ** 2)        one number an episode: a fitness
    last(torso_position[x]) > 5 and min(torso_position[z]) > 0.3   true or false an episode: a success
    torso_position[x] > 5                                          one number a step: a sparse reward

Values of a step (the state after each action):
    field, field[x], field[0]     a field of the state; a component by its label or its number
    action[0], action[bthigh]     a component of the action as applied
    norm(field), norm(action)     the Euclidean length of a vector
    time                          seconds since the episode began
Values of an episode:  length_s   how long it lasted.   Of the world:  dt   seconds between two steps
Arithmetic:    + - * / and ** with a plain number; abs sqrt exp log cos sin tanh clip(x, low, high) min(x, y) max(x, y)
Conditions:    < <= > >= == !=, chained too; and, or, not; where(condition, x, y). As a result, true is 1, false is 0.
Over the steps of an episode until its end:
    mean(x) sum(x) std(x) min(x) max(x) first(x) last(x)
    integral(x)                   the sum times dt
    share(condition)              the share of steps where it holds, 0 to 1
    mean_limit(x)                 the sum divided by the step LIMIT, so that ending early never pays (for x >= 0)
"""

from __future__ import annotations

import ast
import math
from enum import IntEnum
from typing import Any, NamedTuple, NoReturn

from designer.errors import TaskError, did_you_mean
from designer.records import Expression, StateTable
from designer.syntax import Unreadable, column, parse

MAX_CHARACTERS = 1000
MAX_DEPTH = 60
MAX_EXPONENT = 10.0

REDUCTIONS = ("mean", "sum", "std", "min", "max", "first", "last", "integral", "share", "mean_limit")
ELEMENTWISE = {"abs": 1, "sqrt": 1, "exp": 1, "log": 1, "cos": 1, "sin": 1, "tanh": 1, "clip": 3, "where": 3}
TWO_VALUES = {"min": "minimum", "max": "maximum"}
CLOCKS = ("dt", "time", "length_s")

_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARISONS: dict[type[ast.cmpop], str] = dict(
    zip((ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq), ("<", "<=", ">", ">=", "==", "!="), strict=True)
)


class Level(IntEnum):
    """How often a value changes. A value made of two others has the higher level of the two."""

    CONSTANT = 0
    EPISODE = 1
    STEP = 2


class Parsed(NamedTuple):
    """A part of an expression: its JSON tree, how often it changes, and whether it is true or false."""

    tree: dict[str, Any]
    level: Level
    is_condition: bool = False


def parse_episode(text: str, table: StateTable) -> Expression:
    """Parse a fitness: one number an episode (a condition counts as 1 or 0). Raises TaskError."""
    parser = _Parser(text, table, per_step=False)
    parser.require_episode(parser.whole)
    return parser.expression()


def parse_success(text: str, table: StateTable) -> Expression:
    """Parse a success: true or false an episode. Raises TaskError."""
    parser = _Parser(text, table, per_step=False)
    parser.require_episode(parser.whole)
    if not parser.whole.is_condition:
        parser.fail(None, "this is a number; a success is true or false: compare it, such as mean(...) > 1.")
    return parser.expression()


def parse_step(text: str, table: StateTable) -> Expression:
    """Parse a sparse reward: one number a step (a condition counts as 1 or 0). Raises TaskError."""
    parser = _Parser(text, table, per_step=True)
    if parser.whole.level is Level.CONSTANT:
        parser.fail(None, "this is the same at every step: name a field of the state.")
    return parser.expression()


class _Parser:
    """One text. `whole` is the parsed expression."""

    def __init__(self, text: str, table: StateTable, per_step: bool) -> None:
        self._text = " ".join(text.split())
        self._table = table
        self._per_step = per_step
        self.whole = self._parsed(self._body(), 0)

    def expression(self) -> Expression:
        return Expression(text=self._text, tree=self.whole.tree)

    def require_episode(self, parsed: Parsed) -> None:
        if parsed.level is Level.STEP:
            self.fail(None, "this changes from step to step and needs a reduction such as mean(...).")
        if parsed.level is Level.CONSTANT:
            self.fail(None, "this is the same for every policy: name a field of the state, such as in mean(...).")

    def fail(self, node: ast.AST | int | None, message: str) -> NoReturn:
        """Raise TaskError, with the column where a node (or a column number) is given."""
        at = column(node, self._text) if isinstance(node, ast.AST) else node
        shown = self._text if len(self._text) <= 100 else f"{self._text[:100]} [cut]"
        raise TaskError(f'"{shown}"' + (f", column {at}" if at else "") + f": {message}")

    def _body(self) -> ast.expr:
        if not self._text:
            raise TaskError("the expression is empty. Write for example mean(<field>).")
        if len(self._text) > MAX_CHARACTERS:
            self.fail(None, f"{len(self._text)} characters; at most {MAX_CHARACTERS} are read. Use file.py:function.")
        if "#" in self._text:
            self.fail(self._text.index("#") + 1, "an expression has no comments.")
        tree = parse(self._text, "eval")
        if isinstance(tree, Unreadable):
            self.fail(tree.column, tree.message)
        return tree.body

    def _parsed(self, node: ast.expr, depth: int) -> Parsed:
        if depth > MAX_DEPTH:
            self.fail(node, f"nested more than {MAX_DEPTH} levels deep. Use file.py:function.")
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name():
                return self._name(node)
            case ast.Subscript():
                return self._component(node)
            case ast.Call():
                return self._call(node, depth)
            case ast.UnaryOp() | ast.BinOp():
                return self._arithmetic(node, depth)
            case ast.Compare() | ast.BoolOp():
                return self._condition(node, depth)
        self.fail(node, f"{type(node).__name__} is not part of the language. Use file.py:function for more.")

    # Values ----------------------------------------------------------------------------------------------------------

    def _number(self, node: ast.Constant) -> Parsed:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            self.fail(node, f"{str(node.value)[:40]!r} is not a number.")
        value = float(node.value) if abs(node.value) < 1e300 else math.inf
        if not math.isfinite(value):
            self.fail(node, "this number is too large.")
        return Parsed({"op": "number", "value": value}, Level.CONSTANT)

    def _name(self, node: ast.Name) -> Parsed:
        if node.id == "time":
            return Parsed({"op": "time"}, Level.STEP)
        if node.id == "dt":
            return Parsed({"op": "dt"}, Level.CONSTANT)
        if node.id == "length_s":
            if self._per_step:
                self.fail(node, "length_s is known only when the episode has ended; here every step is paid. Use time.")
            return Parsed({"op": "length_s"}, Level.EPISODE)
        shape, labels = self._shape(node)
        if shape:
            example = f"{node.id}[{labels[0] if labels else 0}]"
            parts = f" ({', '.join(labels)})" if labels else ""
            self.fail(node, f"{node.id} has {shape[-1]} components{parts}: write {example} or norm({node.id}).")
        return Parsed({"op": "field", "name": node.id, "index": []}, Level.STEP)

    def _shape(self, node: ast.Name) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Return a vector's shape and the labels of its last axis, of the action or of a field."""
        if node.id == "action":
            return (len(self._table.action.names),), self._table.action.names
        field = self._table.by_name.get(node.id)
        if field is None:
            self._fail_unknown(node)
        return field.shape, field.components

    def _fail_unknown(self, node: ast.Name) -> NoReturn:
        if node.id in (*REDUCTIONS, *ELEMENTWISE, "norm"):
            self.fail(node, f"{node.id} is a function: write {node.id}(...).")
        if node.id == "episode_time_s":
            self.fail(node, "seconds in the episode are called time here.")
        known = [*self._table.by_name, "action", *CLOCKS]
        listed = f" Fields: {', '.join(self._table.by_name)}."
        self.fail(node, f"there is no field {node.id!r}.{did_you_mean(node.id, known)}{listed}")

    def _component(self, node: ast.Subscript) -> Parsed:
        if not isinstance(node.value, ast.Name) or node.value.id in CLOCKS:
            self.fail(node, "only fields and action have components.")
        shape, labels = self._shape(node.value)
        places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(places) != len(shape):
            wanted = f"{len(shape)} index" + ("es" if len(shape) > 1 else "") if shape else "no index"
            self.fail(node, f"{node.value.id} takes {wanted}.")
        last = len(places) - 1
        index = [
            self._index(place, size, labels if axis == last else (), node.value.id)
            for axis, (place, size) in enumerate(zip(places, shape, strict=True))
        ]
        return Parsed(_vector(node.value.id, index), Level.STEP)

    def _index(self, node: ast.expr, size: int, labels: tuple[str, ...], name: str) -> int:
        parts = f" ({', '.join(labels)})" if labels else ""
        if isinstance(node, ast.Constant) and type(node.value) is int:
            if node.value < size:
                return node.value
            self.fail(node, f"{name} has {size} components{parts}, numbered from 0: {str(node.value)[:20]} is too large.")
        label = node.id if isinstance(node, ast.Name) else node.value if isinstance(node, ast.Constant) else None
        if not isinstance(label, str):
            self.fail(node, f"a component of {name} is a label{parts} or a number from 0 to {size - 1}.")
        if label not in labels:
            self.fail(node, f"{name} has no component {label!r}{parts}.{did_you_mean(label, labels)}")
        return labels.index(label)

    # Functions -------------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, depth: int) -> Parsed:
        if not isinstance(node.func, ast.Name):
            self.fail(node, "only the language's own functions can be called. Use file.py:function for more.")
        name, count = node.func.id, len(node.args)
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            self.fail(node, f"{name} takes plain values only.")
        if name == "norm":
            return self._norm(node)
        if name in TWO_VALUES and count == 2:
            return self._elementwise(TWO_VALUES[name], node, depth)
        if name in ELEMENTWISE:
            if count != ELEMENTWISE[name]:
                self.fail(node, f"{name} takes {ELEMENTWISE[name]} values, not {count}.")
            return self._elementwise(name, node, depth)
        if name in REDUCTIONS:
            return self._reduction(name, node, depth)
        known = [*REDUCTIONS, *ELEMENTWISE, "norm"]
        self.fail(node, f"there is no function {name!r}.{did_you_mean(name, known)} Functions: {', '.join(known)}.")

    def _norm(self, node: ast.Call) -> Parsed:
        vector = node.args[0] if len(node.args) == 1 else None
        if not isinstance(vector, ast.Name) or vector.id in CLOCKS:
            self.fail(node, "norm takes the name of one field, or action.")
        if not self._shape(vector)[0]:
            self.fail(vector, f"{vector.id} has no components: write abs({vector.id}).")
        return Parsed({"op": "norm", "args": [_vector(vector.id, [])]}, Level.STEP)

    def _elementwise(self, name: str, node: ast.Call, depth: int) -> Parsed:
        args = [self._parsed(arg, depth + 1) for arg in node.args]
        for place, (arg, parsed) in enumerate(zip(node.args, args, strict=True)):
            self._require(arg, parsed, is_condition=name == "where" and place == 0)
        return _joined(name, args)

    def _reduction(self, name: str, node: ast.Call, depth: int) -> Parsed:
        if len(node.args) != 1:
            counts = "one value, or two" if name in TWO_VALUES else "one value"
            self.fail(node, f"{name} takes {counts}, not {len(node.args)}.")
        if self._per_step:
            self.fail(node, f"{name} looks at a whole episode; here every step is paid, so leave it out.")
        arg = self._parsed(node.args[0], depth + 1)
        self._require(node.args[0], arg, is_condition=name == "share")
        if arg.level is not Level.STEP:
            self.fail(node, f"{name} reduces values of the steps, and this does not change from step to step.")
        return Parsed({"op": name, "args": [arg.tree]}, Level.EPISODE)

    # Operators -------------------------------------------------------------------------------------------------------

    def _arithmetic(self, node: ast.UnaryOp | ast.BinOp, depth: int) -> Parsed:
        parts = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
        args = [self._parsed(part, depth + 1) for part in parts]
        for part, parsed in zip(parts, args, strict=True):
            self._require(part, parsed, is_condition=isinstance(node.op, ast.Not))
        if isinstance(node, ast.BinOp):
            if type(node.op) not in _ARITHMETIC:
                self.fail(node, "of the operators between numbers only + - * / ** are known.")
            if isinstance(node.op, ast.Pow):
                self._require_exponent(node.right)
            return _joined(_ARITHMETIC[type(node.op)], args)
        if isinstance(node.op, ast.USub):
            return _joined("neg", args)
        if isinstance(node.op, ast.Not):
            return _joined("not", args, is_condition=True)
        self.fail(node, "only - and not stand before a value.")

    def _require_exponent(self, node: ast.expr) -> None:
        number = node.operand if isinstance(node, ast.UnaryOp) else node
        plain = isinstance(number, ast.Constant) and isinstance(number.value, int | float)
        if not plain or abs(number.value) > MAX_EXPONENT:  # type: ignore[attr-defined]
            self.fail(node, f"an exponent is a plain number from -{MAX_EXPONENT:g} to {MAX_EXPONENT:g}.")

    def _condition(self, node: ast.Compare | ast.BoolOp, depth: int) -> Parsed:
        if isinstance(node, ast.BoolOp):
            args = [self._parsed(value, depth + 1) for value in node.values]
            for value, parsed in zip(node.values, args, strict=True):
                self._require(value, parsed, is_condition=True)
            return _joined("and" if isinstance(node.op, ast.And) else "or", args, is_condition=True)
        values = [node.left, *node.comparators]
        args = [self._parsed(value, depth + 1) for value in values]
        for value, parsed in zip(values, args, strict=True):
            self._require(value, parsed, is_condition=False)
        pairs = []
        for operator, left, right in zip(node.ops, args, args[1:], strict=False):
            if type(operator) not in _COMPARISONS:
                self.fail(node, "of the comparisons only < <= > >= == != are known.")
            pairs.append(_joined(_COMPARISONS[type(operator)], [left, right], is_condition=True))
        return pairs[0] if len(pairs) == 1 else _joined("and", pairs, is_condition=True)

    def _require(self, node: ast.expr, parsed: Parsed, is_condition: bool) -> None:
        if parsed.is_condition and not is_condition:
            self.fail(node, "this is true or false, and a number is wanted: use share(...) or where(condition, 1, 0).")
        if is_condition and not parsed.is_condition:
            self.fail(node, "this is a number, and a condition is wanted: compare it, such as x > 0.")


def _vector(name: str, index: list[int]) -> dict[str, Any]:
    return {"op": "action", "index": index} if name == "action" else {"op": "field", "name": name, "index": index}


def _joined(name: str, args: list[Parsed], is_condition: bool = False) -> Parsed:
    level = max(arg.level for arg in args)
    return Parsed({"op": name, "args": [arg.tree for arg in args]}, level, is_condition)
