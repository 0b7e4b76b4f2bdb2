"""A candidate's own word on where the task is solved: an optional `solved(s)` in its file, held to as strictly as its reward.

It steers that candidate's training (what fades, and when) and can't move its fitness, which is measured elsewhere.
"""

from __future__ import annotations

import torch
from torch import Tensor

from envs.vec_env import Step
from sandbox.faults import CandidateFault
from sandbox.reward import Call, Reward
from sandbox.stages import held
from sandbox.terms import Terms

SOLVED = "solved"


class Solved(Reward):
    """A file's `solved(s)`, (num_envs,) of bool, as a term of 0 or 1. Raises CandidateFault."""

    def __init__(self, source: str) -> None:
        super().__init__(source, "reward")
        self._solved = self.defined[SOLVED]
        if not callable(self._solved):
            raise CandidateFault("rejected", f"{SOLVED} is a {type(self._solved).__name__}; it must be a function of s")

    def _asked(self, call: Call) -> Terms:
        value = self._guarded(lambda: self._solved(call.state))
        return Terms((SOLVED,), held(SOLVED, value, call.action.shape[0]).unsqueeze(0))

    def of(self, step: Step) -> Tensor:
        """Say in which worlds a step solves the task, (W,), bool."""
        action = torch.as_tensor(step.action, dtype=torch.float32)
        return self.pay(step.state, action, torch.as_tensor(step.terminated)).values[0] > 0.5


def solved_in(source: str) -> Solved | None:
    """Return what a file says of being solved, or None where it says nothing. Raises CandidateFault."""
    return Solved(source) if SOLVED in Reward(source).defined else None
