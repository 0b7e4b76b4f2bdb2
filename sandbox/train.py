"""The `train` verb: policies for the seeds of one reward, stacked in one process. No fitness is here.

What this box says of itself (curves, traces, speed) is text for people and prompts. Its only evidence is the policy file.
A training can stop at a share of its steps, leave a checkpoint, and go on from it in another box as if it had not stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from envs import worlds
from envs.eases import Levels, Wanted
from envs.errors import WorldError
from envs.vec_env import Step, VecEnv
from sandbox import checkpoint
from sandbox.aids import Aid, Aids
from sandbox.course import Course
from sandbox.fading import Timeless, fading_aids
from sandbox.faults import CandidateFault
from sandbox.help import Help
from sandbox.measure import MeasureError
from sandbox.output import Output
from sandbox.payers import RewardSource, reward_source
from sandbox.policy import pack
from sandbox.ppo import PPO, Settings
from sandbox.solved import Solved, solved_in
from sandbox.stage_input import LeavesStage, without_stage
from sandbox.staged_world import staged
from sandbox.traces import Traces
from sandbox.variants import Variants

PROGRESS_INTERVAL_S = 0.5
CHECKPOINT = "checkpoint.safetensors"
DIVERGED = "the training diverged: the policy's weights are no longer finite"


class Trained(Protocol):
    """A training of one policy for each seed, by whatever trainer, that can be paused.

    After `advance`: `kept` holds the policies (P, ...) of each of the job's fractions that was passed, `curves` a line of
    statistics for each horizon, `steps` the environment steps done for each seed.
    """

    kept: list[dict[str, Tensor]]
    curves: list[dict[str, Any]]

    @property
    def steps(self) -> int: ...
    def traces_of(self, policy: int) -> list[dict[str, Any]]:
        """Return what the reward's terms did in one policy's training, as JSON."""
        ...

    def stages(self) -> list[dict[str, Any]] | None:
        """Return how each policy's curriculum went, as JSON; None where there is none."""
        ...

    def aids_of(self, policy: int) -> list[dict[str, Any]]:
        """Return what eased or steered one policy's training, as JSON."""
        ...

    def variants_of(self, policy: int) -> dict[str, Any] | None:
        """Return which variants of the world one policy's episodes played, as JSON; None where none were chosen among."""
        ...

    def start(self) -> None: ...
    def advance(self, until: float, output: Output) -> None: ...
    def state(self) -> Mapping[str, Mapping[str, Tensor]]: ...
    def restore(self, state: Mapping[str, Mapping[str, Tensor]]) -> None: ...


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Train and send `curves.jsonl`, `policy.safetensors`, the result and, where it paused, `checkpoint.safetensors`.

    job: world, seeds, steps (for each seed), fractions (where to keep a policy), settings, reward; optionally `until`, the
    share of the steps at which to pause, `resume`: go on from the checkpoint beside the job, `stages`: train by the stages
    that reward.py defines, and `aids`: what eases or steers the training. A box that goes on sends the
    policies of its own fractions.
    """
    carry_out(lambda: training_of(job, files), job, files, output)


def training_of(job: Mapping[str, Any], files: Callable[[str], bytes]) -> Training:
    """Return what a job describes: the seeds stacked over one batch of worlds. Raises CandidateFault, WorldError."""
    settings = Settings(**job["settings"])
    seeds = job["seeds"]
    world = world_for(job, settings.num_envs * len(seeds))
    asked = job.get("aids", {})
    solved = solved_in(files("reward.py").decode("utf-8")) if asked else None
    variants = variants_of(world, asked["variants"], seeds, solvable=solved is not None) if "variants" in asked else None
    shown = Timeless(world) if asked.get("timeless", False) else world
    sizes = (seeds, job["steps"], job["fractions"], settings)
    if "stages" in job:
        with_stages, pays = staged(shown, job, files, settings.gamma)
        aids = aids_of(asked, seeds, settings.gamma, world, solved, variants, with_stages.course)
        return Training(with_stages, pays, *sizes, with_stages.course, aids)
    reward = reward_source(job["reward"], files, world.spec, world.num_envs, settings.gamma)
    return Training(shown, reward, *sizes, None, aids_of(asked, seeds, settings.gamma, world, solved, variants, None))


def aids_of(
    asked: Mapping[str, Any],
    seeds: Sequence[int],
    gamma: float,
    world: VecEnv,
    solved: Solved | None,
    variants: Variants | None,
    course: Course | None,
) -> Aids:
    """Return the aids that a job's `aids` ask for. Raises WorldError where the world can't be helped in."""
    solvable = solved is not None
    found: list[Aid] = [*([variants] if variants else []), *fading_aids(asked, gamma, len(seeds), course, solvable=solvable)]
    if "help" not in asked:
        return Aids(found, solved, variants)
    help_ = help_of(asked["help"], seeds, world, solvable=solvable)
    return Aids([*found, help_], solved, variants, (lambda: help_.slack) if asked["help"]["tolerance"] else None)


def help_of(asked: Mapping[str, Any], seeds: Sequence[int], world: VecEnv, *, solvable: bool) -> Help:
    """Return the help that a job's `aids.help` asks for. Raises WorldError where the world can't be eased."""
    wanted = Wanted(asked["carry"], asked["grace"], asked["starts"])
    ease = getattr(world, "ease", None)
    if any(wanted) and ease is None:
        raise WorldError(
            f"{world.spec.name} is no native MuJoCo world, and only these can be eased: of help.*, leave all but tolerance off"
        )
    levels: Levels = ease(wanted, seeds) if ease is not None and any(wanted) else Levels(world.num_envs, seeds)
    return Help(levels, len(seeds), world.num_envs, world.spec.episode_steps, asked["tolerance"], solvable=solvable)


def variants_of(world: VecEnv, asked: Mapping[str, Any], seeds: Sequence[int], *, solvable: bool) -> Variants:
    """Have a world play its variants as a job's `aids.variants` ask for. Raises WorldError where it has none such."""
    vary = getattr(world, "vary", None)
    if vary is None:
        raise WorldError(f"{world.spec.name} declares no variants: leave variants.rule off, or see docs/curricula.md")
    variants = Variants(**asked, seeds=seeds, num_envs=world.num_envs, solvable=solvable)
    vary(variants.names, variants.choose)
    return variants


