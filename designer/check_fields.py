"""Hold every read of the state and the action to the state table: names, indices, and that nothing is written."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Literal, NamedTuple

from designer.check_language import parameters
from designer.errors import did_you_mean
from designer.records import Fault, StateTable

CLOCK_FIELDS = ("episode_time_s", "training_progress")
"""Always there, in every world, as one number a world."""


class Origin(NamedTuple):
    """Where a value comes from: the state itself, one of its tensors, or a view of one.

    `text` is how the value reads in the code. `shape` and `components` leave out the axis of the worlds.
    """

    kind: Literal["state", "prev", "tensor", "view"]
    text: str
    shape: tuple[int, ...] = ()
    components: tuple[str, ...] = ()


class FieldReads(NamedTuple):
    """The faults, and every attribute that was judged as a read of the state."""

    faults: list[Fault]
    judged: set[ast.AST]


def field_reads(tree: ast.Module, table: StateTable) -> FieldReads:
    """Judge every function of a reward's file by itself."""
    reads = FieldReads([], set())
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            _Reader(statement, table, reads).read()
    return reads


class _Reader:
    """One function. A name that is bound exactly once keeps its origin; one that is bound twice has none."""

    def __init__(self, function: ast.FunctionDef, table: StateTable, reads: FieldReads) -> None:
        self._function = function
        self._table = table
        self._reads = reads
        self._nodes = list(ast.walk(function))
        self._bindings = _count_bindings(function, self._nodes)
        self._origins: dict[str, Origin] = {}

    def read(self) -> None:
        for arg in parameters(self._function):
            self._start_with(arg)
        assignments = [node for node in self._nodes if isinstance(node, ast.Assign | ast.AnnAssign)]
        for assignment in sorted(assignments, key=lambda node: (node.lineno, node.col_offset)):
            self._follow(assignment)
        for node in self._nodes:
            if isinstance(node, ast.Attribute):
                self._check_attribute(node)
            elif isinstance(node, ast.Subscript):
                self._check_subscript(node)
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                self._refuse_write(node, node.target)

    def _refuse(self, node: ast.expr | ast.stmt, message: str, hint: str = "") -> None:
        self._reads.faults.append(Fault(line=node.lineno, message=message, hint=hint))

    # Where values come from ------------------------------------------------------------------------------------------

    def _start_with(self, arg: ast.arg) -> None:
        if arg.arg == "s" or _says_state(arg.annotation):
            self._name(arg.arg, Origin("state", arg.arg))
        elif arg.arg == "a" and self._function.name == "reward":
            names = self._table.action.names
            self._name("a", Origin("tensor", "a", (len(names),), names))

    def _follow(self, assignment: ast.Assign | ast.AnnAssign) -> None:
        targets = assignment.targets if isinstance(assignment, ast.Assign) else [assignment.target]
        for target in targets:
            self._bind(target, assignment.value)

    def _bind(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, its_value in zip(target.elts, value.elts, strict=True):
                self._bind(one, its_value)
        elif isinstance(target, ast.Name) and value is not None:
            origin = self._origin(value)
            if origin is not None:
                self._name(target.id, origin)

    def _name(self, name: str, origin: Origin) -> None:
        if self._bindings[name] == 1:
            self._origins[name] = origin

    def _origin(self, node: ast.expr) -> Origin | None:
        if isinstance(node, ast.Name):
            return self._origins.get(node.id)
        if not isinstance(node, ast.Attribute | ast.Subscript):
            return None
        base = self._origin(node.value)
        if base is None:
            return None
        if isinstance(node, ast.Subscript):
            return Origin("view", base.text) if base.kind in ("tensor", "view") else None
        if base.kind not in ("state", "prev"):
            return None
        return Origin("prev", f"{base.text}.prev") if node.attr == "prev" else self._tensor(base, node.attr)

    def _tensor(self, base: Origin, name: str) -> Origin | None:
        if name in CLOCK_FIELDS:
            return Origin("tensor", f"{base.text}.{name}")
        field = self._table.by_name.get(name)
        return Origin("tensor", f"{base.text}.{name}", field.shape, field.components) if field else None

    # What is refused -------------------------------------------------------------------------------------------------

    def _check_attribute(self, node: ast.Attribute) -> None:
        base = self._origin(node.value)
        if base is None or base.kind not in ("state", "prev"):
            return
        self._reads.judged.add(node)
        if isinstance(node.ctx, ast.Store):
            self._refuse(node, f"{base.text}.{node.attr} is written.", "The state is read only; use a local name.")
        elif base.kind == "prev" and node.attr == "prev":
            self._refuse(node, f"{base.text}.prev does not exist.", "Only one step back is kept: s.prev.<field>.")
        elif node.attr != "prev" and self._tensor(base, node.attr) is None:
            self._refuse_unknown(node)

    def _refuse_unknown(self, node: ast.Attribute) -> None:
        known = [*self._table.by_name, *CLOCK_FIELDS, "prev"]
        hint = did_you_mean(node.attr, known).strip() or f"Fields: {', '.join(known)}."
        self._refuse(node, f"the state has no field {node.attr!r}.", hint)

    def _check_subscript(self, node: ast.Subscript) -> None:
        base = self._origin(node.value)
        if base is None:
            return
        if base.kind in ("state", "prev"):
            self._refuse(node, f"{base.text} is not indexed by names.", f"Write {base.text}.<field>.")
        elif isinstance(node.ctx, ast.Store):
            self._refuse_write(node, node.value)
        elif base.kind == "tensor":
            self._check_indices(node, base)

    def _refuse_write(self, node: ast.expr | ast.stmt, target: ast.expr) -> None:
        origin = self._origin(target)
        if origin is not None:
            hint = "Every term would see the change. Compute a new tensor: x = x + ..., torch.where(...)."
            self._refuse(node, f"{origin.text} is changed in place.", hint)

    def _check_indices(self, node: ast.Subscript, base: Origin) -> None:
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if any(_adds_axis(index) for index in indices):
            return
        axes = _axes(indices, len(base.shape) + 1)
        if axes is None:
            shape = ", ".join(["num_envs", *map(str, base.shape)])
            hint = "It has no components: leave the index out." if not base.shape else ""
            self._refuse(node, f"{base.text} is ({shape}{',' * (not base.shape)}) and takes fewer indices.", hint)
            return
        for axis, index in axes:
            if axis == 0:
                self._check_world_index(node, index, base)
            else:
                self._check_component(node, index, base, axis)

    def _check_world_index(self, node: ast.Subscript, index: ast.expr, base: Origin) -> None:
        number = _constant(index)
        if number is not None:
            hint = f"The first axis is the worlds. Write {base.text}[:, {number}]." if base.shape else "Leave it out."
            self._refuse(node, f"{base.text}[{number}] picks one world of the batch.", hint)

    def _check_component(self, node: ast.Subscript, index: ast.expr, base: Origin, axis: int) -> None:
        size = base.shape[axis - 1]
        number = _constant(index)
        ends = (index.lower, index.upper) if isinstance(index, ast.Slice) else ()
        bounds = [_constant(end) for end in ends if end is not None]
        if number is not None and not -size <= number < size:
            wrong = f"index {number}"
        elif any(bound is not None and abs(bound) > size for bound in bounds):
            wrong = f"slice {ast.unparse(index)}"
        else:
            return
        names = f" ({', '.join(base.components)})" if base.components and axis == len(base.shape) else ""
        noun = "component" if size == 1 else "components"
        hint = f"Indices go from 0 to {size - 1}."
        self._refuse(node, f"{base.text} has {size} {noun}{names}: {wrong} is out of range.", hint)


def _count_bindings(function: ast.FunctionDef, nodes: list[ast.AST]) -> Counter[str]:
    """Count how often each name is bound; `x += 1` changes a value and is not counted."""
    augmented = {node.target for node in nodes if isinstance(node, ast.AugAssign)}
    counts = Counter(arg.arg for arg in parameters(function))
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in augmented:
            counts[node.id] += 1
    return counts


def _says_state(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Constant):
        return bool(annotation.value == "State")
    return isinstance(annotation, ast.Name) and annotation.id == "State"


def _constant(node: ast.expr) -> int | None:
    """Return the whole number that a literal, perhaps negative, stands for."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _constant(node.operand)
        return None if number is None else -number
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def _adds_axis(index: ast.expr) -> bool:
    """Say whether an index adds an axis or can't be read here: None, a bool mask, another tensor, a starred list."""
    known = isinstance(index, ast.Slice) or _constant(index) is not None or _is_ellipsis(index)
    return not known and not (isinstance(index, ast.Name))


def _is_ellipsis(index: ast.expr) -> bool:
    return isinstance(index, ast.Constant) and index.value is Ellipsis


def _axes(indices: list[ast.expr], rank: int) -> list[tuple[int, ast.expr]] | None:
    """Pair each index with the axis it applies to; None where there are more indices than axes."""
    dots = [place for place, index in enumerate(indices) if _is_ellipsis(index)]
    if len(indices) - len(dots) > rank or len(dots) > 1:
        return None
    if not dots:
        return list(enumerate(indices))
    before, after = indices[: dots[0]], indices[dots[0] + 1 :]
    return [*enumerate(before), *enumerate(after, start=rank - len(after))]
