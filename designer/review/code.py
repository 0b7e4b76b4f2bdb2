"""Code for people: highlighted on the server, capped, escaped; and what changed from a parent."""

from __future__ import annotations

import difflib

from markupsafe import Markup
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped] # pygments comes without types
from pygments.token import Comment, Keyword, Name, Number, String, Token  # type: ignore[import-untyped]

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
