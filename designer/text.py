"""Text that a model, a world or a candidate wrote, made safe to print: it is data."""

from __future__ import annotations

MAX_CHARACTERS = 4000

# Characters that Python calls printable and nobody sees: joiners, fillers, variation selectors. Text can hide in them.
_INVISIBLE = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, 0x2800),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)


def is_visible(character: str) -> bool:
    """Say whether a character shows as what it is: no control, no change of direction, no width of zero, no lone surrogate."""
    return character.isprintable() and character not in _INVISIBLE


def printable(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Drop characters that aren't visible (terminal escapes, bells, bidi overrides) and cap the length.

    Line breaks and tabs stay.
    """
    kept = "".join(c for c in text[: limit * 2] if c in "\n\t" or is_visible(c))
    return kept if len(kept) <= limit else kept[:limit] + " [...]"


def one_line(text: str, limit: int = 200) -> str:
    """The same on a single line."""
    return printable(" ".join(text.split()), limit)
