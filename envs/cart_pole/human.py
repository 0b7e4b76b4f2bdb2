"""Rewards that people wrote for the cart-pole, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def balance(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's CartPole-v1: 1 a step."""
    return {"upright": torch.ones_like(s.pole_angle)}
