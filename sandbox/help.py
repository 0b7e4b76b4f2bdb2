"""Help that fades: a coefficient for each policy, from 1 to 0 in tenths, by the success that it measures.

After "privileged actions": one step down where at least 0.7 of the last 50 helped episodes succeed, one up where at most 0.3
do. None is left once 0.7 of the unhelped ones succeed, and in the last fifth of the training; until then there is at most as
much as is left of the time. An episode is a success where the candidate's `solved(s)` holds in its last step. Without `solved`
time alone takes the help away.

The coefficient is also the slack of `solved(s, slack)`, times the tolerance that is asked for: what counts as solved is wide at
first, and the task itself in the end. That needs nothing of the world.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.eases import Levels
from sandbox.aids import Seen, Unlearning
from sandbox.attempts import FAILED, Attempts
from sandbox.ppo import PPO
from sandbox.stages import LAST_PHASE
from sandbox.terms import Terms

STEPS = 10
DOWN, UP = 0.7, 0.3
HELPED, UNHELPED = 0, 1


class Help(Unlearning):
    """The coefficient of each policy's help. Implements `Aid`."""

    name = "help"

    def __init__(
        self, eases: Levels, policies: int, num_envs: int, episode_steps: int, tolerance: float = 0.0, *, solvable: bool
    ) -> None:
        """num_envs: of all policies together. tolerance: the slack of what counts as solved, with all help."""
        self._eases, self._solvable, self._group = eases, solvable, num_envs // policies
        self._tolerance = tolerance
        self.slack = torch.zeros(num_envs)
        """How far each world's episode widens what counts as solved, (W,), 0 to 1: kept over a step, which may end some."""
        self._left = np.full(policies, STEPS)
        self._attempts = Attempts(2 * policies, self._group, episode_steps)
        self._began = np.zeros(num_envs, dtype=np.int64)
        self._place = np.full(num_envs, -1, dtype=np.int64)
        self._row = np.zeros(num_envs, dtype=np.int64)
        self._clock = np.zeros(1, dtype=np.int64)

    def before(self, progress: float, learner: PPO) -> None:
        for policy in range(len(self._left)):
            self._judge(policy)
        ceiling = max(0.0, 1 - progress / (1 - LAST_PHASE))
        self._eases.level[:] = np.minimum(self._left / STEPS, ceiling)
        if ceiling == 0:
            self._eases.beta[:] = 0.0
        self._widen()

    def _widen(self) -> None:
        if self._tolerance:
            self.slack = torch.from_numpy(self._tolerance * self._eases.beta).to(torch.float32)

    def _judge(self, policy: int) -> None:
        helped, unhelped = (self._attempts.rate(2 * policy + kind, int(self._clock[0])) for kind in (HELPED, UNHELPED))
        before = int(self._left[policy])
        if unhelped.is_full and unhelped.share >= DOWN:
            self._left[policy] = 0
        elif helped.is_full and helped.share >= DOWN:
            self._left[policy] = max(0, before - 1)
        elif helped.is_full and helped.share <= UP and before > 0:
            self._left[policy] = min(STEPS, before + 1)
        if self._left[policy] != before:  # what was measured with other help says nothing of this
            self._attempts.count[2 * policy + HELPED] = 0
            mine = slice(policy * self._group, (policy + 1) * self._group)
            self._place[mine] = np.where(self._row[mine] == 2 * policy + HELPED, -1, self._place[mine])

    def pay(self, terms: Terms, seen: Seen) -> Terms:
        """Take in which episodes ended, and how."""
        self._clock += 1
        ended = np.flatnonzero(seen.step.terminated | seen.step.truncated)
        if seen.nearly is not None and len(ended):
            solved = seen.nearly.numpy()
            self._eases.keep(ended[solved[ended]])
            self._eases.ended(ended)
            for row in ended:
                self._end(int(row), bool(solved[row]))
        self._widen()
        return terms

    def _end(self, row: int, succeeded: bool) -> None:
        clock = int(self._clock[0])
        if self._place[row] >= 0:
            took = max(1, clock - int(self._began[row])) if succeeded else FAILED
            self._attempts.end(int(self._row[row]), int(self._place[row]), took)
        self._row[row] = 2 * (row // self._group) + (HELPED if self._eases.beta[row] > 0 else UNHELPED)
        self._began[row], self._place[row] = clock, self._attempts.begin(int(self._row[row]), clock)

    def values(self) -> list[float]:
        return [float(level) for level in self._eases.level]

    def state(self) -> dict[str, Tensor]:
        kept = {f"eases-{name}": torch.from_numpy(value) for name, value in self._eases.state().items()}
        own = {name: torch.from_numpy(value.copy()) for name, value in self._arrays().items()}
        return {**kept, **own, **{f"attempts-{name}": value for name, value in self._attempts.state().items()}}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        parts = {name: _part(state, f"{name}-") for name in ("eases", "attempts")}
        self._eases.restore({name: value.numpy() for name, value in parts["eases"].items()})
        self._attempts.restore(parts["attempts"])
        for name, value in self._arrays().items():
            value[:] = state[name].numpy()

    def _arrays(self) -> dict[str, NDArray[np.int64]]:
        return {"left": self._left, "began": self._began, "place": self._place, "row": self._row, "clock": self._clock}


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
