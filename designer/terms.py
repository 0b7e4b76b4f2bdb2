"""The terms of a reward in its source: their names, and the source without one. No code is run; all else is kept as it is."""

from __future__ import annotations

import ast

from designer.syntax import Unreadable, parse


def term_names(source: str) -> tuple[str, ...]:
    """Return the terms that `reward` returns as one dict literal, in order; () where it builds its terms in another way."""
    literal = _literal(source)
    return tuple(str(key.value) for key in literal.keys if isinstance(key, ast.Constant)) if literal else ()


def without_term(source: str, name: str) -> str:
    """Return the source without a term. Raises ValueError where it has no such term, or no other one."""
    literal, names = _literal(source), term_names(source)
    if literal is None or name not in names or len(names) < 2:
        raise ValueError(f"{name!r} can't be taken out of the terms {', '.join(names) or 'none that can be read'}")
    at = names.index(name)
    starts = [_offset(source, key.lineno, key.col_offset) for key in literal.keys if key]
    ends = [_offset(source, value.end_lineno or 0, value.end_col_offset or 0) for value in literal.values]
    cut = (starts[at], starts[at + 1]) if at + 1 < len(names) else (ends[at - 1], ends[at])
    text = source.encode()
    return (text[: cut[0]] + text[cut[1] :]).decode()


def _literal(source: str) -> ast.Dict | None:
    """Return the dict that `reward` returns, where it is one literal with string keys at its only return."""
    tree = parse(source, "exec")
    if isinstance(tree, Unreadable):
        return None
    rewards = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "reward"]
    returns = [node for node in ast.walk(rewards[0]) if isinstance(node, ast.Return)] if len(rewards) == 1 else []
    if len(returns) != 1 or not isinstance(returns[0].value, ast.Dict):
        return None
    plain = all(isinstance(key, ast.Constant) and isinstance(key.value, str) for key in returns[0].value.keys)
    return returns[0].value if plain else None


def _offset(source: str, line: int, column: int) -> int:
    """Return where a place in the source is, in bytes of its UTF-8 text."""
    return sum(len(before) for before in source.encode().splitlines(keepends=True)[: line - 1]) + column
