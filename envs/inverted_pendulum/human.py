"""Rewards that people wrote for the pole on a cart, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def balance(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's InvertedPendulum-v5: 1 for every step that doesn't end the episode."""
    largest_angle_rad = 0.2
    upright = torch.isfinite(s.pole_angle) & (s.pole_angle.abs() <= largest_angle_rad)
    return {"upright": upright.to(s.pole_angle.dtype)}


def centre(s, a: Tensor) -> dict[str, Tensor]:
    """Balance with the cart in the middle: a quadratic cost on top of the bonus for every step."""
    return {**balance(s, a), "middle": -torch.square(s.cart_position), "effort": -0.001 * torch.square(a).sum(-1)}


def right(s, a: Tensor) -> dict[str, Tensor]:
    """Balance, and go where the cart is asked to be: a slope from afar, and a bell that makes the last bit worth while."""
    wished_m, near_m = 0.5, 0.3
    away = (s.cart_position - wished_m).abs()
    there = 2.0 * torch.exp(-torch.square(away / near_m))
    return {**balance(s, a), "there": there, "away": -away, "effort": -0.001 * torch.square(a).sum(-1)}
