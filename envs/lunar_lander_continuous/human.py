"""Rewards that people wrote for the lander, in the contract's form."""
# ruff: noqa: ANN001 - `s` is the contract's State, which the harness provides

import torch
from torch import Tensor


def land(s, a: Tensor) -> dict[str, Tensor]:
    """The default reward of gymnasium's LunarLanderContinuous-v3: progress, fuel, and what the end was like."""
    main_power = torch.where(a[:, 0] > 0.0, (a[:, 0].clamp(0.0, 1.0) + 1.0) * 0.5, 0.0)
    side_power = torch.where(a[:, 1].abs() > 0.5, a[:, 1].abs().clamp(0.5, 1.0), 0.0)
    resting = (s.leg_contact.min(-1).values > 0.5) & (s.lander_velocity.norm(dim=-1) < 0.01)
    return {
        **progress(s),
        "main_engine": -0.30 * main_power,
        "side_engines": -0.03 * side_power,
        "rest": 10.0 * resting.to(torch.float32),
    }


def progress(s) -> dict[str, Tensor]:
    """Gymnasium's shaping: nearer the pad, slower, more upright, on its legs. Differences first: they keep their digits."""
    nearer = s.prev.lander_position.norm(dim=-1) - s.lander_position.norm(dim=-1)
    slower = s.prev.lander_velocity.norm(dim=-1) - s.lander_velocity.norm(dim=-1)
    straighter = s.prev.lander_angle.abs() - s.lander_angle.abs()
    legs = (s.leg_contact - s.prev.leg_contact).sum(-1)
    return {"nearer": 100.0 * nearer, "slower": 100.0 * slower, "straighter": 100.0 * straighter, "legs": 10.0 * legs}


def trap_hover(s, a: Tensor) -> dict[str, Tensor]:
    """Pay for every step near the pad, slow and upright: hovering there for ever pays best."""
    near, slow = s.lander_position.norm(dim=-1), s.lander_velocity.norm(dim=-1)
    return {"near": torch.exp(-near), "slow": torch.exp(-slow), "upright": torch.cos(s.lander_angle)}
