"""Rewards that people wrote for the humanoid that lies, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor

TIMESTEP_S = 0.003


def stand_up(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's HumanoidStandup-v5, with impact_cost_weight = 0."""
    control_weight = 0.1
    height = s.torso_position[:, 2]
    return {
        "rise": height / TIMESTEP_S,
        "control": -control_weight * torch.square(a).sum(-1),
        "constant": torch.ones_like(height),
    }
