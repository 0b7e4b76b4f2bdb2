"""The `train` verb by Stable-Baselines3: for what our own trainer doesn't do, and to compare with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from envs import worlds
from sandbox import checkpoint
from sandbox.faults import CandidateFault
from sandbox.output import Output
from sandbox.payers import reward_source
from sandbox.ppo import Settings
from sandbox.sb3_learner import DEFAULTS, Learner
from sandbox.train import PROGRESS_INTERVAL_S, carry_out


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Train and send what `sandbox.train` sends. job: the same."""
    carry_out(lambda: training_of(job, files), job, files, output)


def training_of(job: Mapping[str, Any], files: Callable[[str], bytes]) -> Sb3Training:
    """Return what a job describes: each seed with a world and a reward of its own. Raises CandidateFault, WorldError."""
    settings = Settings(**{**DEFAULTS, **job["settings"]})
    horizons = max(1, -(-job["steps"] // (settings.num_envs * settings.horizon)))
    learners = []
    for seed in job["seeds"]:
        world = worlds.make(job["world"], settings.num_envs)
        reward = reward_source(job["reward"], files, world.spec, world.num_envs, settings.gamma)
        learners.append(Learner(world, reward, seed, settings, horizons))
    return Sb3Training(learners, horizons, job["fractions"], settings)


class Sb3Training:
    """Learners that take turns, a horizon each. Implements `sandbox.train.Trained`."""

    def __init__(self, learners: list[Learner], horizons: int, fractions: list[float], settings: Settings) -> None:
        """horizons: how many each learner does in all. fractions: where to keep a policy."""
        self._learners = learners
        self._horizons = horizons
        self._keep_at = [max(1, round(fraction * horizons)) for fraction in fractions]
        self._horizon_steps = settings.horizon * settings.num_envs
        self._done = 0
        self._kept_at: list[int] = []
        self.kept: list[dict[str, Tensor]] = []
        self.curves: list[dict[str, Any]] = []

    @property
    def steps(self) -> int:
        return self._done * self._horizon_steps

    def stages(self) -> None:
        """Return None: this trainer knows no curricula."""

    def traces_of(self, policy: int) -> list[dict[str, Any]]:
        """Return what the reward's terms did in one policy's training, as JSON."""
        return self._learners[policy].traces

    def aids_of(self, policy: int) -> list[dict[str, Any]]:
        """Return nothing: this trainer has no aids."""
        return []

    def variants_of(self, policy: int) -> None:
        """Return None: this trainer knows no variants."""

    def start(self) -> None:
        """Begin: a learner resets its worlds when it first learns."""

    def advance(self, until: float, output: Output) -> None:
        """Train to this share of the steps. Raises CandidateFault, MeasureError, WorldError."""
        reported = started = time.monotonic()
        first, last = self._done, max(1, round(until * self._horizons))
        while self._done < last:
            said = [learner.learn() for learner in self._learners]
            if not all(learner.finite for learner in self._learners):
                raise CandidateFault("non_finite", "the training diverged: the policy's weights are no longer finite")
            self._done += 1
            self.curves.append({"steps": self.steps, **{name: [one[name] for one in said] for name in said[0]}})
            self._keep()
            now = time.monotonic()
            if now - reported > PROGRESS_INTERVAL_S or self._done == last:
                reported = now
                stepped = (self._done - first) * self._horizon_steps * len(self._learners)
                output.progress(share=self._done / self._horizons, steps_per_s=stepped / (now - started))

    def _keep(self) -> None:
        for _ in range(self._keep_at.count(self._done)):
            exported = [learner.export() for learner in self._learners]
            self.kept.append({name: torch.stack([one[name] for one in exported]) for name in exported[0]})
            self._kept_at.append(self._done)

    def state(self) -> dict[str, Mapping[str, Tensor]]:
        """Return everything that `restore` needs to go on, as if there had been no pause."""
        kept = {f"{index}.{name}": value for index, policy in enumerate(self.kept) for name, value in policy.items()}
        terms = [learner.terms for learner in self._learners]
        facts = {"done": self._done, "kept_at": self._kept_at, "curves": self.curves, "terms": terms}
        learners = {f"learner {index}": learner.state() for index, learner in enumerate(self._learners)}
        return {**learners, "kept": kept, "training": {"facts": checkpoint.text(facts)}}

    def restore(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Go on from a state that a training with the same arguments returned; `fractions` may differ."""
        facts = checkpoint.from_text(state["training"]["facts"])
        self._done, self.curves = facts["done"], facts["curves"]
        for index, learner in enumerate(self._learners):
            learner.restore(tuple(facts["terms"][index]), state[f"learner {index}"])
        names = list(self._learners[0].export())
        self._kept_at = [horizon for horizon in self._keep_at if horizon in facts["kept_at"]]
        at = [facts["kept_at"].index(horizon) for horizon in self._kept_at]
        self.kept = [{name: state["kept"][f"{index}.{name}"] for name in names} for index in at]
