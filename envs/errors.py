"""What a world may raise. Nothing else is here, so that a process without torch can know it."""

from __future__ import annotations


class WorldError(Exception):
    """A world failed: it can't be built, raised in a step, or gave numbers that are not finite. Its text is for people."""


def in_one_line(error: Exception) -> str:
    """Name an error and what it says, without line breaks: simulators' parsers write several lines."""
    text = " ".join(str(error).split())[:500].rstrip(" .")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
