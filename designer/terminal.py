"""The terminal: consoles that take every text for what it is. No markup, no emoji codes, no guessed colours."""

from __future__ import annotations

from rich.console import Console


def console(stderr: bool = False) -> Console:
    """Return a console on standard output or standard error."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)
