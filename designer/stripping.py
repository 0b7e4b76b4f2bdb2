"""A world's code for a prompt: without its reward, its reports, and everything that names them. By syntax tree, not by text."""

from __future__ import annotations

import ast

from designer.syntax import Unreadable, parse

TELLTALES = ("reward", "cost", "fitness", "success", "score", "bonus", "penalty", "info", "healthy", "done")
"""A statement that mentions a name or a text with one of these in it is left out: rewards leak through all of them."""


def without_reward(source: str) -> str:
    """Return a world's code without docstrings, comments and every statement that could tell its reward; "" if unreadable."""
    tree = parse(source, "exec")
    if isinstance(tree, Unreadable):
        return ""
    tree.body = _kept(tree.body)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n" if tree.body else ""


def _kept(body: list[ast.stmt]) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for statement in body:
        if _is_text(statement) or isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if _tells(statement.name):
                continue
            statement.decorator_list = []
            statement.body = _kept(statement.body) or [ast.Pass()]
            if not any(_mentions(part) for part in _head(statement)):
                kept.append(statement)
        elif not _mentions(statement):
            kept.append(statement)
    return kept


def _head(statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.AST]:
    """Return a definition's parts outside its body."""
    return [statement.args] if not isinstance(statement, ast.ClassDef) else [*statement.bases, *statement.keywords]


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _mentions(tree: ast.AST) -> bool:
    """Say whether a name, an attribute, an argument or a text in the tree could tell the reward."""
    for node in ast.walk(tree):
        texts = (getattr(node, key, None) for key in ("id", "attr", "arg", "name", "value"))
        if any(isinstance(text, str) and _tells(text) for text in texts):
            return True
    return False


def _tells(text: str) -> bool:
    return any(telltale in text.lower() for telltale in TELLTALES)
