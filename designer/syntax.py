"""Parse Python text that may be hostile into a tree of bounded depth, or into one sentence."""

from __future__ import annotations

import ast
import threading
import warnings
from typing import Literal, NamedTuple, overload

MAX_DEPTH = 100
# Proposals are read in threads. Python's warning filters are one for all threads, and so is the depth counter of `ast.parse`
# up to 3.12: two threads in it at once can end in a SystemError (python/cpython 106905).
_one_at_a_time = threading.Lock()


class Unreadable(NamedTuple):
    """Why a text is not a tree. `line` and `column` count from 1; 0 means the whole text."""

    line: int
    column: int
    message: str


@overload
def parse(text: str, mode: Literal["exec"]) -> ast.Module | Unreadable: ...
@overload
def parse(text: str, mode: Literal["eval"]) -> ast.Expression | Unreadable: ...
def parse(text: str, mode: Literal["exec", "eval"]) -> ast.Module | ast.Expression | Unreadable:
    """Parse without raising: null bytes, lone surrogates, huge numbers and deep nesting come back as a sentence."""
    try:
        with _one_at_a_time, warnings.catch_warnings():  # about odd escapes and literals: not for the terminal
            warnings.simplefilter("ignore")
            tree = ast.parse(text) if mode == "exec" else ast.parse(text, mode="eval")
    except SyntaxError as error:
        return Unreadable(error.lineno or 0, error.offset or 0, f"not valid Python: {error.msg}.")
    except (RecursionError, MemoryError):
        return Unreadable(0, 0, "nested too deeply to be read.")
    except (ValueError, OverflowError) as error:
        return Unreadable(0, 0, f"not readable as text: {_short(error)}.")
    return _too_deep(tree) or tree


def column(node: ast.AST, text: str) -> int:
    """Return the column, from 1 and in characters, where a node of a one-line text starts."""
    return len(text.encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore")) + 1


def _too_deep(tree: ast.AST) -> Unreadable | None:
    """Measure the nesting without recursion."""
    layer: list[ast.AST] = [tree]
    depth, line = 0, 0
    while layer:
        depth += 1
        line = getattr(layer[0], "lineno", line)
        if depth > MAX_DEPTH:
            return Unreadable(line, 0, f"nested more than {MAX_DEPTH} levels deep.")
        layer = [child for node in layer for child in ast.iter_child_nodes(node)]
    return None


def _short(error: Exception) -> str:
    """A codec's error quotes the whole text: keep its reason only."""
    return error.reason if isinstance(error, UnicodeError) and hasattr(error, "reason") else str(error)
