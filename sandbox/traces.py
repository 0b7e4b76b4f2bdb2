"""Ten-point traces of every term of a reward: what the next prompt reads of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

TRACE_POINTS = 10
MAX_WAITING = 64


class Traces:
    """Means of every term over ten parts of a training, and their extremes, for each policy."""

    def __init__(self, policies: int, steps: int) -> None:
        self._steps = steps
        self.names: tuple[str, ...] = ()
        self._sums = torch.zeros(TRACE_POINTS, 0, policies)
        self._low = torch.zeros(0, policies)
        self._high = torch.zeros(0, policies)
        self._counts = torch.zeros(TRACE_POINTS)
        self._waiting: list[Tensor] = []
        self._point = 0

    def add(self, step: int, names: tuple[str, ...], means: Tensor) -> None:
        """Take in one step's terms: `means` over a policy's worlds, (terms, P)."""
        if not self.names:
            self.names = names
            self._sums = means.new_zeros(TRACE_POINTS, *means.shape)
            self._low, self._high = means.clone(), means.clone()
        point = min(TRACE_POINTS - 1, step * TRACE_POINTS // self._steps)
        if self._waiting and (point != self._point or len(self._waiting) == MAX_WAITING):
            self._take_in()
        self._point = point
        self._waiting.append(means)

    def _take_in(self) -> None:
        """Add up what was put by: many steps at once cost little more than one."""
        if self._waiting:
            means = torch.stack(self._waiting)
            self._counts[self._point] += len(means)
            self._sums[self._point] += means.sum(0)
            self._low = torch.minimum(self._low, means.amin(0))
            self._high = torch.maximum(self._high, means.amax(0))
            self._waiting.clear()

    def of(self, policy: int) -> list[dict[str, Any]]:
        """Return one policy's traces as JSON."""
        self._take_in()
        seen = self._counts > 0
        means = self._sums[seen] / self._counts[seen].view(-1, 1, 1)
        return [
            {
                "name": name,
                "mean": means[:, term, policy].tolist(),
                "low": float(self._low[term, policy]),
                "high": float(self._high[term, policy]),
            }
            for term, name in enumerate(self.names)
        ]

    def state(self) -> dict[str, Tensor]:
        """Return what a paused training keeps. The terms' names are in `names`."""
        self._take_in()
        return {"sums": self._sums, "low": self._low, "high": self._high, "counts": self._counts}

    def restore(self, names: tuple[str, ...], state: Mapping[str, Tensor]) -> None:
        """Go on from a paused training's traces."""
        self.names = names
        self._sums, self._low, self._high = state["sums"], state["low"], state["high"]
        self._counts = state["counts"]
