"""Refuse Python that a reward has no use for: constructs, names, imports, attributes, calls not on the allow-lists."""

from __future__ import annotations

import ast
from collections.abc import Collection

from designer.allowed import (
    BUILTINS,
    CHANGING_METHODS,
    CONSTRUCT_HINTS,
    HINTS,
    MATH,
    METHODS,
    MODULES,
    PROPERTIES,
    TORCH,
)
from designer.errors import did_you_mean
from designer.records import Fault

MAX_RANGE = 1000
MAX_INTEGER = 10**18

_NODES = (
    *(ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.FunctionDef, ast.arguments, ast.arg, ast.Return),
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.If, ast.Expr, ast.Pass, ast.Break, ast.Continue),
    *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.Call, ast.keyword, ast.Constant, ast.Name),
    *(ast.Attribute, ast.Subscript, ast.Slice, ast.Dict, ast.List, ast.Tuple, ast.Starred),
    *(ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.JoinedStr, ast.FormattedValue),
    *(ast.expr_context, ast.boolop, ast.unaryop, ast.cmpop, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv),
    *(ast.Mod, ast.Pow, ast.MatMult, ast.BitAnd, ast.BitOr, ast.BitXor),
)
_MODULE_LEVEL = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.Expr, ast.Pass)


def language_faults(tree: ast.Module, fields: Collection[str], state_reads: Collection[ast.AST]) -> list[Fault]:
    """Return what the allow-lists refuse. `state_reads` are the attributes that the field check has already judged."""
    visitor = _Language(bound_names(tree.body), fields, state_reads)
    for statement in tree.body:
        if isinstance(statement, _MODULE_LEVEL):
            visitor.visit(statement)
        else:
            visitor.refuse(statement, f"{_spoken(statement)} at the top level of the file is not allowed.")
    return visitor.faults


def bound_names(body: list[ast.stmt]) -> frozenset[str]:
    """Return the names that a list of statements binds itself, not those inside its functions."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        waiting.extend(ast.iter_child_nodes(node))
    return frozenset(names)


def parameters(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def dotted(node: ast.expr) -> str | None:
    """Return "torch.linalg.norm" for such a chain of attributes on a name, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


