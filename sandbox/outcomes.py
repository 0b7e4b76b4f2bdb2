"""How episodes came out, in the order in which they began: what a bandit compares isn't fooled by who ends first.

Quick episodes end early, so the last ones that *ended* would flatter what is quick when it succeeds. An episode that is still
open doesn't count; behind it nothing does that began later by more than a handful, so long ones aren't left out for ever.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LAST = 50


class Outcomes:
    """One record for each of `rows` things: a ring of episodes with their outcomes."""

    def __init__(self, rows: int, num_envs: int) -> None:
        """num_envs: how many episodes may be open at once for one row."""
        self._size = LAST + 2 * num_envs
        self._slack = num_envs
        self._value = np.zeros((rows, self._size))
        self._open = np.zeros((rows, self._size), dtype=bool)
        self._count = np.zeros(rows, dtype=np.int64)

    def begin(self, row: int) -> int:
        """Note that an episode begins; return its number."""
        number = int(self._count[row])
        self._open[row, number % self._size] = True
        self._count[row] += 1
        return number

    def end(self, row: int, number: int, value: float) -> None:
        """Note how an episode came out, unless so many began since that nobody remembers it."""
        if number >= int(self._count[row]) - self._size:
            self._value[row, number % self._size], self._open[row, number % self._size] = value, False

    def last(self, row: int) -> NDArray[np.float64]:
        """Return the outcomes of the last LAST episodes that are over, the oldest first."""
        count = int(self._count[row])
        order = np.arange(max(0, count - self._size), count) % self._size
        waiting = np.flatnonzero(self._open[row, order])
        until = len(order) if not len(waiting) else min(len(order), int(waiting[0]) + self._slack)
        known = order[:until]
        return self._value[row, known[~self._open[row, known]]][-LAST:]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays that a pause keeps; writing to them restores."""
        return {"value": self._value, "open": self._open, "count": self._count}
