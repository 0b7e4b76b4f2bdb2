"""The `probe` verb: call a candidate on a few hundred real transitions and look for what breaks the contract.

Beyond what the harness checks on every call: the same answer twice, the same answer for half of the worlds in another
order (no state, no order, no look at a neighbour), inputs left as they were, and torch's global settings too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from envs import worlds
from envs.state import State
from sandbox.extremes import extremes
from sandbox.output import Output
from sandbox.reward import CandidateFault, Reward

NUM_ENVS = 64
STEPS = 40
TOLERANCE = 1e-5


class Transition(NamedTuple):
    """One step of all worlds: action (num_envs, action_dim), terminated (num_envs,)."""

    state: State
    action: Tensor
    terminated: Tensor


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send what each term was over random play, or the fault. job: world, seed, entry."""
    transitions = random_transitions(job["world"], job["seed"])
    globals_before = _torch_globals()
    try:
        reward = Reward(files("reward.py").decode("utf-8"), job["entry"])
        started = time.perf_counter()
        answers = [reward.terms(t.state, t.action, t.terminated) for t in transitions]
        seconds = (time.perf_counter() - started) / len(transitions)
        _check_inputs(transitions, job)
        _check_repeatable(reward, transitions, answers)
        if _torch_globals() != globals_before:
            raise CandidateFault("rejected", "the reward changed torch's global settings (dtype, threads or gradients)")
    except CandidateFault as fault:
        output.result(fault.status, fault.message, line=fault.line)
        return
    output.result(
        "ok",
        terms=_summary(answers),
        extremes=extremes(transitions, answers, [field.name for field in worlds.make(job["world"], 1).spec.fields]),
        call_s=seconds,
        transitions=len(transitions) * NUM_ENVS,
    )


def random_transitions(world_name: str, seed: int) -> list[Transition]:
    """Play random actions: STEPS transitions of NUM_ENVS worlds each. The same for every candidate."""
    world = worlds.make(world_name, NUM_ENVS)
    generator = np.random.default_rng(seed)
    world.reset([seed])
    low, high = np.array(world.spec.action_low), np.array(world.spec.action_high)
    transitions = []
    for t in range(STEPS):
        step = world.step(generator.uniform(low, high, (NUM_ENVS, len(low))), training_progress=t / STEPS)
        action = torch.as_tensor(step.action, dtype=torch.float32)
        transitions.append(Transition(step.state, action, torch.from_numpy(step.terminated)))
    return transitions


def _check_inputs(transitions: list[Transition], job: Mapping[str, Any]) -> None:
    """Compare the inputs with a second, untouched copy of the same play."""
    for used, fresh in zip(transitions, random_transitions(job["world"], job["seed"]), strict=True):
        pairs = [(used.action, fresh.action), *used.state.pairs(fresh.state), *used.state.prev.pairs(fresh.state.prev)]
        if not all(torch.equal(a, b) for a, b in pairs):
            raise CandidateFault("rejected", "the reward wrote into its inputs; it must compute new tensors instead")


def _check_repeatable(reward: Reward, transitions: list[Transition], answers: list[dict[str, Tensor]]) -> None:
    generator = torch.Generator().manual_seed(0)
    for transition, answer in list(zip(transitions, answers, strict=True))[::8]:
        again = reward.terms(transition.state, transition.action, transition.terminated)
        _compare(again, answer, "gave another answer when asked twice; it must depend on its arguments alone")
        some = torch.randperm(NUM_ENVS, generator=generator)[: NUM_ENVS // 2]
        alone = reward.terms(transition.state.select(some), transition.action[some], transition.terminated[some])
        expected = {name: term[some] for name, term in answer.items()}
        _compare(alone, expected, "depends on the other worlds or their order; each world must be paid on its own")


def _compare(got: Mapping[str, Tensor], expected: Mapping[str, Tensor], complaint: str) -> None:
    for name, term in got.items():
        scale = 1.0 + float(expected[name].abs().max())
        if float((term - expected[name]).abs().max()) > TOLERANCE * scale:
            raise CandidateFault("rejected", f"term {name!r} {complaint}")


def _summary(answers: list[dict[str, Tensor]]) -> list[dict[str, Any]]:
    """Each term over the random play: mean, standard deviation, extremes."""
    summary = []
    for name in answers[0]:
        values = torch.cat([answer[name] for answer in answers])
        numbers = {"mean": values.mean(), "std": values.std(), "low": values.min(), "high": values.max()}
        summary.append({"name": name, **{key: float(value) for key, value in numbers.items()}})
    return summary


def _torch_globals() -> tuple[object, ...]:
    return torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), torch.initial_seed()