class _Language(ast.NodeVisitor):
    """Walks what is allowed, and does not walk into what it refused."""

    def __init__(self, module_names: frozenset[str], fields: Collection[str], state_reads: Collection[ast.AST]) -> None:
        self.faults: list[Fault] = []
        self._line = 0
        self._module_names = module_names
        self._fields = fields
        self._state_reads = state_reads
        self._function_names: frozenset[str] | None = None

    def refuse(self, node: ast.AST, message: str, hint: str = "") -> None:
        self.faults.append(Fault(line=getattr(node, "lineno", self._line), message=message, hint=hint))

    def visit(self, node: ast.AST) -> None:
        self._line = getattr(node, "lineno", self._line)  # operators have no line of their own
        if isinstance(node, _NODES):
            super().visit(node)
        else:
            hint = CONSTRUCT_HINTS.get(type(node).__name__, "Use plain arithmetic and torch functions.")
            self.refuse(node, f"{_spoken(node)} is not allowed.", hint)

    # Statements ------------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name not in MODULES or alias.asname not in (None, alias.name):
                self._refuse_import(node, f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else ""))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            whole = (node.level, node.module, alias.name, alias.asname)
            if whole not in ((0, "torch", "Tensor", None), (0, "__future__", "annotations", None)):
                self._refuse_import(node, f"from {'.' * node.level}{node.module or ''} import {alias.name}")

    def _refuse_import(self, node: ast.AST, text: str) -> None:
        hint = "Import only `torch`, `math` and `from torch import Tensor`, under their own names."
        if "typing" in text:
            hint = "Types need no import: write dict[str, Tensor]."
        self.refuse(node, f"`{text}` is not allowed.", hint)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if self._function_names is not None:
            self.refuse(node, f"a function inside a function ({node.name}).", "Move it to the top level of the file.")
            return
        self._binding(node, node.name)
        if node.decorator_list:
            self.refuse(node, f"a decorator on {node.name}.", "Leave it out.")
        if node.args.vararg or node.args.kwarg:
            self.refuse(node, f"{node.name} takes *args or **kwargs.", "Name its parameters.")
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None and not _is_number_or_text(default):
                self.refuse(default, f"a default value of {node.name} is not a plain number.", "Pass it instead.")
        for annotation in [*(arg.annotation for arg in parameters(node)), node.returns]:
            if annotation is not None:
                self.visit(annotation)
        self._function_names = bound_names([*node.body]) | {arg.arg for arg in parameters(node)}
        for statement in node.body:
            self.visit(statement)
        self._function_names = None

    # Expressions -----------------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._loading(node)
        else:
            self._binding(node, node.id)

    def _loading(self, node: ast.Name) -> None:
        known = self._module_names | (self._function_names or frozenset()) | BUILTINS | set(MODULES)
        if node.id in known and not node.id.startswith("__"):
            return
        if node.id in self._fields:
            self.refuse(node, f"the name {node.id!r} is not defined here.", f"Write s.{node.id}.")
        elif node.id in HINTS or node.id.startswith("__"):
            hint = HINTS.get(node.id, "Names with two leading underscores are closed.")
            self.refuse(node, f"{node.id} is not allowed.", hint)
        else:
            self.refuse(node, f"the name {node.id!r} is not defined here.", did_you_mean(node.id, known).strip())

    def _binding(self, node: ast.AST, name: str) -> None:
        if name in MODULES or name.startswith("__"):
            self.refuse(node, f"{name} must not be given another meaning.", "Choose another name.")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node in self._state_reads:
            return
        whole = dotted(node) or ""
        if whole.partition(".")[0] in MODULES:
            self._check_module_name(node, whole)
            return
        if isinstance(node.ctx, ast.Store):
            self.refuse(node, f"setting the attribute .{node.attr} is not allowed.", "Use a local name.")
        else:
            self._check_method(node)
        self.visit(node.value)

    def _check_module_name(self, node: ast.Attribute, whole: str) -> None:
        if whole in TORCH or whole in MATH:
            return
        near = HINTS.get(whole) or HINTS.get(".".join(whole.split(".")[:2])) or _closest(whole, TORCH | MATH)
        self.refuse(node, f"{whole} is not among the allowed functions.", near)

    def _check_method(self, node: ast.Attribute) -> None:
        name = node.attr
        if name in METHODS or name in PROPERTIES:
            return
        if name.startswith("_"):
            self.refuse(node, f".{name} is not allowed.", "Names with a leading underscore are closed.")
        elif name.endswith("_"):
            meant = f"Write x = x.{name[:-1]}(...)." if name[:-1] in METHODS else "Make a new tensor."
            self.refuse(node, f".{name}() changes a tensor in place.", meant)
        elif name in self._fields:
            hint = f"Read it as s.{name}; a helper that takes the state calls it s."
            self.refuse(node, f".{name} is a field of the state, and this is not known to be the state.", hint)
        else:
            self.refuse(node, f".{name} is not among the allowed methods.", HINTS.get(name) or _closest(name, METHODS))

    def visit_Call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Name | ast.Attribute):
            self.refuse(node, "a call of something that is not a named function.", "Call functions by their names.")
        if any(isinstance(arg, ast.Starred) for arg in node.args) or any(word.arg is None for word in node.keywords):
            self.refuse(node, "a call with * or ** arguments.", "Write the arguments out.")
        if any(word.arg == "out" for word in node.keywords):
            self.refuse(node, "out= writes into a tensor.", "Use what the function returns.")
        self._check_range(node)
        self._check_changed(node)
        self.generic_visit(node)

    def _check_range(self, node: ast.Call) -> None:
        if not (isinstance(node.func, ast.Name) and node.func.id == "range"):
            return
        if any((_integer(arg) or 0) > MAX_RANGE or _is_computed_number(arg) for arg in node.args):
            hint = f"Loop over at most {MAX_RANGE} plain steps, or use tensor operations on the whole batch."
            self.refuse(node, "a loop whose length is large or computed.", hint)

    def _check_changed(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING_METHODS:
            self._check_local(node, node.func.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.ctx, ast.Store):
            self._check_local(node, node.value)
        self.generic_visit(node)

    def _check_local(self, node: ast.AST, changed: ast.expr) -> None:
        """A reward keeps no state: what lives outside the function is not changed from within."""
        while isinstance(changed, ast.Subscript | ast.Attribute):
            changed = changed.value
        if isinstance(changed, ast.Name) and changed.id not in (self._function_names or frozenset()):
            message = f"{changed.id} lives outside the function and is changed here."
            self.refuse(node, message, CONSTRUCT_HINTS["Global"])

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Pow) and _integer(node.left) is not None and _integer(node.right) is None:
            if _is_computed_number(node.right):
                self.refuse(node, "a tower of powers.", "Write the number.")
        elif isinstance(node.op, ast.Pow) and _integer(node.left) is not None and abs(_integer(node.right) or 0) > 60:
            self.refuse(node, "a very large power.", "Write the number.")
        self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        if not isinstance(node.value, ast.Name | ast.Constant) or node.format_spec is not None:
            self.refuse(node, "an f-string may hold plain names only.", 'For example f"joint_{i}".')
        else:
            self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bytes | complex):
            self.refuse(node, f"a {type(node.value).__name__} constant.", "Use numbers and plain strings.")
        elif isinstance(node.value, int) and abs(node.value) > MAX_INTEGER:
            self.refuse(node, "a whole number with more than 18 digits.", "Write it as a float, such as 1e20.")


def _integer(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def _is_computed_number(node: ast.expr) -> bool:
    """Say whether a sum or a power is made of literals only, such as 10**9."""
    return isinstance(node, ast.BinOp) and not any(isinstance(part, ast.Name) for part in ast.walk(node))


def _is_number_or_text(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant)


def _closest(name: str, known: Collection[str]) -> str:
    return did_you_mean(name, known).strip()


def _spoken(node: ast.AST) -> str:
    """Return a construct's name as a person writes it."""
    name = type(node).__name__
    if name.startswith("Async"):
        return "`async`"
    if name in ("LShift", "RShift"):
        return "a shift of bits"
    return {"NamedExpr": "the walrus operator :=", "ClassDef": "a class"}.get(name, f"`{name.lower()}`")
