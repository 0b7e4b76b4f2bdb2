"""How a stack of policies turns its networks' outputs into exploring actions: a Gaussian, or one of several choices.

Shapes: P policies, N samples, A action components or choices. `output` is (P, N, A) and `log_std` (P, 1, A), which a choice
doesn't use. Noise is drawn from each policy's own generator, so that a policy's actions don't depend on those beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


class ActionHead(Protocol):
    """What a learner needs of an action distribution."""

    action_size: int
    """Numbers stored an action."""
    noise_size: int
    """Numbers of noise an action."""

    def noise(self, steps: int, worlds: int, generator: torch.Generator) -> Tensor:
        """Draw one policy's noise: (steps, worlds, noise_size)."""
        ...

    def act(self, output: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
        """Return exploring actions: (P, N, action_size)."""
        ...

    def log_prob(self, output: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
        """Return the log-probability (density) of actions: (P, N)."""
        ...

    def log_prob_drawn(self, output: Callable[[], Tensor], log_std: Tensor, action: Tensor, noise: Tensor) -> Tensor:
        """Return the same for actions that `act` drew with this noise, without the networks where that can be: (P, N)."""
        ...

    def entropy(self, output: Tensor, log_std: Tensor) -> Tensor:
        """Return the entropy, up to a constant: (P,)."""
        ...

    def spread(self, log_std: Tensor) -> Tensor:
        """Return how much is explored, for people to read: (P,)."""
        ...


class Gaussian:
    """Independent normal components around the network's output, with a spread that is learnt but the same everywhere."""

    def __init__(self, components: int) -> None:
        self.action_size = self.noise_size = components

    def noise(self, steps: int, worlds: int, generator: torch.Generator) -> Tensor:
        return torch.randn((steps, worlds, self.noise_size), generator=generator, device=generator.device)

    def act(self, output: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
        return output + log_std.exp() * noise

    def log_prob(self, output: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
        z = (action - output) * torch.exp(-log_std)
        return -(0.5 * z.square() + log_std + LOG_SQRT_2PI).sum(-1)

    def log_prob_drawn(self, output: Callable[[], Tensor], log_std: Tensor, action: Tensor, noise: Tensor) -> Tensor:
        return -(0.5 * noise.square() + log_std + LOG_SQRT_2PI).sum(-1)

    def entropy(self, output: Tensor, log_std: Tensor) -> Tensor:
        return log_std.sum((1, 2))

    def spread(self, log_std: Tensor) -> Tensor:
        return log_std.detach().exp().mean((1, 2))


class Categorical:
    """One of several choices, by their logits; actions are drawn with Gumbel noise (argmax of logits + noise)."""

    def __init__(self, policies: int, choices: int) -> None:
        self.action_size, self.noise_size = 1, choices
        self._last_entropy = torch.full((policies,), math.log(choices))

    def noise(self, steps: int, worlds: int, generator: torch.Generator) -> Tensor:
        uniform = torch.rand((steps, worlds, self.noise_size), generator=generator, device=generator.device)
        uniform = uniform.clamp(1e-9, 1 - 1e-7)
        return -torch.log(-torch.log(uniform))

    def act(self, output: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
        return (output + noise).argmax(-1, keepdim=True).to(output.dtype)

    def log_prob(self, output: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
        return torch.log_softmax(output, -1).gather(-1, action.long()).squeeze(-1)

    def log_prob_drawn(self, output: Callable[[], Tensor], log_std: Tensor, action: Tensor, noise: Tensor) -> Tensor:
        return self.log_prob(output(), log_std, action)

    def entropy(self, output: Tensor, log_std: Tensor) -> Tensor:
        log_probs = torch.log_softmax(output, -1)
        entropy = -(log_probs.exp() * log_probs).sum(-1).mean(1)
        self._last_entropy = entropy.detach()
        return entropy

    def spread(self, log_std: Tensor) -> Tensor:
        return self._last_entropy


def action_head(policies: int, outputs: int, *, discrete: bool) -> ActionHead:
    """Return what fits a world's actions."""
    return Categorical(policies, outputs) if discrete else Gaussian(outputs)
