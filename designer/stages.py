"""What a reward's file says of stages, read without running it: which form a candidate has, and what its stages are called."""

from __future__ import annotations

import ast

from designer.records import Form
from designer.syntax import Unreadable, parse

STAGES, STAGE = "STAGES", "Stage"
MOST = 4
"""Stages before the task itself; with it that is five phases at most."""


def form_of(source: str) -> Form:
    """Return which form a candidate's source has."""
    tree = parse(source, "exec")
    return "step" if isinstance(tree, Unreadable) or stages_value(tree) is None else "stages"


def stages_value(tree: ast.Module) -> ast.expr | None:
    """Return what a file assigns to STAGES, or None where it doesn't."""
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == STAGES for target in targets):
            return getattr(statement, "value", None)
    return None


def stage_names(source: str) -> tuple[str, ...]:
    """Return the names of a source's stages in order, as far as they are written out; () where it has none."""
    tree = parse(source, "exec")
    value = None if isinstance(tree, Unreadable) else stages_value(tree)
    calls = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    firsts = [call.args[0] for call in calls if isinstance(call, ast.Call) and call.args]
    return tuple(first.value for first in firsts if isinstance(first, ast.Constant) and isinstance(first.value, str))
