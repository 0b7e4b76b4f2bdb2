"""How a stack of policies turns its networks' outputs into exploring actions: a Gaussian, or a choice.

Shapes: P policies, N samples, A action components or choices. Noise is drawn by the caller from each policy's own
generator, so that a policy's actions don't depend on the policies beside it.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

LOG_SQRT_2_PI = 0.5 * math.log(2 * math.pi)


class ActionHead(Protocol):
    """What a learner needs of an action distribution. `output` is the actor network's: (P, N, outputs)."""

    action_size: int
    """Numbers stored an action."""
    noise_size: int
    """Numbers of noise an action."""
    parameters: dict[str, Tensor]
    """Learnt beside the networks: (P, ...)."""

    def noise(self, steps: int, worlds: int, generator: torch.Generator) -> Tensor:
        """Draw one policy's noise: (steps, worlds, noise_size)."""
        ...

    def act(self, output: Tensor, noise: Tensor) -> Tensor:
        """Return exploring actions: (P, N, action_size)."""
        ...

    def log_prob(self, output: Tensor, action: Tensor) -> Tensor:
        """Return the log-probability (density) of actions: (P, N)."""
        ...

    def entropy(self, output: Tensor) -> Tensor:
        """Return the entropy, up to a constant: (P,)."""
        ...

    def spread(self) -> Tensor:
        """Return how much is explored, for people to read: (P,)."""
        ...


class Gaussian:
    """Independent normal components around the network's output, with a spread that is learnt but the same everywhere."""

    def __init__(self, policies: int, components: int, initial_log_std: float) -> None:
        self.action_size = self.noise_size = components
        self.parameters = {"log_std": torch.full((policies, components), initial_log_std).requires_grad_()}

    @property
    def _log_std(self) -> Tensor:
        return self.parameters["log_std"].unsqueeze(1)

    def noise(self, steps: int, worlds: int, generator: torch.Generator) -> Tensor:
        return torch.randn((steps, worlds, self.noise_size), generator=generator)

    def act(self, output: Tensor, noise: Tensor) -> Tensor:
        return output + self._log_std.exp() * noise

    def log_prob(self, output: Tensor, action: Tensor) -> Tensor:
        z = (action - output) * torch.exp(-self._log_std)
        return -(0.5 * z.square() + self._log_std + LOG_SQRT_2_PI).sum(-1)

    def entropy(self, output: Tensor) -> Tensor:
        return self.parameters["log_std"].sum(-1)

    def spread(self) -> Tensor:
        return self.parameters["log_std"].detach().exp().mean(-1)


class Categorical:
    """One of several choices, by their logits; actions are drawn with Gumbel noise (argmax of logits + noise)."""

    def __init__(self, policies: int, choices: int) -> None:
        self.action_size, self.noise_size = 1, choices
        self.parameters: dict[str, Tensor] = {}
        self._last_entropy = torch.full((policies,), math.log(choices))

    def noise(self, steps: int, worlds: int, generator: torch.Generator) -> Tensor:
        uniform = torch.rand((steps, worlds, self.noise_size), generator=generator).clamp(1e-9, 1 - 1e-7)
        return -torch.log(-torch.log(uniform))

    def act(self, output: Tensor, noise: Tensor) -> Tensor:
        return (output + noise).argmax(-1, keepdim=True).to(output.dtype)

    def log_prob(self, output: Tensor, action: Tensor) -> Tensor:
        return torch.log_softmax(output, -1).gather(-1, action.long()).squeeze(-1)

    def entropy(self, output: Tensor) -> Tensor:
        log_probs = torch.log_softmax(output, -1)
        entropy = -(log_probs.exp() * log_probs).sum(-1).mean(1)
        self._last_entropy = entropy.detach()
        return entropy

    def spread(self) -> Tensor:
        return self._last_entropy


def action_head(policies: int, outputs: int, initial_log_std: float, *, discrete: bool) -> ActionHead:
    """Return what fits a world's actions."""
    return Categorical(policies, outputs) if discrete else Gaussian(policies, outputs, initial_log_std)
