"""A candidate's own word on where the task is solved: an optional `solved(s)` in its file, held to as strictly as its reward.

It steers that candidate's training (what fades, and when) and can't move its fitness, which is measured elsewhere.
`solved(s, slack)` may be wider while training is helped: slack is 0 where the task itself is meant, and at most 1. What holds
at some slack holds at any larger one.
"""

from __future__ import annotations

from types import FunctionType

import torch
from torch import Tensor

from envs.vec_env import Step
from sandbox.faults import CandidateFault
from sandbox.reward import Call, Reward
from sandbox.stages import held
from sandbox.terms import Terms

SOLVED = "solved"
NARROWED = "solved(s, slack) holds at slack 0 where it doesn't at slack 1; slack must widen the condition, never narrow it"


class Solved(Reward):
    """A file's `solved(s)`, (num_envs,) of bool, as a term of 0 or 1. Raises CandidateFault."""

    def __init__(self, source: str) -> None:
        super().__init__(source, "reward")
        self._solved = self.defined[SOLVED]
        if not callable(self._solved):
            raise CandidateFault("rejected", f"{SOLVED} is a {type(self._solved).__name__}; it must be a function of s")
        self.takes_slack = isinstance(self._solved, FunctionType) and self._solved.__code__.co_argcount > 1

    def _asked(self, call: Call) -> Terms:
        slack = (call.action[:, 0],) if self.takes_slack else ()  # in the action's place, so that it goes with its world
        value = self._guarded(lambda: self._solved(call.state, *slack))
        return Terms((SOLVED,), held(SOLVED, value, call.action.shape[0]).unsqueeze(0))

    def of(self, step: Step, slack: Tensor | None = None) -> Tensor:
        """Say in which worlds a step solves the task, (W,), bool. slack: (W,), float32; None: no slack."""
        terminated = torch.as_tensor(step.terminated)
        given = torch.zeros(len(terminated)) if slack is None else slack
        return self.pay(step.state, given.unsqueeze(1), terminated).values[0] > 0.5

    def between(self, lowest: float, highest: float, calls: list[Call]) -> list[Call]:
        """Return calls as they are asked with slacks spread evenly over their worlds."""
        return [call._replace(action=torch.linspace(lowest, highest, call.action.shape[0]).unsqueeze(1)) for call in calls]


def solved_in(source: str) -> Solved | None:
    """Return what a file says of being solved, or None where it says nothing. Raises CandidateFault."""
    return Solved(source) if SOLVED in Reward(source).defined else None
