"""The `train` verb: policies for the seeds of one reward, stacked in one process. No fitness is here.

What this box says of itself (curves, traces, speed) is text for people and prompts. Its only evidence is the policy file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from envs import worlds
from envs.state import State
from envs.vec_env import Step, VecEnv, WorldSpec
from sandbox.measure import MeasureError, Trajectories, measure_episodes, measure_steps
from sandbox.output import Output
from sandbox.policy import pack
from sandbox.ppo import PPO, Settings
from sandbox.reward import CandidateFault, Reward

TRACE_POINTS = 10
PROGRESS_INTERVAL_S = 0.5


class RewardSource(Protocol):
    """Anything that pays: a candidate, a person's reward, or the fitness itself."""

    def terms(self, step: Step, action: Tensor) -> Mapping[str, Tensor]:
        """Return named terms, each (num_envs,), float32."""
        ...


class CodeReward:
    """A reward written as code, through the harness."""

    def __init__(self, source: str, entry: str, gamma: float) -> None:
        self._reward = Reward(source, entry, gamma)

    def terms(self, step: Step, action: Tensor) -> Mapping[str, Tensor]:
        return self._reward.terms(step.state, action, torch.from_numpy(step.terminated))


class StepMeasure:
    """The sparse baseline where the task gives a per-step form: that expression is the reward."""

    def __init__(self, spec: Mapping[str, Any], world: WorldSpec) -> None:
        self._spec = spec
        self._world = world

    def terms(self, step: Step, action: Tensor) -> Mapping[str, Tensor]:
        fields = {**_arrays(step.state, self._world), "episode_time_s": step.state.episode_time_s.numpy()}
        paid = measure_steps(self._spec, fields, step.action, self._world.dt_s)
        return {"fitness": torch.as_tensor(paid, dtype=torch.float32)}


