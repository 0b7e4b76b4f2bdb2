"""Which variant of a world an episode plays: drawn for each policy by what its last episodes in each variant showed.

    uniform   all alike, counted in episodes
    even      all alike, counted in steps
    alp       by absolute learning progress: how far the newer half of the last outcomes is from the older half
    ucb       by the mean absolute advantage, and a bonus for what was seen little (an upper confidence bound)
    window    those in which between a fifth and four fifths of the last episodes succeed

All but uniform say shares of *steps*: an episode is drawn the more rarely, the longer the variant's episodes are. A large grid
that isn't solved yet lasts until its time limit, many times as long as a small one that is, and would take nearly all steps.

An outcome is whether the candidate's `solved(s)` held in an episode's last step; without `solved` it is the sum of what the
reward paid. This steers the training in the candidate's own box and moves no fitness: whoever is judged plays the task's own
variant, and at the end of a training that alone is played.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sandbox import checkpoint
from sandbox.aids import Seen
from sandbox.bandits import Rule, rule_of
from sandbox.outcomes import Outcomes
from sandbox.ppo import PPO
from sandbox.terms import Terms

POINTS = 20
FADES, USUAL = 0.98, 50.0
"""How lengths of episodes are remembered from horizon to horizon, and what they are before anything is known [steps]."""
REMEMBERED = 0.5
"""How much a schedule that an earlier training left weighs, where one is given; the rule has the rest (after AGAIN)."""


class Variants:
    """What P policies' worlds play: W worlds in P equal groups, V variants of which the first is the task's own."""

    name = "share of the task's own variant"

    def __init__(
        self,
        rule: str,
        names: Sequence[str],
        seeds: Sequence[int],
        num_envs: int,
        own: float,
        schedule: Mapping[str, Any] | None = None,
        *,
        solvable: bool,
    ) -> None:
        """num_envs: W. own: the share of the training, at its end, that is the task's own variant alone.

        schedule: shares `at` of a training, and the `shares` (V,) of the variants from there on.
        """
        self.names, self._own, self._schedule = tuple(names), own, schedule
        self._group, self._solvable = num_envs // len(seeds), solvable
        self._generators = [np.random.default_rng([seed, 31]) for seed in seeds]
        self._rules: list[Rule] = [rule_of(rule, len(names)) for _ in seeds]
        self._outcomes = Outcomes(len(seeds) * len(names), self._group)
        self._shares = np.full((len(seeds), len(names)), 1 / len(names))
        self._at, self._before = np.zeros(num_envs, dtype=np.int64), np.zeros(num_envs, dtype=np.int64)
        self._place = np.full(num_envs, -1, dtype=np.int64)
        self._return = np.zeros(num_envs)
        self._steps = np.zeros((len(seeds), len(names)), dtype=np.int64)
        self._late_steps, self._late_ends = np.zeros((len(seeds), len(names))), np.zeros((len(seeds), len(names)))
        self._by_steps = rule != "uniform"
        self._played: list[NDArray[np.int64]] = []
        self._log: list[list[dict[str, Any]]] = [[] for _ in seeds]

    def choose(self, row: int) -> int:
        """Draw which variant the next episode of a world plays."""
        policy = row // self._group
        drawn = int(np.searchsorted(np.cumsum(self._shares[policy]), self._generators[policy].random(), side="right"))
        self._before[row], self._at[row] = self._at[row], min(drawn, len(self.names) - 1)
        return int(self._at[row])

    # A training ------------------------------------------------------------------------------------------------------

    def before(self, progress: float, learner: PPO) -> None:
        """Get ready for a horizon: draw by what is known now."""
        for policy, rule in enumerate(self._rules):
            shares = self._wanted(rule, policy, progress)
            odds = shares / self._length(policy) if self._by_steps else shares
            self._shares[policy] = odds / odds.sum()
            if progress * POINTS >= len(self._log[policy]):
                told = [round(float(share), 4) for share in shares]
                self._log[policy].append({"at": round(progress, 4), "shares": told, "reached": self._reached(policy)})

    def _length(self, policy: int) -> NDArray[np.float64]:
        """Return how long each variant's late episodes are [steps], those that aren't over included."""
        length: NDArray[np.float64] = (self._late_steps[policy] + USUAL) / (self._late_ends[policy] + 1)
        return length

    def _wanted(self, rule: Rule, policy: int, progress: float) -> NDArray[np.float64]:
        if progress >= 1 - self._own:
            return np.eye(len(self.names))[0]
        rows = range(policy * len(self.names), (policy + 1) * len(self.names))
        shares = rule.shares([self._outcomes.last(row) for row in rows], solvable=self._solvable)
        if self._schedule is None:
            return shares
        at = np.searchsorted(self._schedule["at"], progress, side="right") - 1
        return REMEMBERED * np.array(self._schedule["shares"][max(0, at)]) + (1 - REMEMBERED) * shares

    def _reached(self, policy: int) -> list[float | None]:
        """Return each variant's mean outcome of late, None where nothing has ended yet."""
        last = [self._outcomes.last(policy * len(self.names) + variant) for variant in range(len(self.names))]
        return [round(float(values.mean()), 4) if len(values) else None for values in last]

    def pay(self, terms: Terms, seen: Seen) -> Terms:
        """Take in a step: what it pays counts for the variant that it was made in."""
        ended = seen.step.terminated | seen.step.truncated
        played = np.where(ended, self._before, self._at)  # the world has drawn new episodes already
        self._played.append(played)
        for policy in range(len(self._rules)):
            mine = slice(policy * self._group, (policy + 1) * self._group)
            counts = np.bincount(played[mine], minlength=len(self.names))
            self._steps[policy] += counts
            self._late_steps[policy] += counts
            self._late_ends[policy] += np.bincount(played[mine], weights=ended[mine], minlength=len(self.names))
        self._begin(np.flatnonzero(self._place < 0), played)
        self._return += terms.values.sum(0).double().numpy()
        over = np.flatnonzero(ended)
        outcome = self._return if seen.solved is None else seen.solved.double().numpy()
        for row in over:
            self._outcomes.end(self._record(int(row), int(played[row])), int(self._place[row]), float(outcome[row]))
        self._return[over] = 0.0
        self._begin(over, self._at)
        return terms

    def _record(self, row: int, variant: int) -> int:
        return row // self._group * len(self.names) + variant

    def _begin(self, rows: NDArray[np.int64], variants: NDArray[np.int64]) -> None:
        for row in rows:
            self._place[row] = self._outcomes.begin(self._record(int(row), int(variants[row])))

    def after(self, learner: PPO) -> None:
        """Take in what a horizon taught: the advantage of each of its steps, (P, T, N)."""
        played = np.stack(self._played).reshape(len(self._played), len(self._rules), self._group)
        self._played = []
        self._late_steps *= FADES
        self._late_ends *= FADES
        for policy, rule in enumerate(self._rules):
            rule.learn(learner.advantage[policy].abs().double().numpy(), played[:, policy])

    # Told ------------------------------------------------------------------------------------------------------------

    def values(self) -> list[float]:
        return [float(shares[0]) for shares in self._shares]

    def told(self, policy: int) -> dict[str, Any]:
        """Return what a policy's episodes played over the training, as JSON. `steps`: each variant's share of all steps."""
        total = max(1, int(self._steps[policy].sum()))
        steps = [round(float(count) / total, 4) for count in self._steps[policy]]
        return {"names": list(self.names), "steps": steps, "points": self._log[policy]}

    # Pauses ----------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        facts = {
            "generators": [generator.bit_generator.state for generator in self._generators],
            "rules": [rule.state() for rule in self._rules],
            "log": self._log,
        }
        arrays = {name: torch.from_numpy(value.copy()) for name, value in self._arrays().items()}
        return {"facts": checkpoint.text(facts), **arrays}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        facts = checkpoint.from_text(state["facts"])
        for generator, kept in zip(self._generators, facts["generators"], strict=True):
            generator.bit_generator.state = kept
        for rule, kept in zip(self._rules, facts["rules"], strict=True):
            rule.restore(kept)
        self._log = facts["log"]
        for name, value in self._arrays().items():
            value[:] = state[name].numpy()

    def _arrays(self) -> dict[str, NDArray[Any]]:
        own = {"shares": self._shares, "at": self._at, "before": self._before, "place": self._place}
        late = {"late_steps": self._late_steps, "late_ends": self._late_ends}
        return {**own, **late, "return": self._return, "steps": self._steps, **self._outcomes.arrays()}
