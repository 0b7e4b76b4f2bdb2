"""Between curriculum and plain task: a reward that fades to the task's end, a discount that reaches further, a hidden clock."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from numpy.typing import NDArray

from envs.vec_env import Step, VecEnv
from sandbox.aids import Seen, Stateless, Unlearning, Unpaid, added
from sandbox.course import Course
from sandbox.faults import CandidateFault
from sandbox.ppo import PPO
from sandbox.stages import LAST_PHASE
from sandbox.terms import Terms

GOAL = "goal_solved"
REACH = 0.5
"""What a reward at the end of the stage that is reached last is still worth at an episode's start."""


class Anneal(Unlearning, Stateless):
    """Fades all that a reward pays, lambda = max(0, 1 - t / share), and pays `goal` for each step that the task is solved.

    Where help widens what counts as solved, it pays for that.
    """

    name = "dense reward"

    def __init__(self, share: float, goal: float, policies: int, *, solvable: bool) -> None:
        """solvable: whether the candidate says where the task is solved. Nothing fades where it doesn't."""
        self._share, self._goal, self._policies, self._solvable = share, goal, policies, solvable
        self._weight = 1.0

    def before(self, progress: float, learner: PPO) -> None:
        self._weight = self._at(progress)

    def _at(self, progress: float) -> float:
        return max(0.0, 1 - progress / self._share) if self._solvable else 1.0

    def pay(self, terms: Terms, seen: Seen) -> Terms:
        if seen.nearly is None:
            return terms
        if GOAL in terms.names:
            raise CandidateFault("rejected", f"the term {GOAL} is the harness's; name the reward's otherwise")
        faded = Terms(terms.names, terms.values * self._at(seen.progress))
        return added(faded, GOAL, seen.nearly.to(torch.float32) * self._goal)

    def values(self) -> list[float]:
        return [self._weight] * self._policies


class Discount(Unpaid, Unlearning, Stateless):
    """Lets each policy look further ahead as it learns.

    rising: the horizon 1 / (1 - gamma) grows by equal factors to its end at `share` of the training. ads (after "Adaptive
    discount scheduling"): gamma = REACH^(1 / p), where p is how many steps a policy takes to the end of the last stage that it
    has mastered; the final one in the last phase. A candidate without stages has no p: its horizon rises.
    """

    name = "discount"

    def __init__(
        self,
        kind: Literal["rising", "ads"],
        first: float,
        share: float,
        last: float,
        policies: int,
        course: Course | None = None,
    ) -> None:
        """last: the discount at the end, which is the settings'."""
        self._kind, self._first, self._share, self._last = kind, min(first, last), share, last
        self._course = course
        self._now = [self._first] * policies

    def before(self, progress: float, learner: PPO) -> None:
        self._now = [self._of(policy, progress) for policy in range(len(self._now))]
        learner.gamma = torch.tensor(self._now, dtype=torch.float32).unsqueeze(1)

    def _of(self, policy: int, progress: float) -> float:
        if self._kind == "rising" or self._course is None:
            return rising(self._first, self._last, min(1.0, progress / self._share))
        if progress >= 1 - LAST_PHASE or self._course.is_over(policy):
            return self._last
        steps = self._course.usual_steps(policy)
        return min(max(REACH ** (1 / steps), self._first), self._last) if steps else self._first

    def values(self) -> list[float]:
        return self._now


def rising(first: float, last: float, share: float) -> float:
    """Return a discount whose horizon 1 / (1 - gamma) is `share` of the way from the first to the last, by equal factors."""
    begin, end = -math.log(1 - first), -math.log(1 - last)
    return 1 - math.exp(-(begin + share * (end - begin)))


class Timeless:
    """A world whose states say that the training is at its end: a reward sees no clock. Implements `VecEnv`."""

    def __init__(self, world: VecEnv) -> None:
        self._world = world
        self.spec, self.num_envs = world.spec, world.num_envs

    def reset(self, seeds: Sequence[int]) -> NDArray[Any]:
        return self._world.reset(seeds)

    def step(self, action: NDArray[Any], training_progress: float = 0.0) -> Step:
        step = self._world.step(action, training_progress)
        return step._replace(state=step.state.at_progress(1.0))

    def state(self) -> Mapping[str, NDArray[Any]]:
        return self._world.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self._world.restore(state)


def fading_aids(
    spec: Mapping[str, Any], gamma: float, policies: int, course: Course | None, *, solvable: bool
) -> list[Anneal | Discount]:
    """Return the aids of this file that a job's `aids` ask for."""
    found: list[Anneal | Discount] = []
    if "anneal" in spec:
        found.append(Anneal(**spec["anneal"], policies=policies, solvable=solvable))
    if "discount" in spec:
        found.append(Discount(**spec["discount"], last=gamma, policies=policies, course=course))
    return found
