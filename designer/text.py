"""Text that a model, a world or a candidate wrote, made safe to print: it is data."""

from __future__ import annotations

MAX_CHARACTERS = 4000


def printable(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Drop control characters (terminal escapes, bells, bidi overrides) and cap the length. Line breaks and tabs stay."""
    kept = "".join(c for c in text[: limit * 2] if c in "\n\t" or c.isprintable())
    return kept if len(kept) <= limit else kept[:limit] + " [...]"


def one_line(text: str, limit: int = 200) -> str:
    """The same on a single line."""
    return printable(" ".join(text.split()), limit)
