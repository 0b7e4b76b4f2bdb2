"""Preferences that go in circles: a beats b, b beats c, c beats a. No strength explains them, so they are reported."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from designer.preferences.pairs import Pair


def cycles(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Return a shortest cycle through each candidate that is on one, each cycle once; majorities decide, ties don't."""
    beats = majorities(pairs)
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for start in sorted(beats):
        cycle = _shortest(start, beats)
        if cycle:
            found.setdefault(frozenset(cycle), cycle)
    return sorted(found.values(), key=lambda cycle: (len(cycle), cycle))


def majorities(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """Return whom each candidate was preferred to more often than not."""
    counts = Counter((pair.better, pair.worse) for pair in pairs if not pair.tie)
    beats: dict[str, list[str]] = {}
    for (better, worse), number in counts.items():
        if number > counts[worse, better]:
            beats.setdefault(better, []).append(worse)
    return {name: sorted(beaten) for name, beaten in beats.items()}


def _shortest(start: str, beats: dict[str, list[str]]) -> tuple[str, ...]:
    """Return the shortest way from a candidate back to itself, or ()."""
    came: dict[str, str] = {}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        for beaten in beats.get(name, ()):
            if beaten == start:
                return _way(start, name, came)
            if beaten not in came:
                came[beaten] = name
                queue.append(beaten)
    return ()


def _way(start: str, last: str, came: dict[str, str]) -> tuple[str, ...]:
    way = [last]
    while way[-1] != start:
        way.append(came[way[-1]])
    return tuple(reversed(way))
