"""What stands around a job, in words: the same form for every executor."""

from __future__ import annotations

from collections.abc import Sequence


def told(walls: Sequence[str], gaps: Sequence[str] = ()) -> str:
    """Return "namespaces + landlock + seccomp", and behind a colon what these leave open."""
    return (" + ".join(walls) or "no walls") + (f": {'; '.join(gaps)}" if gaps else "")
