"""The `probe` verb: call a candidate on a few hundred real transitions and look for what breaks the contract.

The harness finds most of it on any call. What only many calls show is asked here: some transitions again at
the end, and for another number of worlds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from envs import worlds
from sandbox.extremes import extremes
from sandbox.faults import CandidateFault
from sandbox.output import Output
from sandbox.reward import ANOTHER_ANSWER, TOLERANCE, Call, Reward
from sandbox.solved import NARROWED, SOLVED, Solved
from sandbox.stages import Dones, StageReward
from sandbox.transitions import stretched

NUM_ENVS = 64
STEPS = 40
STEPS_A_CALL = 2
"""The time of a call hardly depends on how many worlds it is for, so two steps are asked about at once."""
GAMMA = 0.99


class Play(NamedTuple):
    """Transitions of random play, STEPS_A_CALL steps of NUM_ENVS worlds in a call, and the names of the world's fields.

    wide: transitions between its states, stretched far apart and mixed: what rewards are told apart by.
    """

    transitions: list[Call]
    fields: list[str]
    wide: Call


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send what each term was over random play, or the fault. job: world, seed, entry."""
    judge(files("reward.py").decode("utf-8"), job["entry"], random_play(job["world"], job["seed"]), output)


def judge(source: str, entry: str, play: Play, output: Output) -> None:
    """Call a candidate on every transition and send what each term was, or the fault."""
    transitions = play.transitions
    try:
        reward = Reward(source, entry)
        started = time.perf_counter()
        answers = [reward.terms(t.state, t.action, t.terminated) for t in transitions]
        seconds = (time.perf_counter() - started) / len(transitions)
        _ask_again(reward, transitions, answers)
        stages = _stages_in(source, reward, transitions)
        _hold_solved(source, reward, transitions)
    except CandidateFault as fault:
        output.result(fault.status, fault.message, line=fault.line)
        return
    output.result(
        "ok",
        terms=_summary(answers),
        extremes=extremes(transitions, answers, play.fields),
        call_s=seconds,
        transitions=STEPS * NUM_ENVS,
        rewards={"play": _rounded(_totals(answers)), "wide": _paid_when_wide(reward, play.wide)},
        **({"stages": stages} if stages else {}),
    )


def _stages_in(source: str, reward: Reward, transitions: list[Call]) -> list[dict[str, Any]]:
    """Ask a curriculum's stages about every transition; return how often each one holds. Raises CandidateFault."""
    if "STAGES" not in reward.defined:
        return []
    dones = Dones(source)
    held = [dones.terms(*call) for call in transitions]
    _ask_again(dones, transitions, held)
    for k, stage in enumerate(dones.stages):
        if stage.reward is not None:
            own = StageReward(source, GAMMA, k)
            _ask_again(own, transitions, [own.terms(*call) for call in transitions])
    shares = {name: float(torch.cat([answer[name] for answer in held]).mean()) for name in dones.plan.names}
    return [{"name": name, "held": share} for name, share in shares.items()]


def _hold_solved(source: str, reward: Reward, transitions: list[Call]) -> None:
    """Ask where a file says that the task is solved, if it does. Raises CandidateFault."""
    if SOLVED in reward.defined:
        solved = Solved(source)
        spread = solved.between(0.0, 1.0, transitions)
        _ask_again(solved, spread, [solved.terms(*call) for call in spread])
        strict, wide = ([solved.terms(*call) for call in solved.between(at, at, transitions)] for at in (0.0, 1.0))
        if any(bool((one[SOLVED] > other[SOLVED]).any()) for one, other in zip(strict, wide, strict=True)):
            raise CandidateFault("rejected", NARROWED)


def random_play(world_name: str, seed: int) -> Play:
    """Play random actions: STEPS steps of NUM_ENVS worlds. The same for every candidate."""
    world = worlds.make(world_name, NUM_ENVS)
    generator = np.random.default_rng(seed)
    world.reset([seed])
    transitions = []
    for t in range(STEPS):
        step = world.step(world.spec.random_actions(generator, NUM_ENVS), training_progress=t / STEPS)
        action = torch.as_tensor(step.action, dtype=torch.float32)
        transitions.append(Call(step.state, action, torch.from_numpy(step.terminated)))
    transitions = [Call.joined(transitions[t : t + STEPS_A_CALL]) for t in range(0, STEPS, STEPS_A_CALL)]
    fields = world.spec.fields
    return Play(transitions, [field.name for field in fields], stretched(transitions, fields, seed))


def _totals(answers: list[dict[str, Tensor]]) -> Tensor:
    """Return the reward of every transition: (transitions,), float64."""
    return torch.cat([torch.stack(list(answer.values())).double().sum(0) for answer in answers])


def _paid_when_wide(reward: Reward, wide: Call) -> list[float] | None:
    """Return what the stretched transitions are paid; None where the reward can't take them, which is no fault of it."""
    try:
        return _rounded(_totals([reward.terms(wide.state, wide.action, wide.terminated)]))
    except CandidateFault:
        return None


def _rounded(values: Tensor) -> list[float]:
    return [float(f"{value:.6g}") for value in values.tolist()]


def _ask_again(reward: Reward, transitions: list[Call], answers: list[dict[str, Tensor]]) -> None:
    """Ask for some transitions once more, after all the others: a memory of what came between shows.

    Only half of the worlds are asked for: a training has another number of worlds than the probe.
    """
    half = torch.arange(NUM_ENVS * STEPS_A_CALL // 2)
    for call, answer in list(zip(transitions, answers, strict=True))[::4]:
        again = reward.terms(*call.select(half))
        names = [name for name, term in answer.items() if not torch.allclose(again[name], term[half], TOLERANCE, TOLERANCE)]
        if names:
            raise CandidateFault("rejected", ANOTHER_ANSWER.format(name=names[0]))


def _summary(answers: list[dict[str, Tensor]]) -> list[dict[str, Any]]:
    """Each term over the random play: mean, standard deviation, extremes."""
    summary = []
    for name in answers[0]:
        values = torch.cat([answer[name] for answer in answers])
        numbers = {"mean": values.mean(), "std": values.std(), "low": values.min(), "high": values.max()}
        summary.append({"name": name, **{key: float(value) for key, value in numbers.items()}})
    return summary
