"""Policies whose actions are known beforehand, for the tests of what is done with policies."""

import torch

from sandbox.policy import policy_shapes

PENDULUM, HOPPER = (3, 1), (11, 3)
"""Sizes of the observation and of the action."""


def constant_policies(sizes: tuple[int, int], *actions: float) -> dict[str, torch.Tensor]:
    """One checkpoint of policies that always command the same: `actions`, one a policy, in [-1, 1] units."""
    parameters = {name: torch.zeros(len(actions), *shape) for name, shape in policy_shapes(*sizes).items()}
    parameters["actor.2.bias"] += torch.tensor(actions).unsqueeze(1)
    return {**parameters, "normaliser.std": torch.ones(len(actions), sizes[0])}
