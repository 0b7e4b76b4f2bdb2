"""A curriculum at work: which stage each world is at, what it is paid, and what its policy is told.

An episode goes through the open stages one after the other. Where the stage in hand is reached a bonus is paid and the next
one is shown; after the last open one, and in a fifth of all episodes from their start, no subgoal is shown: that is the plain
task. Another fifth stops at an earlier stage. So the input that evaluations have is practised all along, what was learnt is
not forgotten, and both kinds of episode can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.vec_env import Step, WorldSpec
from sandbox import checkpoint
from sandbox.attempts import FAILED, Attempts
from sandbox.gates import WINDOW, Gate, Rate, Returns, restored
from sandbox.stage_input import StageInput
from sandbox.stage_pay import StagePay
from sandbox.stages import LAST_PHASE, Dones
from sandbox.terms import Terms

PLAIN_SHARE, EARLIER_SHARE = 0.2, 0.2
LOOK_EVERY = 16
POINTS = 40
GUIDED, PLAIN = 0, 1


class Settings(NamedTuple):
    """A job's `stages`. input: how the policy is told its stage. bonus: for a stage reached at once, in the reward's units."""

    input: str = "index"
    bonus: float = 0.2
    gated: bool = True


class Course:
    """The curriculum of every world of a training: P policies with a gate each, W worlds in P equal groups."""

    def __init__(
        self, source: str, spec: WorldSpec, seeds: Sequence[int], num_envs: int, gamma: float, settings: Settings
    ) -> None:
        """num_envs: W. Raises CandidateFault."""
        self._dones = Dones(source)
        self.plan = self._dones.plan
        self._pay = StagePay(source, self._dones.stages, gamma, len(seeds))
        self.input = StageInput(settings.input, self.plan, spec.fields)
        self._settings, self._episode_steps = settings, spec.episode_steps
        self._none, self._policies, self._group = len(self.plan.names), len(seeds), num_envs // len(seeds)
        self.gates = [Gate(self.plan.names, self.plan.shares, settings.gated) for _ in seeds]
        self._generators = [np.random.default_rng([seed, 9]) for seed in seeds]
        self._attempts = Attempts(len(seeds) * 2 * self._none, self._group, spec.episode_steps)
        self._at = np.zeros(num_envs, dtype=np.int64)
        self._last = np.zeros(num_envs, dtype=np.int64)
        self._since = np.zeros(num_envs, dtype=np.int64)
        self._place = np.full(num_envs, -1, dtype=np.int64)
        self._return = np.zeros(num_envs)
        self._returns: list[tuple[list[float], list[float]]] = [([], []) for _ in seeds]
        self._clock, self._progress, self._looked_at = 0, 0.0, 0.0
        self._over = False
        self._points: list[list[dict[str, Any]]] = [[] for _ in seeds]
        self._knows_fields = not self.input.needs_fields

    # Episodes --------------------------------------------------------------------------------------------------------

    def begin(self) -> Tensor:
        """Start an episode in every world; return the input, (W, size)."""
        self._start(np.arange(len(self._at)))
        return self.input.of(self._shown, None)

    def _start(self, rows: NDArray[np.int64]) -> None:
        """Draw for each of these worlds, from its policy's generator, how far its new episode is guided."""
        for policy, gate in enumerate(self.gates):
            mine = rows[rows // self._group == policy]
            if len(mine):
                self._last[mine] = self._drawn(gate, self._generators[policy], len(mine))
        self._return[rows] = 0.0
        for row in rows:
            self._enter(int(row), self._next(int(row), -1))

    def _drawn(self, gate: Gate, generator: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Return each new episode's last stage: -1 for a plain one."""
        kind, which = generator.random(count), generator.random(count)
        stages = gate.stages
        if self._over or not stages:
            return np.full(count, -1)
        if not gate.gated:
            return np.full(count, stages[-1])
        finished = gate.level >= self._none
        earlier = stages if finished else stages[:-1] or stages
        chosen = np.array(earlier)[(which * len(earlier)).astype(np.int64)]
        if finished:  # the task itself is the last phase: only some episodes stay on the stages
            return np.where(kind < EARLIER_SHARE, np.where(which < 0.5, stages[-1], chosen), -1)
        return np.where(kind < PLAIN_SHARE, -1, np.where(kind < PLAIN_SHARE + EARLIER_SHARE, chosen, stages[-1]))

    def _next(self, row: int, stage: int) -> int:
        """Return the stage after this one in a world's episode; in a plain one all are watched, though none is shown."""
        gate = self.gates[row // self._group]
        watched = gate.stages if self._last[row] >= 0 else [k for k in range(self._none) if gate.status[k] != "skipped"]
        return next((k for k in watched if k > stage), self._none)

    def _enter(self, row: int, stage: int) -> None:
        self._at[row], self._since[row] = stage, self._clock
        shown = self._last[row] < 0 or stage <= self._last[row]
        self._place[row] = self._attempts.begin(self._record(row, stage), self._clock) if stage < self._none and shown else -1

    def _record(self, row: int, stage: int) -> int:
        """Return where attempts at a stage are kept: apart for each policy, and for guided and plain episodes."""
        kind = PLAIN if self._last[row] < 0 else GUIDED
        return (row // self._group * 2 + kind) * self._none + stage

    def _leave(self, row: int, took: int) -> None:
        if self._place[row] >= 0:
            self._attempts.end(self._record(row, int(self._at[row])), int(self._place[row]), took)
            self._place[row] = -1

    @property
    def is_plain(self) -> NDArray[np.bool_]:
        """In which worlds the episode is the plain task from its start, (W,)."""
        return (self._last < 0) | self._over

    @property
    def _shown(self) -> Tensor:
        """The stage that each world's policy is told, (W,): their number where none is."""
        hidden = self._over | (self._at > self._last)
        return torch.from_numpy(np.where(hidden, self._none, self._at))

    # Steps -----------------------------------------------------------------------------------------------------------

    def take(self, step: Step, progress: float) -> tuple[Terms, Tensor, Tensor]:
        """Take in a step: return what it pays, and the input after it (W, size), before and after any reset.

        Raises CandidateFault.
        """
        action = torch.as_tensor(step.action, dtype=torch.float32)
        terminated = torch.as_tensor(step.terminated)
        if not self._knows_fields:
            self.input.read(self._dones.fields_read(step.state))
            self._knows_fields = True
        self._clock += 1
        self._progress = progress
        shown = self._shown
        held = self._dones.pay(step.state, action, terminated).values > 0.5
        reached = self._reached(held.numpy())
        bonus = np.where(reached & (shown.numpy() < self._none), self._bonus(), 0.0)
        paid = self._pay.pay(step.state, action, terminated, shown, torch.from_numpy(bonus).float())
        self._return += paid.plain
        for row in np.flatnonzero(reached):
            self._leave(int(row), max(1, self._clock - int(self._since[row])))
            self._enter(int(row), self._next(int(row), int(self._at[row])))
        final = self.input.of(self._shown, step.state)
        ended = np.flatnonzero(step.terminated | step.truncated)
        after = self._ended(ended, final) if len(ended) else final
        if self._clock % LOOK_EVERY == 0:
            self._look(progress)
            after = torch.where((self._shown == self._none).unsqueeze(1), torch.zeros_like(after), after)
        return paid.terms, final, after

    def _reached(self, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Say in which worlds the stage in hand is reached: held (stages, W) -> (W,)."""
        everyone, pursued = np.arange(len(self._at)), np.minimum(self._at, self._none - 1)
        return (self._at < self._none) & held[pursued, everyone]

    def _bonus(self) -> NDArray[np.float64]:
        """Return the bonus for a stage that is reached now, (W,): it shrinks with the time that the stage took."""
        return self._settings.bonus * (1 - (self._clock - self._since) / (self._episode_steps + 1))

    def _ended(self, rows: NDArray[np.int64], final: Tensor) -> Tensor:
        """Close these worlds' episodes and start new ones; return the input after that, (W, size)."""
        for row in rows:
            policy = int(row) // self._group
            self._leave(int(row), FAILED)
            guided = self._last[row] >= 0
            if not guided or self._last[row] == max(self.gates[policy].stages, default=-1):
                kept = self._returns[policy][GUIDED if guided else PLAIN]
                kept.append(float(self._return[row]))
                del kept[:-WINDOW]
        self._start(rows)
        after, at = final.clone(), torch.from_numpy(rows)
        after[at] = self.input.of(self._shown[at], None)
        return after

    # Gates -----------------------------------------------------------------------------------------------------------

    def rates(self, policy: int, kind: int = GUIDED) -> list[Rate]:
        """Return each stage's success in a policy's last episodes of a kind."""
        first = (policy * 2 + kind) * self._none
        return [self._attempts.rate(first + stage, self._clock) for stage in range(self._none)]

    def is_over(self, policy: int) -> bool:
        """Say whether a policy pursues no stage any more."""
        gate = self.gates[policy]
        return self._over or gate.dropped or gate.level >= self._none

    def usual_steps(self, policy: int) -> float:
        """Return how many steps a policy's guided episodes take to the end of the last stage that it has mastered; 0: none."""
        first = policy * 2 * self._none
        took = [self._attempts.usual(first + k) for k in range(self._none) if self.gates[policy].status[k] == "passed"]
        return sum(took)

    def _look(self, progress: float) -> None:
        """Have every gate decide; where one moves on, the next stage's own reward is scaled like the one before it."""
        self._over = self._settings.gated and progress >= 1 - LAST_PHASE
        for policy, gate in enumerate(self.gates):
            guided, plain = (_returns(kept) for kept in self._returns[policy])
            level = gate.level
            rates = self.rates(policy)
            if not self._over and gate.look(progress, progress - self._looked_at, rates, guided, plain) and gate.level != level:
                self._pay.rescale(policy, level, gate.level)
            if progress * POINTS >= len(self._points[policy]):
                shares = [round(rate.share, 3) if rate.count else None for rate in rates]
                level_now = self._none if self._over or gate.dropped else gate.level
                self._points[policy].append({"at": round(progress, 4), "level": level_now, "reached": shares})
        self._looked_at = progress

    def told(self, policy: int) -> dict[str, Any]:
        """Return how a policy's curriculum went, as JSON: text for people and prompts."""
        gate, retained = self.gates[policy], self.rates(policy, PLAIN)
        stages = [
            {
                "name": name,
                "share": gate.shares[k],
                "spent": gate.spent[k],
                "status": gate.status[k] or ("begun" if gate.spent[k] else ""),
                "retained": retained[k].share if retained[k].count else None,
            }
            for k, name in enumerate(gate.names)
        ]
        return {"stages": stages, "events": gate.events, "points": self._points[policy]}

    # Pauses ----------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        """Return everything that `restore` needs to go on as if there had been no pause."""
        facts = {
            "gates": [gate.state() for gate in self.gates],
            "generators": [generator.bit_generator.state for generator in self._generators],
            "returns": self._returns,
            "points": self._points,
            "clock": [self._clock, self._progress, self._looked_at, self._over, self._knows_fields],
        }
        arrays = {name: torch.from_numpy(value.copy()) for name, value in self._arrays().items()}
        parts = {**self._attempts.state(), **self._pay.state(), **self.input.state()}
        return {"facts": checkpoint.text(facts), **arrays, **parts}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        facts = checkpoint.from_text(state["facts"])
        self.gates = [restored(gate) for gate in facts["gates"]]
        for generator, kept in zip(self._generators, facts["generators"], strict=True):
            generator.bit_generator.state = kept
        self._returns = [(guided, plain) for guided, plain in facts["returns"]]
        self._points = facts["points"]
        self._clock, self._progress, self._looked_at, self._over, self._knows_fields = facts["clock"]
        for name, value in self._arrays().items():
            value[:] = state[name].numpy()
        for part in (self._attempts, self._pay, self.input):
            part.restore(state)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"at": self._at, "last": self._last, "since": self._since, "place": self._place, "return": self._return}


def _returns(kept: Sequence[float]) -> Returns:
    if len(kept) < 2:
        return Returns(count=len(kept))
    return Returns(float(np.mean(kept)), float(np.var(kept, ddof=1)), len(kept))
