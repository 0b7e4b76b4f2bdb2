"""Where random play is paid most and least by a reward: the states that show what it really asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

SIGNIFICANT_DIGITS = 4
EXTREMES = {"highest": torch.argmax, "lowest": torch.argmin}


def extremes(transitions: Sequence[Any], answers: Sequence[Mapping[str, Tensor]], fields: Sequence[str]) -> dict[str, Any]:
    """Return the best and the worst paid transition: total, terms, state and action.

    transitions: calls with state and action (num_envs, action_dim). answers: terms (num_envs,) of the same transitions.
    """
    totals = torch.stack([torch.stack(list(answer.values())).sum(dim=0) for answer in answers])
    found = {}
    for name, choose in EXTREMES.items():
        step, world = divmod(int(choose(totals)), totals.shape[1])
        transition = transitions[step]
        found[name] = {
            "total": _short(totals[step, world]),
            "terms": {term: _short(values[world]) for term, values in answers[step].items()},
            "state": {field: _numbers(getattr(transition.state, field)[world]) for field in fields},
            "action": _numbers(transition.action[world]),
        }
    return found


def _numbers(values: Tensor) -> list[float]:
    return [_short(value) for value in values.reshape(-1)]


def _short(value: Tensor) -> float:
    return float(f"{float(value):.{SIGNIFICANT_DIGITS}g}")
