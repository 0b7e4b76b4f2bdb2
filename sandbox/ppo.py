"""Proximal policy optimisation (Schulman et al. 2017) for many policies at once.

P policies, each with its own networks, normalisers, optimiser state, learning rate and random numbers, are stacked along
the first axis; every operation is batched over it. A policy's numbers never mix with another's, so policy k learns what it
would have learnt alone. The loop is: `act`, `record`, and once a horizon `update`.

Shapes: P policies, N worlds a policy, T steps a horizon, O observation, A action components (1 where actions are choices).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from sandbox.actions import action_head
from sandbox.networks import ActorCritic
from sandbox.policy import normalise

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

    def state(self) -> dict[str, Tensor]:
        """Return what `restore` needs."""
        return {"mean": self.mean, "variance": self.variance, "count": torch.tensor(self._count, dtype=torch.float64)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.mean, self.variance, self._count = state["mean"], state["variance"], float(state["count"])


class Adam:
    """Adam (Kingma & Ba 2015) on one stacked array, with a gradient norm limit and a learning rate for each policy."""

    def __init__(self, parameters: Tensor, max_gradient_norm: float) -> None:
        """`parameters`: (networks, P, K), moved in place."""
        self.parameters = parameters
        self.first = torch.zeros_like(parameters)
        self.second = torch.zeros_like(parameters)
        self.steps = 0
        self._max_norm = max_gradient_norm

    @torch.no_grad()
    def step(self, gradient: Tensor, learning_rate: Tensor) -> None:
        """Move the parameters. gradient: (networks, P, K). learning_rate: (P,)."""
        self.steps += 1
        norm = gradient.square().sum((0, 2)).sqrt()
        shrink = (self._max_norm / (norm + 1e-6)).clamp(max=1.0)
        scaled = gradient * shrink.view(1, -1, 1)
        self.first.lerp_(scaled, 0.1)
        self.second.mul_(0.999).addcmul_(scaled, scaled, value=0.001)
        rate = learning_rate * math.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        direction = self.first / self.second.sqrt().add_(EPSILON)
        self.parameters.addcmul_(direction, -rate.view(1, -1, 1))


class Batch(NamedTuple):
    """One horizon, or a minibatch of it: every tensor is (P, samples, ...)."""

    observation: Tensor
    action: Tensor
    log_prob: Tensor
    advantage: Tensor
    target: Tensor


class PPO:
    """P stacked learners over the same number of worlds each."""

    def __init__(
        self, observation_dim: int, outputs: int, seeds: Sequence[int], settings: Settings, *, discrete: bool = False
    ) -> None:
        """`outputs`: action components, or choices where actions are `discrete`. All is on torch's default device."""
        self.settings = settings
        self.policies = len(seeds)
        self._generators = [torch.Generator(torch.get_default_device()).manual_seed(seed) for seed in seeds]
        self.networks = ActorCritic(observation_dim, outputs, self._generators, settings.initial_log_std)
        self._head = action_head(self.policies, outputs, discrete=discrete)
        self._entropy_weight = settings.choice_entropy_weight if discrete else settings.entropy_weight
        self._adam = Adam(self.networks.flat, settings.max_gradient_norm)
        self.learning_rate = torch.full((self.policies,), settings.learning_rate)
        self.observations = RunningMoments(self.policies, observation_dim)
        self._returns = RunningMoments(self.policies, 1)
        self._discounted = torch.zeros(self.policies, settings.num_envs)
        shape = (self.policies, settings.horizon, settings.num_envs)
        self._observation = torch.zeros(*shape, observation_dim)
        self._action = torch.zeros(*shape, self._head.action_size)
        self._noise = torch.zeros(*shape, self._head.noise_size)
        self._reward = torch.zeros(shape)
        self._return = torch.zeros(shape)
        self._rest = torch.zeros(shape)
        self._ended = torch.zeros(shape)
        self._step = 0
        self.gamma: float | Tensor = settings.gamma
        """The discount: the settings', or one for each policy, (P, 1), where it changes over the training."""
        self.advantage = torch.zeros(shape)
        """Of each step of the last horizon, before it was standardised: (P, T, N)."""

    @torch.no_grad()
    def act(self, observation: Tensor) -> Tensor:
        """Choose exploring actions: observation (P, N, O) -> (P, N, A), in [-1, 1] units but not clipped, or indices."""
        if self._step == 0:
            self._draw_noise()
        self.observations.update(observation)
        scaled = self._scaled(observation)
        action = self._head.act(self.networks.act(scaled), self.networks.log_std, self._noise[:, self._step])
        self._observation[:, self._step] = scaled
        self._action[:, self._step] = action
        return action

    @torch.no_grad()
    def record(self, reward: Tensor, terminated: Tensor, truncated: Tensor, final_observation: Tensor) -> None:
        """Take in what the actions led to: (P, N) each, and the observation before any reset (P, N, O).

        At a time limit the episode's rest is estimated by the value function (Pardo et al. 2018).
        """
        ended = (terminated | truncated).to(reward.dtype)
        discounted = self._discounted * self.gamma + reward
        self._reward[:, self._step] = reward
        self._ended[:, self._step] = ended
        self._return[:, self._step] = discounted
        self._discounted = discounted * (1 - ended)
        if bool(truncated.any()):
            self._rest[:, self._step] = self.networks.value(self._scaled(final_observation)) * truncated
        self._step += 1

    def update(self, observation: Tensor) -> dict[str, Tensor]:
        """Learn from the horizon that was recorded; `observation` (P, N, O) follows it. Returns statistics, (P,) each."""
        batch = self._batch(observation)
        kl_sum, updates = torch.zeros_like(self.learning_rate), 0
        for _ in range(self.settings.epochs):
            for minibatch in self._minibatches(batch):
                kl_sum += self._learn(minibatch)
                updates += 1
        self._step = 0
        self._rest.zero_()
        return {
            "kl": kl_sum / updates,
            "learning_rate": self.learning_rate.clone(),
            "std": self._head.spread(self.networks.log_std),
        }

    def export(self) -> dict[str, Tensor]:
        """Return what acting needs, as a policy file holds it: (P, ...)."""
        mean, std = self.observations.mean.clone(), self.observations.std.clone()
        return {**self.networks.export(), "normaliser.mean": mean, "normaliser.std": std}

    def state(self) -> dict[str, Tensor]:
        """Return everything between two horizons, so that `restore` goes on bit for bit."""
        moments = {"observations": self.observations, "returns": self._returns}
        return {
            "parameters": self.networks.flat,
            "adam.first": self._adam.first,
            "adam.second": self._adam.second,
            "adam.steps": torch.tensor(self._adam.steps),
            "learning_rate": self.learning_rate,
            "discounted": self._discounted,
            "generators": torch.stack([generator.get_state() for generator in self._generators]),
            **{f"{name}.{key}": value for name, kept in moments.items() for key, value in kept.state().items()},
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from the state of a stack with the same sizes and settings."""
        self.networks.flat.copy_(state["parameters"])
        self._adam.first, self._adam.second = state["adam.first"], state["adam.second"]
        self._adam.steps = int(state["adam.steps"])
        self.learning_rate, self._discounted = state["learning_rate"], state["discounted"]
        for generator, kept in zip(self._generators, state["generators"], strict=True):
            generator.set_state(kept.clone())  # it reads from the start of the storage, whatever the view
        for name, moments in (("observations", self.observations), ("returns", self._returns)):
            moments.restore({key: state[f"{name}.{key}"] for key in ("mean", "variance", "count")})

    @property
    def finite(self) -> Tensor:
        """Whether every parameter is still a finite number, (P,)."""
        return torch.isfinite(self.networks.flat).all(2).all(0)

    @torch.no_grad()
    def give_up(self, policies: slice) -> None:
        """Put policies that nobody wants any more at zero: finite numbers that others may be stacked with."""
        for kept in (self.networks.flat, self._adam.first, self._adam.second):
            kept[:, policies] = 0

    def _draw_noise(self) -> None:
        for policy, generator in enumerate(self._generators):
            self._noise[policy] = self._head.noise(self.settings.horizon, self.settings.num_envs, generator)

    def _scaled(self, observation: Tensor) -> Tensor:
        return normalise(observation, self.observations.mean, self.observations.std)

    @torch.no_grad()
    def _batch(self, observation: Tensor) -> Batch:
        """Compute advantages by GAE (Schulman et al. 2016): A_t = delta_t + gamma lambda (1 - ended) A_t+1."""
        gamma, lam = self.gamma, self.settings.gae_lambda
        of_rest = gamma.unsqueeze(2) if isinstance(gamma, Tensor) else gamma
        value = self.networks.value(self._observation.flatten(1, 2)).view_as(self._reward)
        self._returns.update(self._return.flatten(1).unsqueeze(-1))
        reward = (self._reward / self._returns.std.unsqueeze(1)).clamp(-10, 10) + of_rest * self._rest
        advantage = torch.zeros_like(value)
        following, next_value = torch.zeros_like(value[:, 0]), self.networks.value(self._scaled(observation))
        for t in reversed(range(self.settings.horizon)):
            goes_on = 1 - self._ended[:, t]
            delta = reward[:, t] + gamma * next_value * goes_on - value[:, t]
            following = delta + gamma * lam * goes_on * following
            advantage[:, t] = following
            next_value = value[:, t]
        self.advantage = advantage
        mean = advantage.mean(dim=(1, 2), keepdim=True)
        spread = advantage.std(dim=(1, 2), keepdim=True)
        standardised = (advantage - mean) / (spread + EPSILON)
        columns = (self._observation, self._action, self._noise, standardised, advantage + value)
        seen, action, noise, *rest = (column.flatten(1, 2) for column in columns)
        log_prob = self._head.log_prob_drawn(lambda: self.networks.act(seen), self.networks.log_std, action, noise)
        return Batch(seen, action, log_prob, *rest)

    def _minibatches(self, batch: Batch) -> list[Batch]:
        """Shuffle the horizon, each policy in its own order, and cut it."""
        samples = batch.target.shape[1]
        drawn = [torch.randperm(samples, generator=generator, device=generator.device) for generator in self._generators]
        rows = torch.cat([order + policy * samples for policy, order in enumerate(drawn)])
        shuffled = [x.flatten(0, 1).index_select(0, rows).view_as(x) for x in batch]
        return [Batch(*parts) for parts in zip(*(x.chunk(self.settings.minibatches, dim=1) for x in shuffled), strict=True)]

    def _learn(self, batch: Batch) -> Tensor:
        """Take one gradient step; return the KL divergence from the acting policy, (P,)."""
        output, value = self.networks.both(batch.observation)
        log_std = self.networks.log_std
        log_ratio = self._head.log_prob(output, log_std, batch.action) - batch.log_prob
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - self.settings.clip, 1 + self.settings.clip)
        policy_loss = -torch.minimum(ratio * batch.advantage, clipped * batch.advantage).mean(1)
        value_loss = (value - batch.target).square().mean(1)
        entropy = self._head.entropy(output, log_std)
        loss = policy_loss + self.settings.value_weight * value_loss - self._entropy_weight * entropy
        gradient = self.networks.gradient(loss.sum())
        kl = (ratio.detach() - 1 - log_ratio.detach()).mean(1)
        self._adapt(kl)
        self._adam.step(gradient, self.learning_rate)
        return kl

    def _adapt(self, kl: Tensor) -> None:
        """Slow down a policy that moved too far, speed up one that hardly moved."""
        rate, target = self.learning_rate, self.settings.desired_kl
        factor = torch.where(kl > 2 * target, 1 / 1.5, torch.where(kl < target / 2, 1.5, 1.0))
        self.learning_rate = (rate * factor).clamp(self.settings.min_learning_rate, self.settings.max_learning_rate)
