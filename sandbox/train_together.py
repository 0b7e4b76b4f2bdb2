"""The `train_together` verb: the trainings of several candidates, stacked in one process and paid by one reward each.

A candidate that raises, returns what it mustn't, goes beyond its CPU time or whose weights stop being finite is given up: its
fault is recorded, it is paid nothing any more, and the others go on as if it had not been there. But they share a process: code
that attacks it can spoil what becomes of the others (docs/security.md), so this is for a search, never for finals.

Shapes: C candidates with S seeds each are P = C * S policies, a candidate's side by side; N worlds a policy.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from envs.vec_env import Step, VecEnv
from sandbox import checkpoint, parts
from sandbox.allowance import Allowance, watch
from sandbox.faults import CandidateFault
from sandbox.output import Output
from sandbox.payers import CodeReward
from sandbox.policy import pack
from sandbox.ppo import Settings
from sandbox.surroundings import put_back, read_settings
from sandbox.terms import Terms
from sandbox.traces import Traces
from sandbox.train import DIVERGED, Training, world_for

Returned = TypeVar("Returned")
OUT_OF_TIME = "the reward used {used:.1f} s of CPU time; it may use {may:g} s in this training"


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Train, and send `policy-<k>.safetensors`, `curves-<k>.jsonl` and, where it paused, `checkpoint-<k>.safetensors` of every
    candidate k that went well; in the result, how each one ended.

    job: world, seeds (each candidate's), candidates (how many), steps, fractions, settings, entry, reward_cpu_s (what each
    reward may use); optionally `until` and `resume`, as `train` has them. files: `reward-<k>.py`, `checkpoint-<k>.safetensors`.
    """
    started_cpu = time.process_time()
    watch()
    settings, seeds, count, until = Settings(**job["settings"]), job["seeds"], job["candidates"], job.get("until", 1.0)
    world = world_for(job, settings.num_envs * len(seeds) * count)
    rewards = [
        Paying(files(f"reward-{k}.py").decode(), job["entry"], settings.gamma, job["reward_cpu_s"]) for k in range(count)
    ]
    training = TrainingTogether(world, rewards, seeds, job["steps"], job["fractions"], settings)
    if job.get("resume", False):
        training.restore_all([checkpoint.unpack(files(f"checkpoint-{k}.safetensors")) for k in range(count)])
    else:
        training.start()
    training.advance(until, output)
    ended = [training.ended(k) for k in range(count)]
    for k, reward in enumerate(rewards):
        if reward.fault is None:
            training.send(k, output, pauses=until < 1)
    output.result("ok", steps=training.steps, candidates=ended, cpu_s=time.process_time() - started_cpu)


class Paying:
    """A candidate's reward with a time limit. Its first fault is kept, and from then on it pays nothing."""

    def __init__(self, source: str, entry: str, gamma: float, cpu_s: float) -> None:
        self.fault: CandidateFault | None = None
        self._allowance = Allowance(cpu_s)
        self._reward = self._guarded(lambda: CodeReward(source, entry, gamma))

    def pay(self, step: Step, action: Tensor) -> Terms | None:
        """Return the terms for a step of its own worlds, or None where there was a fault, now or before."""
        reward = self._reward
        return None if reward is None or self.fault else self._guarded(lambda: reward.pay(step, action))

    def _guarded(self, call: Callable[[], Returned]) -> Returned | None:
        answer = None
        try:
            answer = self._allowance.spend(call)
        except CandidateFault as fault:
            self.fault = fault
        if self._allowance.over:
            told = OUT_OF_TIME.format(used=self._allowance.used_s, may=self._allowance.cpu_s)
            self.fault = CandidateFault("timed_out", told)
        return None if self.fault else answer