def world_for(job: Mapping[str, Any], num_envs: int) -> VecEnv:
    """Make a job's worlds. Raises WorldError where a policy of this trainer couldn't look at them."""
    world = worlds.make(job["world"], num_envs)
    if world.spec.images:
        raise WorldError(f"{world.spec.name} shows pictures, which this trainer can't look at: set training.trainer = sb3")
    return world


def carry_out(make: Callable[[], Trained], job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Make a job's training, do it, and send what came of it."""
    started_cpu = time.process_time()
    until = job.get("until", 1.0)
    try:
        training = make()
        if job.get("resume", False):
            training.restore(checkpoint.unpack(files(CHECKPOINT)))
        else:
            training.start()
        training.advance(until, output)
    except CandidateFault as fault:
        output.result(fault.status, fault.message, line=fault.line)
        return
    except MeasureError as error:
        output.result("rejected", str(error))
        return
    output.write("curves.jsonl", "".join(json.dumps(line) + "\n" for line in training.curves).encode())
    output.write("policy.safetensors", pack(training.kept))
    if until < 1:
        output.write(CHECKPOINT, checkpoint.pack(training.state()))
    traces = [training.traces_of(policy) for policy in range(len(job["seeds"]))]
    stages = training.stages()
    told: dict[str, Any] = {} if stages is None else {"stages": stages}
    if "aids" in job:
        told["aids"] = [training.aids_of(policy) for policy in range(len(job["seeds"]))]
    if "variants" in job.get("aids", {}):
        told["variants"] = [training.variants_of(policy) for policy in range(len(job["seeds"]))]
    output.result("ok", steps=training.steps, traces=traces, cpu_s=time.process_time() - started_cpu, **told)


class Training:
    """The worlds, what pays, and a stack of learners, one for each seed. Implements `Trained`."""

    def __init__(
        self,
        world: VecEnv,
        reward: RewardSource,
        seeds: list[int],
        steps: int,
        fractions: list[float],
        settings: Settings,
        course: Course | None = None,
        aids: Aids | None = None,
    ) -> None:
        """`steps` are rounded up to whole horizons. course: the curriculum that the world and the reward are at."""
        self._aids = aids or Aids()
        self._horizons = max(1, -(-steps // (settings.num_envs * settings.horizon)))
        self._keep_at = [max(1, round(fraction * self._horizons)) for fraction in fractions]
        self._world = world
        self._reward = reward
        self._seeds = seeds
        self._settings = settings
        sizes, discrete = (world.spec.observation_dim, world.spec.policy_outputs), world.spec.choices > 0
        self._learner = PPO(*sizes, seeds, settings, discrete=discrete)
        self._course = course
        if world.spec.stage_inputs:
            self._learner.observations = LeavesStage(len(seeds), world.spec.observation_dim, world.spec.stage_inputs)
        self._observation = torch.zeros(0)
        self._done = 0
        self.traces = Traces(len(seeds), self._horizons * settings.horizon)
        self.kept: list[dict[str, Tensor]] = []
        self._kept_at: list[int] = []
        self.curves: list[dict[str, Any]] = []

    @property
    def steps(self) -> int:
        return self._done * self._settings.horizon * self._settings.num_envs

    def traces_of(self, policy: int) -> list[dict[str, Any]]:
        """Return what the reward's terms did in one policy's training, as JSON."""
        return self.traces.of(policy)

    def aids_of(self, policy: int) -> list[dict[str, Any]]:
        """Return what eased or steered one policy's training, as JSON."""
        return self._aids.told(policy)

    def variants_of(self, policy: int) -> dict[str, Any] | None:
        """Return which variants of the world one policy's episodes played, as JSON; None where none were chosen among."""
        return self._aids.variants_of(policy)

    def start(self) -> None:
        """Begin: every world at the start of an episode."""
        self._observation = self._by_policy(self._world.reset(self._seeds))

    def advance(self, until: float, output: Output) -> None:
        """Run PPO to this share of the steps. Raises CandidateFault, MeasureError."""
        reported = started = time.monotonic()
        first, last = self._done, max(1, round(until * self._horizons))
        while self._done < last:
            self._collect()
            statistics = self._learner.update(self._observation)
            self._look_at_weights()
            self._aids.after(self._learner)
            self._done += 1
            self.curves.append({"steps": self.steps, **{name: value.tolist() for name, value in statistics.items()}})
            self.kept += [self._exported() for _ in range(self._keep_at.count(self._done))]
            self._kept_at += [self._done] * self._keep_at.count(self._done)
            now = time.monotonic()
            if now - reported > PROGRESS_INTERVAL_S or self._done == last:
                reported = now
                stepped = (self._done - first) * self._settings.horizon * self._world.num_envs
                output.progress(share=self._done / self._horizons, steps_per_s=stepped / (now - started))

    def stages(self) -> list[dict[str, Any]] | None:
        """Return how each policy's curriculum went, as JSON; None where there is none."""
        return [self._course.told(policy) for policy in range(len(self._seeds))] if self._course else None

    def _exported(self) -> dict[str, Tensor]:
        return without_stage(self._learner.export(), self._world.spec.stage_inputs)

    def _look_at_weights(self) -> None:
        """Stop a training that diverged. Raises CandidateFault."""
        if not bool(self._learner.finite.all()):
            raise CandidateFault("non_finite", DIVERGED)

    def _collect(self) -> None:
        """Fill the learner's horizon."""
        spec, settings = self._world.spec, self._settings
        self._aids.before(self._done / self._horizons, self._learner)
        for step_of_horizon in range(settings.horizon):
            done = self._done * settings.horizon + step_of_horizon
            action = self._learner.act(self._observation).flatten(0, 1).double().numpy()
            step = self._world.step(spec.from_unit(action), done / (self._horizons * settings.horizon))
            self._observation = self._by_policy(step.observation)
            same = step.final_observation is step.observation
            self._learner.record(
                self._paid(step, done),
                self._flat_by_policy(torch.from_numpy(step.terminated)),
                self._flat_by_policy(torch.from_numpy(step.truncated)),
                self._observation if same else self._by_policy(step.final_observation),
            )

    def _paid(self, step: Step, done: int) -> Tensor:
        """Pay the reward: the sum of its terms, (P, N). The traces see each term."""
        terms = self._reward.pay(step, torch.from_numpy(step.action).float())
        names, values = self._aids.pay(terms, step, done / (self._horizons * self._settings.horizon))
        by_policy = values.view(len(names), self._learner.policies, -1)
        self.traces.add(done, names, by_policy.mean(-1))
        return by_policy.sum(0)

    def _by_policy(self, observation: np.ndarray[Any, Any]) -> Tensor:
        return torch.as_tensor(observation, dtype=torch.float32).view(self._learner.policies, -1, observation.shape[-1])

    def _flat_by_policy(self, values: Tensor) -> Tensor:
        return values.view(self._learner.policies, -1)

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Return everything that `restore` needs to go on, as if there had been no pause."""
        kept = {f"{index}.{name}": value for index, policy in enumerate(self.kept) for name, value in policy.items()}
        facts = {"done": self._done, "kept_at": self._kept_at, "curves": self.curves, "terms": self.traces.names}
        return {
            "learner": self._learner.state(),
            "world": {name: torch.from_numpy(value) for name, value in self._world.state().items()},
            "reward": dict(self._reward.state()),
            "traces": self.traces.state(),
            "aids": self._aids.state(),
            "kept": kept,
            "training": {"observation": self._observation, "facts": checkpoint.text(facts)},
        }

    def restore(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Go on from a state that a training with the same arguments returned.

        `fractions` may differ: of the policies that were kept before the pause, those at one of them stay.
        """
        facts = checkpoint.from_text(state["training"]["facts"])
        self._observation = state["training"]["observation"]
        self._done, self.curves = facts["done"], facts["curves"]
        self._learner.restore(state["learner"])
        self._world.restore({name: value.numpy() for name, value in state["world"].items()})
        self._reward.restore(state.get("reward", {}))
        self._aids.restore(state.get("aids", {}))
        self.traces.restore(tuple(facts["terms"]), state["traces"])
        names = list(self._learner.export())
        # Few horizons have many fractions each, so one policy may stand for several, also for some that nobody asked for then.
        self._kept_at = [horizon for horizon in self._keep_at if horizon in facts["kept_at"]]
        at = [facts["kept_at"].index(horizon) for horizon in self._kept_at]
        self.kept = [{name: state["kept"][f"{index}.{name}"] for name in names} for index in at]
