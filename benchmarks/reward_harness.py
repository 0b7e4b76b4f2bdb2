"""What the reward harness costs: its share of a training step, beside the reward itself.

Trains rewards twice on the same seed: through the harness, and called with nothing around them. Needs the worker environment
and an otherwise idle machine. From the repository root: .environments/native/bin/python -m benchmarks.reward_harness
"""

from __future__ import annotations

import io
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from envs import worlds
from envs.vec_env import Step
from sandbox.output import Output
from sandbox.ppo import Settings
from sandbox.reward import Reward
from sandbox.terms import Terms
from sandbox.train import Training

REPEATS = 5
STEPS = 32_768
WORLD = "half_cheetah"

TWO_TERMS = """
def reward(s, a):
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / 0.05
    return {"run": -velocity, "control": -0.1 * torch.square(a).sum(-1)}
"""
SIX_TERMS = """
def reward(s, a):
    speed = s.torso_velocity[:, 0]
    return {
        "run": torch.tanh(-speed / 2.0),
        "upright": torch.exp(-s.torso_pitch.square() / 0.5),
        "level": -0.1 * s.torso_pitch.abs(),
        "calm": -0.01 * s.joint_velocities.square().sum(-1),
        "gain": (s.torso_position[:, 0] - s.prev.torso_position[:, 0]).clamp(-1, 1),
        "effort": -0.01 * a.square().sum(-1),
    }
"""
WITH_POTENTIAL = (
    TWO_TERMS
    + """
def potential(s):
    return {"upright": torch.exp(-s.torso_pitch.square())}
"""
)


class Timed:
    """A reward source that counts the seconds spent in it."""

    def __init__(self, pay: Callable[[Step, Tensor], Terms]) -> None:
        self._pay = pay
        self.seconds: list[float] = []

    def pay(self, step: Step, action: Tensor) -> Terms:
        started = time.perf_counter()
        terms = self._pay(step, action)
        self.seconds.append(time.perf_counter() - started)
        return terms

    def state(self) -> Mapping[str, Tensor]:
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Nothing is kept over a pause."""


def bare(source: str) -> Callable[[Step, Tensor], Terms]:
    """Call the reward once and look at nothing. A potential is asked for both states, as the harness must."""
    namespace: dict[str, Any] = {"torch": torch}
    exec(source, namespace)  # noqa: S102 - our own text, above

    def pay(step: Step, action: Tensor) -> Terms:
        answer = namespace["reward"](step.state, action)
        if "potential" in namespace:
            after, before = namespace["potential"](step.state), namespace["potential"](step.state.prev)
            answer |= {f"shaping_{name}": 0.99 * after[name] - before[name] for name in after}
        return Terms(tuple(answer), torch.stack(list(answer.values())))

    return pay


def harnessed(source: str) -> Callable[[Step, Tensor], Terms]:
    reward = Reward("import torch\n" + source)
    return lambda step, action: reward.pay(step.state, action, torch.from_numpy(step.terminated))


def trained(pay: Callable[[Step, Tensor], Terms], seeds: list[int]) -> tuple[float, float]:
    """Train; return the median seconds a step in the reward, and of the whole step."""
    settings = Settings()
    world = worlds.make(WORLD, settings.num_envs * len(seeds))
    source = Timed(pay)
    started = time.perf_counter()
    training = Training(world, source, seeds, STEPS, [1.0], settings)
    training.start()
    training.advance(1.0, Output(io.BytesIO()))
    return statistics.median(source.seconds), (time.perf_counter() - started) / len(source.seconds)


def main() -> None:
    """Print one row for each reward and number of stacked seeds."""
    torch.set_num_threads(1)
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.release()}, ", end="")
    print(f"Python {platform.python_version()}, torch {torch.__version__}; {WORLD}, {STEPS} steps a seed, ", end="")
    print(f"{Settings().num_envs} worlds a seed, {REPEATS} repeats (median; lowest to highest share)\n")
    print("| reward | seeds | bare call | in the harness | step of the training | harness' share |")
    print("|---|---|---|---|---|---|")
    for label, source in (("two terms", TWO_TERMS), ("six terms", SIX_TERMS), ("two terms and a potential", WITH_POTENTIAL)):
        for seeds in ([0], [0, 1, 2, 3, 4]):
            print(row(label, source, seeds))


def row(label: str, source: str, seeds: list[int]) -> str:
    calls, full_calls, steps, shares = [], [], [], []
    for _ in range(REPEATS):
        call_s, _ = trained(bare(source), seeds)
        full_call_s, step_s = trained(harnessed(source), seeds)
        calls.append(call_s * 1e6)
        full_calls.append(full_call_s * 1e6)
        steps.append(step_s * 1e6)
        shares.append((full_call_s - call_s) / step_s)
    spread = f"{statistics.median(shares):.1%} ({min(shares):.1%} to {max(shares):.1%})"
    numbers = " | ".join(f"{statistics.median(x):.0f} us" for x in (calls, full_calls, steps))
    return f"| {label} | {len(seeds)} | {numbers} | {spread} |"


if __name__ == "__main__":
    main()
