"""Rewards that people wrote for the acrobot, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def hurry(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's Acrobot-v1: -1 a step."""
    return {"time": -torch.ones_like(a[:, 0])}