class TrainingTogether(Training):
    """`Training` of C candidates at once: the stack of learners is one, what pays and the traces are each candidate's own."""

    def __init__(
        self,
        world: VecEnv,
        rewards: Sequence[Paying],
        seeds: list[int],
        steps: int,
        fractions: list[float],
        settings: Settings,
    ) -> None:
        """`seeds`: those of each candidate."""
        super().__init__(world, _Nobody(), seeds * len(rewards), steps, fractions, settings)
        self._rewards = rewards
        self._own_traces = [Traces(len(seeds), self._horizons * settings.horizon) for _ in rewards]
        self._rows = [slice(k * len(seeds), (k + 1) * len(seeds)) for k in range(len(rewards))]
        group = len(seeds) * settings.num_envs
        self._worlds = [torch.arange(k * group, (k + 1) * group) for k in range(len(rewards))]
        self._settings_before = read_settings()
        self._given_up: set[int] = set()

    def advance(self, until: float, output: Output) -> None:
        """Run PPO to this share of the steps, or until the last candidate has failed."""
        with contextlib.suppress(_NobodyLeftError):
            if self._someone_goes_on():
                super().advance(until, output)

    def _someone_goes_on(self) -> bool:
        return any(reward.fault is None for reward in self._rewards)

    def _paid(self, step: Step, done: int) -> Tensor:
        """Pay each candidate's worlds by its own reward, (P, N); 0 where it failed."""
        action = torch.from_numpy(step.action).float()
        paid = torch.zeros(self._learner.policies, self._settings.num_envs)
        for k, (reward, mine) in enumerate(zip(self._rewards, self._worlds, strict=True)):
            begin, end = int(mine[0]), int(mine[-1]) + 1
            own = step._replace(state=step.state.select(mine), terminated=step.terminated[begin:end])
            terms = reward.pay(own, action[begin:end])
            if terms is not None:
                by_policy = terms.values.view(len(terms.names), self._rows[k].stop - self._rows[k].start, -1)
                self._own_traces[k].add(done, terms.names, by_policy.mean(-1))
                paid[self._rows[k]] = by_policy.sum(0)
        return paid

    def _look_at_weights(self) -> None:
        """Give up whoever failed in this horizon, or whose weights are no longer finite. Ends the training with its last."""
        finite = self._learner.finite
        for k, reward in enumerate(self._rewards):
            if not bool(finite[self._rows[k]].all()):
                reward.fault = reward.fault or CandidateFault("non_finite", DIVERGED)
            if reward.fault and k not in self._given_up:
                self._given_up.add(k)
                put_back(self._settings_before)  # a call that was interrupted may not have tidied up
            if k in self._given_up:
                self._learner.give_up(self._rows[k])
        if not self._someone_goes_on():
            raise _NobodyLeftError

    def ended(self, k: int) -> dict[str, Any]:
        """Return how candidate k's training ended, as JSON."""
        fault = self._rewards[k].fault
        if fault:
            return {"status": fault.status, "error": fault.message, "line": fault.line}
        traces = self._own_traces[k]
        return {"status": "ok", "error": "", "traces": [traces.of(p) for p in range(self._rows[k].stop - self._rows[k].start)]}

    def send(self, k: int, output: Output, *, pauses: bool) -> None:
        """Send what candidate k's training would have sent alone."""
        rows = self._rows[k]
        curves = self._curves_of(rows)
        output.write(f"curves-{k}.jsonl", "".join(json.dumps(line) + "\n" for line in curves).encode())
        output.write(f"policy-{k}.safetensors", pack([{name: x[rows] for name, x in kept.items()} for kept in self.kept]))
        if pauses:
            output.write(f"checkpoint-{k}.safetensors", checkpoint.pack(self.state_of(k)))

    def _curves_of(self, rows: slice) -> list[dict[str, Any]]:
        return [{name: x[rows] if isinstance(x, list) else x for name, x in line.items()} for line in self.curves]

    def state_of(self, k: int) -> dict[str, dict[str, Tensor]]:
        """Return candidate k's training as `Training.state` would if it had been alone, to go on in any box."""
        rows, traces, whole = self._rows[k], self._own_traces[k], self.state()
        state = parts.policies_of(whole, rows)
        facts = checkpoint.from_text(whole["training"]["facts"])
        facts |= {"curves": self._curves_of(rows), "terms": traces.names}
        state["training"]["facts"] = checkpoint.text(facts)
        return {**state, "reward": {}, "traces": traces.state()}

    def restore_all(self, states: Sequence[parts.State]) -> None:
        """Go on from the state of each candidate."""
        facts = [checkpoint.from_text(state["training"]["facts"]) for state in states]
        joined = parts.together(states)
        curves = [_merged(lines) for lines in zip(*(each["curves"] for each in facts), strict=True)]
        joined["training"]["facts"] = checkpoint.text({**facts[0], "curves": curves, "terms": self.traces.names})
        super().restore({**joined, "reward": {}, "traces": self.traces.state()})
        for traces, state, each in zip(self._own_traces, states, facts, strict=True):
            traces.restore(tuple(each["terms"]), state["traces"])


def _merged(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make one line of statistics of several candidates': lists have an entry a policy."""
    return {
        name: [x for line in lines for x in line[name]] if isinstance(value, list) else value
        for name, value in lines[0].items()
    }


class _NobodyLeftError(Exception):
    """Every candidate has failed."""


class _Nobody:
    """Stands where a training has its one reward. Implements `RewardSource`."""

    def pay(self, step: Step, action: Tensor) -> Terms:
        raise NotImplementedError

    def state(self) -> Mapping[str, Tensor]:
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        pass
