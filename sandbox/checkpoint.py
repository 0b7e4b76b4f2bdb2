"""A paused training as one safetensors file: everything that it needs to go on bit for bit.

Names are `part/name`. It comes from a box with a candidate's code and goes back into a box with the same code, nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

State = Mapping[str, Tensor]


def pack(parts: Mapping[str, State]) -> bytes:
    """Write the states of a training's parts."""
    return save({f"{part}/{name}": value.contiguous() for part, state in parts.items() for name, value in state.items()})


def unpack(payload: bytes) -> dict[str, dict[str, Tensor]]:
    """Read what `pack` wrote."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in load(payload).items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = value
    return parts


def text(content: Any) -> Tensor:  # Any: JSON
    """Keep a JSON value among tensors."""
    return torch.from_numpy(np.frombuffer(json.dumps(content).encode(), dtype=np.uint8).copy())


def from_text(value: Tensor) -> Any:  # Any: JSON
    """Read what `text` kept."""
    return json.loads(value.numpy().tobytes())
