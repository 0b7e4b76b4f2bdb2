"""What a world may raise. Nothing else is here, so that a process without torch can know it."""

from __future__ import annotations


class WorldError(Exception):
    """A world failed: it can't be built, raised in a step, or gave numbers that are not finite. Its text is for people."""
