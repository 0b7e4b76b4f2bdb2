"""Proximal policy optimisation (Schulman et al. 2017) for many policies at once.

P policies, each with its own networks, normalisers, optimiser state, learning rate and random numbers, are stacked along
the first axis; every operation is batched over it. A policy's numbers never mix with another's, so policy k learns what it
would have learnt alone. The loop is: `act`, `record`, and once a horizon `update`.

Shapes: P policies, N worlds a policy, T steps a horizon, O observation, A action components (1 where actions are choices).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from sandbox.actions import action_head
from sandbox.policy import HIDDEN, mlp, mlp_shapes, normalise

LAYERS = len(HIDDEN) + 1
EPSILON = 1e-8


@dataclass(frozen=True)
class Settings:
    """The trainer's knobs. The defaults train gymnasium's MuJoCo worlds; a task doesn't tune them per candidate."""

    num_envs: int = 64
    horizon: int = 32
    epochs: int = 5
    minibatches: int = 4
    learning_rate: float = 2e-3
    desired_kl: float = 0.02
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2
    entropy_weight: float = 0.0
    choice_entropy_weight: float = 0.01
    value_weight: float = 0.5
    max_gradient_norm: float = 1.0
    initial_log_std: float = -0.7
    max_learning_rate: float = 1e-2
    min_learning_rate: float = 1e-5


class RunningMoments:
    """Mean and variance of a stream for each policy: (P, K), by the parallel update of Chan et al. (1979)."""

    def __init__(self, policies: int, components: int) -> None:
        self.mean = torch.zeros(policies, components)
        self.variance = torch.ones(policies, components)
        self._count = 1e-4

    @property
    def std(self) -> Tensor:
        return torch.sqrt(self.variance + 1e-6)

    def update(self, batch: Tensor) -> None:
        """Take in a batch (P, N, K)."""
        variance, mean = torch.var_mean(batch, dim=1, correction=0)
        count = batch.shape[1]
        total = self._count + count
        delta = mean - self.mean
        self.mean = self.mean + delta * (count / total)
        spread = self.variance * self._count + variance * count + delta.square() * (self._count * count / total)
        self.variance = spread / total
        self._count = total


class Adam:
    """Adam (Kingma & Ba 2015) on stacked parameters, with a gradient norm limit and a learning rate for each policy."""

    def __init__(self, parameters: Sequence[Tensor], max_gradient_norm: float) -> None:
        self._parameters = list(parameters)
        self._first = [torch.zeros_like(p) for p in parameters]
        self._second = [torch.zeros_like(p) for p in parameters]
        self._max_norm = max_gradient_norm
        self._step = 0

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        """Move the parameters. gradients: like the parameters, (P, ...). learning_rate: (P,)."""
        self._step += 1
        policies = learning_rate.shape[0]
        squared = [g.reshape(policies, -1).square().sum(1) for g in gradients]
        norm = torch.stack(squared).sum(0).sqrt()
        shrink = (self._max_norm / (norm + 1e-6)).clamp(max=1.0)
        rate = learning_rate * math.sqrt(1 - 0.999**self._step) / (1 - 0.9**self._step)
        per_policy = [(policies, *[1] * (p.dim() - 1)) for p in self._parameters]
        scaled = [g * shrink.view(shape) for g, shape in zip(gradients, per_policy, strict=True)]
        torch._foreach_lerp_(self._first, scaled, 0.1)
        torch._foreach_mul_(self._second, 0.999)
        torch._foreach_addcmul_(self._second, scaled, scaled, 0.001)
        denominator = torch._foreach_sqrt(self._second)
        torch._foreach_add_(denominator, EPSILON)
        direction = torch._foreach_div(self._first, denominator)
        torch._foreach_mul_(direction, [-rate.view(shape) for shape in per_policy])
        torch._foreach_add_(self._parameters, direction)


class Batch(NamedTuple):
    """One horizon, or a minibatch of it: every tensor is (P, samples, ...)."""

    observation: Tensor
    action: Tensor
    log_prob: Tensor
    value: Tensor
    advantage: Tensor
    target: Tensor