class EpisodeMeasure:
    """The sparse baseline otherwise: the fitness of an episode is paid at its last step, nothing before."""

    def __init__(self, spec: Mapping[str, Any], world: WorldSpec, num_envs: int) -> None:
        self._spec = spec
        self._world = world
        self._length = np.zeros(num_envs, dtype=np.int64)
        steps = world.episode_steps
        self._fields = {f.name: np.zeros((num_envs, steps, *f.shape), dtype=np.float32) for f in world.fields}
        self._action = np.zeros((num_envs, steps, world.action_dim), dtype=np.float32)

    def terms(self, step: Step, action: Tensor) -> Mapping[str, Tensor]:
        everyone = np.arange(len(self._length))
        for name, values in _arrays(step.state, self._world).items():
            self._fields[name][everyone, self._length] = values
        self._action[everyone, self._length] = step.action
        self._length += 1
        paid = torch.zeros(len(self._length))
        ended = np.flatnonzero(step.terminated | step.truncated)
        if len(ended):
            paid[ended] = torch.as_tensor(self._fitness(ended), dtype=torch.float32)
            self._length[ended] = 0
        return {"fitness": paid}

    def _fitness(self, ended: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        fields = {name: values[ended] for name, values in self._fields.items()}
        lengths = self._length[ended]
        return measure_episodes(self._spec, Trajectories(fields, self._action[ended], lengths, self._world.dt_s))


def _arrays(state: State, world: WorldSpec) -> dict[str, np.ndarray[Any, Any]]:
    return {field.name: getattr(state, field.name).numpy() for field in world.fields}


class Traces:
    """Ten-point traces of every term, for each policy: what the next prompt reads."""

    def __init__(self, policies: int, steps: int) -> None:
        self._policies = policies
        self._steps = steps
        self._sums: dict[str, Tensor] = {}
        self._counts = torch.zeros(TRACE_POINTS)
        self._low: dict[str, Tensor] = {}
        self._high: dict[str, Tensor] = {}

    def add(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Take in one step's terms, each (num_envs,)."""
        point = min(TRACE_POINTS - 1, step * TRACE_POINTS // self._steps)
        self._counts[point] += 1
        for name, term in terms.items():
            mean = term.view(self._policies, -1).mean(1)
            if name not in self._sums:
                self._sums[name] = torch.zeros(TRACE_POINTS, self._policies)
                self._low[name], self._high[name] = mean, mean
            self._sums[name][point] += mean
            self._low[name] = torch.minimum(self._low[name], mean)
            self._high[name] = torch.maximum(self._high[name], mean)

    def of(self, policy: int) -> list[dict[str, Any]]:
        """Return one policy's traces as JSON."""
        seen = self._counts > 0
        return [
            {
                "name": name,
                "mean": (sums[seen, policy] / self._counts[seen]).tolist(),
                "low": float(self._low[name][policy]),
                "high": float(self._high[name][policy]),
            }
            for name, sums in self._sums.items()
        ]


class Training(NamedTuple):
    """What a training leaves: one entry of `checkpoints` for each of `fractions`, and the traces."""

    checkpoints: list[dict[str, Tensor]]
    traces: Traces
    curves: list[dict[str, Any]]
    steps: int


def run(job: Mapping[str, Any], files: Callable[[str], str], output: Output) -> None:
    """Train and send `curves.jsonl`, `policy.safetensors` and the result.

    job: world, seeds, steps (for each seed), fractions (where to keep a checkpoint), settings, reward.
    """
    started_cpu = time.process_time()
    settings = Settings(**job["settings"])
    seeds = job["seeds"]
    world = worlds.make(job["world"], settings.num_envs * len(seeds))
    try:
        reward = _reward_source(job["reward"], files, world.spec, world.num_envs, settings.gamma)
        training = train(world, reward, seeds, job["steps"], job["fractions"], settings, output)
    except CandidateFault as fault:
        output.result(fault.status, fault.message, line=fault.line)
        return
    except MeasureError as error:
        output.result("rejected", str(error))
        return
    output.write("curves.jsonl", "".join(json.dumps(line) + "\n" for line in training.curves).encode())
    output.write("policy.safetensors", pack(training.checkpoints))
    output.result(
        "ok",
        steps=training.steps,
        traces=[training.traces.of(policy) for policy in range(len(seeds))],
        cpu_s=time.process_time() - started_cpu,
    )


def _reward_source(
    spec: Mapping[str, Any], files: Callable[[str], str], world: WorldSpec, num_envs: int, gamma: float
) -> RewardSource:
    if spec["kind"] == "code":
        return CodeReward(files("reward.py"), spec["entry"], gamma)
    if spec["kind"] == "step_measure":
        return StepMeasure(spec["measure"], world)
    return EpisodeMeasure(spec["measure"], world, num_envs)


def train(
    world: VecEnv,
    reward: RewardSource,
    seeds: list[int],
    steps: int,
    fractions: list[float],
    settings: Settings,
    output: Output,
) -> Training:
    """Run PPO for `steps` environment steps a seed, rounded up to whole horizons."""
    horizons = max(1, -(-steps // (settings.num_envs * settings.horizon)))
    keep_at = [max(1, round(fraction * horizons)) for fraction in fractions]
    discrete = world.spec.choices > 0
    learner = PPO(world.spec.observation_dim, world.spec.policy_outputs, seeds, settings, discrete=discrete)
    traces = Traces(len(seeds), horizons * settings.horizon)
    collector = _Collector(world, reward, learner, traces, horizons * settings.horizon)
    observation = collector.reset(seeds)
    checkpoints, curves = [], []
    reported = started = time.monotonic()
    for horizon in range(1, horizons + 1):
        observation = collector.collect(observation)
        statistics = learner.update(observation)
        if not learner.finite:
            raise CandidateFault("non_finite", "the training diverged: the policy's weights are no longer finite")
        done_steps = horizon * settings.horizon * settings.num_envs
        curves.append({"steps": done_steps, **{name: value.tolist() for name, value in statistics.items()}})
        checkpoints += [learner.export()] * keep_at.count(horizon)
        now = time.monotonic()
        if now - reported > PROGRESS_INTERVAL_S or horizon == horizons:
            reported = now
            output.progress(share=horizon / horizons, steps_per_s=done_steps * len(seeds) / (now - started))
    return Training(checkpoints, traces, curves, done_steps)


class _Collector:
    """Steps the worlds with the learner's actions and pays the reward."""

    def __init__(self, world: VecEnv, reward: RewardSource, learner: PPO, traces: Traces, total_steps: int) -> None:
        self._world = world
        self._reward = reward
        self._learner = learner
        self._traces = traces
        self._total_steps = total_steps
        self._steps_done = 0

    def reset(self, seeds: list[int]) -> Tensor:
        return self._by_policy(self._world.reset(seeds))

    def collect(self, observation: Tensor) -> Tensor:
        """Fill the learner's horizon; return the observation after it, (P, N, O)."""
        for _ in range(self._learner.settings.horizon):
            action = self._learner.act(observation).flatten(0, 1).double().numpy()
            progress = self._steps_done / self._total_steps
            step = self._world.step(self._world.spec.from_unit(action), progress)
            terms = self._reward.terms(step, torch.as_tensor(step.action, dtype=torch.float32))
            self._traces.add(self._steps_done, terms)
            self._steps_done += 1
            self._learner.record(
                self._by_policy_flat(torch.stack(list(terms.values())).sum(0)),
                self._by_policy_flat(torch.from_numpy(step.terminated)),
                self._by_policy_flat(torch.from_numpy(step.truncated)),
                self._by_policy(step.final_observation),
            )
            observation = self._by_policy(step.observation)
        return observation

    def _by_policy(self, observation: np.ndarray[Any, Any]) -> Tensor:
        return torch.as_tensor(observation, dtype=torch.float32).view(self._learner.policies, -1, observation.shape[-1])

    def _by_policy_flat(self, values: Tensor) -> Tensor:
        return values.view(self._learner.policies, -1)
