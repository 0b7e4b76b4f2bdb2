"""Code for people: highlighted on the server, capped, escaped; and what changed from a parent."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping

from markupsafe import Markup
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped] # pygments comes without types
from pygments.token import Comment, Keyword, Name, Number, String, Token  # type: ignore[import-untyped]

from designer.syntax import Unreadable, parse
from designer.text import printable

MAX_CODE_CHARS = 20_000
MAX_LINE_CHARS = 400

CLASSES = (
    (Comment, "c"),
    (String, "s"),
    (Number, "m"),
    (Keyword, "k"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Decorator, "f"),
)


def capped(source: str) -> str:
    """Drop control characters and cut what is too long: a line, or the whole."""
    lines = printable(source, MAX_CODE_CHARS).split("\n")
    return "\n".join(line if len(line) <= MAX_LINE_CHARS else line[:MAX_LINE_CHARS] + " [cut]" for line in lines)


def highlighted(source: str) -> Markup:
    """Return Python code as escaped HTML; whatever isn't Python is escaped all the same."""
    tokens = PythonLexer(stripnl=False).get_tokens(capped(source))
    return Markup("").join(_span(kind, words) for kind, words in tokens)


def with_shares(source: str, shares: Mapping[str, float]) -> Markup:
    """Return highlighted code with each term's share of the reward written behind the line that makes it.

    shares: a term's name -> 0 to 1. A term is made where its name was last assigned, else where it stands in the dict.
    """
    made: dict[int, list[str]] = {}
    for name in shares:
        made.setdefault(_line_of(source, name), []).append(f"{name} {shares[name]:.0%}")
    return Markup("\n").join(
        words + Markup('  <span class="share">{}</span>').format(", ".join(made[k])) if k in made else words
        for k, words in enumerate(numbered_lines(source), start=1)
    )


def _line_of(source: str, term: str) -> int:
    """Return the line that makes a term, or 0."""
    tree = parse(source, "exec")
    if isinstance(tree, Unreadable):
        return 0
    assigned = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == term for t in node.targets)
    ]
    keys = [
        key.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and key.value == term
    ]
    return max(assigned, default=max(keys, default=0))


def numbered_lines(source: str) -> list[Markup]:
    """Return the lines of Python code as escaped HTML, each whole in itself: a string over several lines is cut."""
    lines: list[list[Markup]] = [[]]
    for kind, words in PythonLexer(stripnl=False).get_tokens(capped(source).rstrip("\n")):
        first, *others = words.split("\n")
        lines[-1].append(_span(kind, first))
        lines += [[_span(kind, part)] for part in others]
    joined = [Markup("").join(parts) for parts in lines]
    return joined[:-1] if joined and not joined[-1] else joined


def diff(old: str, new: str, old_name: str, new_name: str) -> Markup:
    """Return a unified diff as escaped HTML, "" where nothing changed."""
    before, after = capped(old).splitlines(), capped(new).splitlines()
    lines = list(difflib.unified_diff(before, after, old_name, new_name, lineterm=""))
    return Markup("\n").join(_changed(line) for line in lines)


def _span(kind: Token, words: str) -> Markup:
    for token, name in CLASSES:
        if kind in token:
            return Markup('<span class="{}">{}</span>').format(name, words)
    return Markup.escape(words)


def _changed(line: str) -> Markup:
    mark = {"+": "add", "-": "del", "@": "at"}.get(line[:1])
    return Markup('<span class="{}">{}</span>').format(mark, line) if mark else Markup.escape(line)
