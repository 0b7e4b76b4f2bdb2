"""The typed view of a world's state: what a reward, a fitness and a prompt may read, and nothing else.

A `StateField` is declared once by a world. The prompt renders it, the static check refuses what is not in it, and
`State` hands its values to reward code as tensors.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Snapshot = Mapping[str, NDArray[np.float64]]
"""Copies of a simulator's arrays at one step, each (num_envs, ...): `qpos`, `qvel`, `time`, and what a world binds."""

CLOCK_FIELDS = ("episode_time_s", "training_progress")
"""Always there, in every world: seconds since the reset, and the share of the training done (0..1)."""


@dataclass(frozen=True)
class StateField:
    """One named quantity of the state.

    `read` maps a snapshot to this quantity for all worlds: (num_envs, *shape), float64.
    `kind` is one of KINDS and says what the quantity is, so that a program can use it without reading the sentence.
    `components` labels the last axis (empty for a scalar).
    """

    name: str
    shape: tuple[int, ...]
    unit: str
    frame: str
    kind: str
    sentence: str
    components: tuple[str, ...] = field(default=())
    read: Callable[[Snapshot], NDArray[np.float64]] = field(repr=False, compare=False, default=lambda raw: raw["time"])

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"StateField {self.name}: kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if self.shape and len(self.components) != self.shape[-1]:
            raise ValueError(f"StateField {self.name}: {len(self.components)} components for shape {self.shape}")


KINDS = (
    "position",  # of the body that matters most, [m]
    "height",  # above the floor, [m]
    "linear_velocity",  # of that body, [m/s]
    "orientation",  # an angle, a unit vector or a quaternion of that body
    "angular_velocity",  # of that body, [rad/s]
    "joint_position",
    "joint_velocity",
    "foot_height",
    "contact",  # 0 or 1
    "distance",  # between two named things, [m]
    "flag",  # 0 or 1: progress that the world can decide
    "other",
)


class State:
    """The state of num_envs parallel worlds at one step, read lazily and as often as one likes.

    `state.<field>` is a tensor (num_envs, *shape). `state.prev` is the state one step earlier (at a reset, the reset
    state itself). Tensors are fresh copies: writing to one changes nothing but that copy.
    """

    __slots__ = ("_cache", "_dtype", "_fields", "_snapshot", "episode_time_s", "prev", "training_progress")

    def __init__(
        self,
        fields: Mapping[str, StateField],
        snapshot: Snapshot,
        episode_time_s: NDArray[np.float64],
        training_progress: float = 0.0,
        prev: State | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._fields = fields
        self._snapshot = snapshot
        self._cache: dict[str, Tensor] = {}
        self._dtype = dtype
        self.prev = prev if prev is not None else self
        self.episode_time_s = torch.as_tensor(episode_time_s, dtype=dtype)
        self.training_progress = torch.full_like(self.episode_time_s, training_progress)

    def __getattr__(self, name: str) -> Tensor:
        cached = self._cache.get(name)
        if cached is None:
            declared = self._fields.get(name)
            if declared is None:
                raise AttributeError(unknown_field_message(name, self._fields))
            cached = torch.tensor(declared.read(self._snapshot), dtype=self._dtype)
            self._cache[name] = cached
        return cached

    def select(self, order: Tensor) -> State:
        """Return the same state for some of the worlds, or in another order: `order` holds indices (k,)."""
        rows = order.numpy()
        chosen = object.__new__(State)
        chosen._fields, chosen._dtype, chosen._cache = self._fields, self._dtype, {}
        chosen._snapshot = {name: values[rows] for name, values in self._snapshot.items()}
        chosen.episode_time_s, chosen.training_progress = self.episode_time_s[order], self.training_progress[order]
        chosen.prev = self.prev.select(order) if self.prev is not self else chosen
        return chosen

    def pairs(self, other: State) -> list[tuple[Tensor, Tensor]]:
        """Return every tensor that was read from this state beside the same one of another state."""
        clocks = [(self.episode_time_s, other.episode_time_s), (self.training_progress, other.training_progress)]
        return [*clocks, *((value, getattr(other, name)) for name, value in self._cache.items())]


def unknown_field_message(name: str, known: Mapping[str, StateField]) -> str:
    """Say that a field doesn't exist, and which one was probably meant."""
    names = [*known, *CLOCK_FIELDS, "prev"]
    closest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    meant = f" Did you mean s.{closest[0]}?" if closest else ""
    return f"the state has no field {name!r}.{meant} Fields: {', '.join(names)}"
