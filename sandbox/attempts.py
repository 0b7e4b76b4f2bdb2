"""How attempts at something ended, in the order in which they began: a success rate that isn't fooled by who ends first.

Successes end early and failures late, so the last attempts that *ended* would flatter a stage. Counted are the last ones that
began at least some patience ago: what was not reached by then has failed so far. Patience is four times as long as successes
usually take, at most an episode.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sandbox.gates import WINDOW, Rate

PATIENCE = 4
FAILED = -1


class Attempts:
    """One record for each of `rows` things: a ring of attempts, each with when it began and how long it took [steps]."""

    def __init__(self, rows: int, num_envs: int, episode_steps: int) -> None:
        """num_envs: how many attempts may be open at once for one row."""
        self._size = 2 * WINDOW + 2 * PATIENCE * num_envs  # so many begin while one is waited for, and as many again
        self._episode_steps = episode_steps
        self.began = np.zeros((rows, self._size), dtype=np.int64)
        self.took = np.zeros((rows, self._size), dtype=np.int64)  # 0: open
        self.count = np.zeros(rows, dtype=np.int64)

    def begin(self, row: int, clock: int) -> int:
        """Note that an attempt begins; return its place."""
        place = int(self.count[row]) % self._size
        self.began[row, place], self.took[row, place] = clock, 0
        self.count[row] += 1
        return place

    def end(self, row: int, place: int, took: int) -> None:
        """Note how long a success took, or FAILED."""
        self.took[row, place] = took

    def rate(self, row: int, clock: int) -> Rate:
        """Return how many of the last WINDOW attempts that are old enough were successes."""
        count = int(self.count[row])
        order = np.arange(max(0, count - self._size), count) % self._size
        began, took = self.began[row, order], self.took[row, order]
        successes = took[took > 0][-WINDOW:]
        usual = PATIENCE * float(successes.mean()) if len(successes) else self._episode_steps
        old = clock - began >= min(usual, self._episode_steps)
        counted = took[old][-WINDOW:]
        return Rate(int((counted > 0).sum()), len(counted))

    def usual(self, row: int) -> float:
        """Return how long its last successes took [steps], on average; 0 where there are none."""
        count = int(self.count[row])
        took = self.took[row, np.arange(max(0, count - self._size), count) % self._size]
        successes = took[took > 0][-WINDOW:]
        return float(successes.mean()) if len(successes) else 0.0

    def state(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(value.copy()) for name, value in self._arrays().items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        for name, value in self._arrays().items():
            value[:] = state[name].numpy()

    def _arrays(self) -> dict[str, NDArray[np.int64]]:
        return {"began": self.began, "took": self.took, "count": self.count}