class PPO:
    """P stacked learners over the same number of worlds each."""

    def __init__(
        self, observation_dim: int, outputs: int, seeds: Sequence[int], settings: Settings, *, discrete: bool = False
    ) -> None:
        """`outputs`: action components, or choices where actions are `discrete`."""
        self.settings = settings
        self.policies = len(seeds)
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._head = action_head(self.policies, outputs, settings.initial_log_std, discrete=discrete)
        self._entropy_weight = settings.choice_entropy_weight if discrete else settings.entropy_weight
        self._parameters = {**self._initial_parameters(observation_dim, outputs), **self._head.parameters}
        self._names = list(self._parameters)
        self._adam = Adam(list(self._parameters.values()), settings.max_gradient_norm)
        self.learning_rate = torch.full((self.policies,), settings.learning_rate)
        self.observations = RunningMoments(self.policies, observation_dim)
        self._returns = RunningMoments(self.policies, 1)
        self._discounted = torch.zeros(self.policies, settings.num_envs)
        steps, worlds = settings.horizon, settings.num_envs
        self._observation = torch.zeros(steps, self.policies, worlds, observation_dim)
        self._action = torch.zeros(steps, self.policies, worlds, self._head.action_size)
        self._noise = torch.zeros(steps, self.policies, worlds, self._head.noise_size)
        self._log_prob = torch.zeros(steps, self.policies, worlds)
        self._value = torch.zeros(steps, self.policies, worlds)
        self._reward = torch.zeros_like(self._value)
        self._ended = torch.zeros_like(self._value)
        self._step = 0

    def _initial_parameters(self, observation_dim: int, outputs: int) -> dict[str, Tensor]:
        """Draw orthogonal weights, each policy's from its own generator; the actor's last layer starts near zero."""
        actor = mlp_shapes("actor", (observation_dim, *HIDDEN, outputs))
        critic = mlp_shapes("critic", (observation_dim, *HIDDEN, 1))
        parameters: dict[str, Tensor] = {}
        for name, shape in {**actor, **critic}.items():
            stacked = torch.zeros(self.policies, *shape)
            if name.endswith("weight"):
                gain = {f"actor.{LAYERS - 1}.weight": 0.01, f"critic.{LAYERS - 1}.weight": 1.0}.get(name, math.sqrt(2))
                for policy, generator in enumerate(self._generators):
                    torch.nn.init.orthogonal_(stacked[policy], gain, generator)
            parameters[name] = stacked.requires_grad_()
        return parameters

    @torch.no_grad()
    def act(self, observation: Tensor) -> Tensor:
        """Choose exploring actions: observation (P, N, O) -> (P, N, A), in [-1, 1] units but not clipped, or indices."""
        if self._step == 0:
            self._draw_noise()
        self.observations.update(observation)
        scaled = normalise(observation, self.observations.mean, self.observations.std)
        output = mlp(self._parameters, "actor", LAYERS, scaled)
        action = self._head.act(output, self._noise[self._step])
        self._observation[self._step] = scaled
        self._action[self._step] = action
        self._log_prob[self._step] = self._head.log_prob(output, action)
        self._value[self._step] = mlp(self._parameters, "critic", LAYERS, scaled).squeeze(-1)
        return action

    @torch.no_grad()
    def record(self, reward: Tensor, terminated: Tensor, truncated: Tensor, final_observation: Tensor) -> None:
        """Take in what the actions led to: (P, N) each, and the observation before any reset (P, N, O).

        At a time limit the episode's rest is estimated by the value function (Pardo et al. 2018).
        """
        ended = (terminated | truncated).to(reward.dtype)
        self._discounted = self._discounted * self.settings.gamma + reward
        self._returns.update(self._discounted.unsqueeze(-1))
        self._discounted = self._discounted * (1 - ended)
        scaled = (reward / self._returns.std).clamp(-10, 10)
        if bool(truncated.any()):
            scaled = scaled + self.settings.gamma * self._values(final_observation) * truncated
        self._reward[self._step] = scaled
        self._ended[self._step] = ended
        self._step += 1

    def update(self, observation: Tensor) -> dict[str, Tensor]:
        """Learn from the horizon that was recorded; `observation` (P, N, O) follows it. Returns statistics, (P,) each."""
        batch = self._batch(observation)
        kl_sum, updates = torch.zeros(self.policies), 0
        for _ in range(self.settings.epochs):
            for minibatch in self._minibatches(batch):
                kl_sum += self._learn(minibatch)
                updates += 1
        self._step = 0
        return {"kl": kl_sum / updates, "learning_rate": self.learning_rate.clone(), "std": self._head.spread()}

    def export(self) -> dict[str, Tensor]:
        """Return what acting needs, as a policy file holds it: (P, ...)."""
        actor = {name: p.detach().clone() for name, p in self._parameters.items() if name.startswith("actor")}
        mean, std = self.observations.mean.clone(), self.observations.std.clone()
        return {**actor, "normaliser.mean": mean, "normaliser.std": std}

    @property
    def finite(self) -> bool:
        """Whether every parameter of every policy is still a finite number."""
        return all(bool(torch.isfinite(p).all()) for p in self._parameters.values())

    def _draw_noise(self) -> None:
        for policy, generator in enumerate(self._generators):
            self._noise[:, policy] = self._head.noise(self.settings.horizon, self.settings.num_envs, generator)

    def _values(self, observation: Tensor) -> Tensor:
        scaled = normalise(observation, self.observations.mean, self.observations.std)
        return mlp(self._parameters, "critic", LAYERS, scaled).squeeze(-1)

    @torch.no_grad()
    def _batch(self, observation: Tensor) -> Batch:
        """Compute advantages by GAE (Schulman et al. 2016): A_t = delta_t + gamma lambda (1 - ended) A_t+1."""
        gamma, lam = self.settings.gamma, self.settings.gae_lambda
        advantage = torch.zeros_like(self._value)
        following, next_value = torch.zeros_like(self._value[0]), self._values(observation)
        for t in reversed(range(self.settings.horizon)):
            goes_on = 1 - self._ended[t]
            delta = self._reward[t] + gamma * next_value * goes_on - self._value[t]
            following = delta + gamma * lam * goes_on * following
            advantage[t] = following
            next_value = self._value[t]
        target = advantage + self._value
        mean = advantage.mean(dim=(0, 2), keepdim=True)
        spread = advantage.std(dim=(0, 2), keepdim=True)
        standardised = (advantage - mean) / (spread + EPSILON)
        by_policy = (self._observation, self._action, self._log_prob, self._value, standardised, target)
        return Batch(*(x.transpose(0, 1).flatten(1, 2) for x in by_policy))

    def _minibatches(self, batch: Batch) -> list[Batch]:
        """Shuffle the horizon, each policy in its own order, and cut it."""
        samples = batch.value.shape[1]
        order = torch.stack([torch.randperm(samples, generator=generator) for generator in self._generators])
        flat = (order + torch.arange(self.policies).unsqueeze(1) * samples).chunk(self.settings.minibatches, dim=1)
        return [
            Batch(*(x.flatten(0, 1).index_select(0, part.flatten()).view(*part.shape, *x.shape[2:]) for x in batch))
            for part in flat
        ]

    def _learn(self, batch: Batch) -> Tensor:
        """Take one gradient step; return the KL divergence from the acting policy, (P,)."""
        output = mlp(self._parameters, "actor", LAYERS, batch.observation)
        value = mlp(self._parameters, "critic", LAYERS, batch.observation).squeeze(-1)
        log_ratio = self._head.log_prob(output, batch.action) - batch.log_prob
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - self.settings.clip, 1 + self.settings.clip)
        policy_loss = -torch.minimum(ratio * batch.advantage, clipped * batch.advantage).mean(1)
        value_loss = (value - batch.target).square().mean(1)
        loss = policy_loss + self.settings.value_weight * value_loss
        if self._entropy_weight:
            loss = loss - self._entropy_weight * self._head.entropy(output)
        parameters = list(self._parameters.values())
        gradients = torch.autograd.grad(loss.sum(), parameters)
        kl = (ratio.detach() - 1 - log_ratio.detach()).mean(1)
        self._adapt(kl)
        self._adam.step(gradients, self.learning_rate)
        return kl

    def _adapt(self, kl: Tensor) -> None:
        """Slow down a policy that moved too far, speed up one that hardly moved."""
        rate, target = self.learning_rate, self.settings.desired_kl
        factor = torch.where(kl > 2 * target, 1 / 1.5, torch.where(kl < target / 2, 1.5, 1.0))
        self.learning_rate = (rate * factor).clamp(self.settings.min_learning_rate, self.settings.max_learning_rate)
