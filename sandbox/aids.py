"""Aids: what eases or steers a training as it goes on, and is over before it ends. Each is a setting, off by default.

An aid has one coefficient for each policy. What it was over the training is told to people; no evaluation has any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor

from envs.vec_env import Step
from sandbox import checkpoint
from sandbox.ppo import PPO
from sandbox.solved import Solved
from sandbox.terms import Terms

if TYPE_CHECKING:
    from sandbox.variants import Variants

POINTS = 20


class Seen(NamedTuple):
    """A step as aids see it.

    solved: where the candidate says that the task is solved, (W,); None where it doesn't say. nearly: the same with the slack
    that each world's episode has.
    """

    step: Step
    solved: Tensor | None
    nearly: Tensor | None
    progress: float


class Aid(Protocol):
    """One aid of P policies. `name` is what people are told."""

    name: str

    def before(self, progress: float, learner: PPO) -> None:
        """Get ready for a horizon that begins at this share of the training."""
        ...

    def pay(self, terms: Terms, seen: Seen) -> Terms:
        """Take in a step, and return what it pays in the end. Raises CandidateFault."""
        ...

    def after(self, learner: PPO) -> None:
        """Take in what the learner found in the horizon that has ended."""
        ...

    def values(self) -> list[float]:
        """Return each policy's coefficient at the moment."""
        ...

    def state(self) -> Mapping[str, Tensor]:
        """Return what `restore` needs to go on as if there had been no pause."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None: ...


class Aids:
    """All aids of a training, one after the other, and a log of their coefficients."""

    def __init__(
        self,
        aids: Sequence[Aid] = (),
        solved: Solved | None = None,
        variants: Variants | None = None,
        slack: Callable[[], Tensor] | None = None,
    ) -> None:
        """variants: the one of the aids, if any, that chooses variants: it has more to tell than a coefficient.

        slack: what gives the slack of each world's episode, (W,); None where there is none.
        """
        self._aids = aids
        self._slack = slack if solved is not None and solved.takes_slack else None
        self._variants = variants
        self._solved = solved
        self._log: list[list[tuple[float, list[float]]]] = [[] for _ in aids]

    def before(self, progress: float, learner: PPO) -> None:
        """Get ready for a horizon."""
        for aid, log in zip(self._aids, self._log, strict=True):
            aid.before(progress, learner)
            if progress * POINTS >= len(log):
                log.append((round(progress, 4), aid.values()))

    def pay(self, terms: Terms, step: Step, progress: float) -> Terms:
        """Return what a step pays with all aids. Raises CandidateFault."""
        if not self._aids:
            return terms
        solved = nearly = self._solved.of(step) if self._solved else None
        if self._solved and self._slack:
            nearly = self._solved.of(step, self._slack())
        seen = Seen(step, solved, nearly, progress)
        for aid in self._aids:
            terms = aid.pay(terms, seen)
        return terms

    def after(self, learner: PPO) -> None:
        """Take in a horizon that the learner has learnt from."""
        for aid in self._aids:
            aid.after(learner)

    def told(self, policy: int) -> list[dict[str, Any]]:
        """Return each aid's coefficient over a policy's training, as JSON."""
        return [
            {"name": aid.name, "at": [at for at, _ in log], "value": [round(values[policy], 6) for _, values in log]}
            for aid, log in zip(self._aids, self._log, strict=True)
        ]

    def variants_of(self, policy: int) -> dict[str, Any] | None:
        """Return which variants a policy's episodes played, as JSON; None where none were chosen among."""
        return self._variants.told(policy) if self._variants else None

    def state(self) -> dict[str, Tensor]:
        if not self._aids:
            return {}
        parts = {f"{k}.{name}": value for k, aid in enumerate(self._aids) for name, value in aid.state().items()}
        return {"log": checkpoint.text(self._log), **parts}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        if self._aids:
            self._log = [[(at, values) for at, values in log] for log in checkpoint.from_text(state["log"])]
            for k, aid in enumerate(self._aids):
                aid.restore({name.partition(".")[2]: x for name, x in state.items() if name.startswith(f"{k}.")})


class Stateless:
    """An aid that follows from the share of the training alone: nothing is kept over a pause."""

    def state(self) -> Mapping[str, Tensor]:
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        pass


class Unlearning:
    """An aid that goes by nothing of what the learner finds."""

    def after(self, learner: PPO) -> None:
        pass


class Unpaid:
    """An aid that changes nothing of what is paid."""

    def pay(self, terms: Terms, seen: Seen) -> Terms:
        return terms


def added(terms: Terms, name: str, values: Tensor) -> Terms:
    """Return terms with one more, (W,)."""
    return Terms((*terms.names, name), torch.cat([terms.values, values.unsqueeze(0)]))
