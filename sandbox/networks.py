"""Actors and critics of P policies in one array, so that a forward pass and an optimiser step each touch few, large tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sandbox.policy import HIDDEN, mlp, mlp_shapes


class ActorCritic:
    """P actors and P critics of one shape: 2P perceptrons in one stack. A critic's value is the first of its outputs.

    `flat` (2, P, K) holds every number, actors first; the layers are views of it. What is written to `flat` in place is
    what the next forward pass uses.
    """

    def __init__(self, observation_dim: int, outputs: int, generators: Sequence[torch.Generator], log_std: float) -> None:
        """Draw orthogonal weights, each policy's from its own generator; an actor's last layer starts near zero."""
        self.policies = len(generators)
        shapes = {**mlp_shapes("layer", (observation_dim, *HIDDEN, outputs)), "log_std": (outputs,)}
        self._shapes = {name: shape if len(shape) == 2 else (1, *shape) for name, shape in shapes.items()}
        self.flat = torch.zeros(2, self.policies, sum(math.prod(shape) for shape in self._shapes.values()))
        self._leaves = {name: view.requires_grad_() for name, view in self._views().items()}
        names = [f"layer.{layer}" for layer in range(len(HIDDEN) + 1)]
        self._layers = [(self._leaves[f"{name}.weight"], self._leaves[f"{name}.bias"]) for name in names]
        self._actors = [(weight[: self.policies].detach(), bias[: self.policies].detach()) for weight, bias in self._layers]
        self._critics = [(weight[self.policies :].detach(), bias[self.policies :].detach()) for weight, bias in self._layers]
        self._draw(generators, log_std)

    def _views(self) -> dict[str, Tensor]:
        """Name the parts of `flat`: (2P, *shape) each, sharing its memory."""
        rows, start, views = self.flat.view(2 * self.policies, -1), 0, {}
        for name, shape in self._shapes.items():
            end = start + math.prod(shape)
            views[name] = rows[:, start:end].unflatten(1, shape)
            start = end
        return views

    @torch.no_grad()
    def _draw(self, generators: Sequence[torch.Generator], log_std: float) -> None:
        last = f"layer.{len(HIDDEN)}.weight"
        for role, output_gain in enumerate((0.01, 1.0)):
            for name, view in self._leaves.items():
                if name.endswith("weight"):
                    gain = output_gain if name == last else math.sqrt(2)
                    used = slice(0, 1) if role == 1 and name == last else slice(None)
                    for policy, generator in enumerate(generators):
                        matrix = view[role * self.policies + policy][:, used]
                        matrix.copy_(torch.nn.init.orthogonal_(torch.empty(matrix.shape), gain, generator))
        self._leaves["log_std"][: self.policies] = log_std

    @property
    def log_std(self) -> Tensor:
        """Logarithm of the exploration's spread, (P, 1, outputs)."""
        return self._leaves["log_std"][: self.policies]

    def both(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Return the actors' outputs (P, N, outputs) and the values (P, N), with gradients. observation: (P, N, O)."""
        outputs = mlp(self._layers, torch.cat((observation, observation)))
        return outputs[: self.policies], outputs[self.policies :, :, 0]

    def act(self, observation: Tensor) -> Tensor:
        """Return the actors' outputs, without gradients: (P, N, O) -> (P, N, outputs)."""
        return mlp(self._actors, observation)

    def value(self, observation: Tensor) -> Tensor:
        """Return the values, without gradients: (P, N, O) -> (P, N)."""
        return mlp(self._critics, observation)[:, :, 0]

    def gradient(self, loss: Tensor) -> Tensor:
        """Return the gradient of a scalar, shaped like `flat`."""
        gradients = torch.autograd.grad(loss, list(self._leaves.values()), materialize_grads=True)  # choices use no log_std
        return torch.cat([gradient.flatten(1) for gradient in gradients], dim=1).view_as(self.flat)

    def export(self) -> dict[str, Tensor]:
        """Return copies of the actors' layers under the names of a policy file, (P, ...) each."""
        exported = {}
        for layer, (weight, bias) in enumerate(self._actors):
            exported[f"actor.{layer}.weight"], exported[f"actor.{layer}.bias"] = weight.clone(), bias.squeeze(1).clone()
        return exported
