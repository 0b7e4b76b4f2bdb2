"""The typed view of a world's state: what a reward, a fitness and a prompt may read, and nothing else.

A `StateField` is declared once by a world. The prompt renders it, the static check refuses what is not in it, and
`State` hands its values to reward code as tensors.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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

    `state.<field>` is a tensor (num_envs, *shape), `state.episode_time_s` and `state.training_progress` are (num_envs,).
    `state.prev` is the state one step earlier (at a reset, the reset state itself). Tensors are fresh copies: writing to one
    changes nothing but that copy, which this state keeps.
    """

    __slots__ = ("_cache", "_fields", "_snapshot", "_source", "prev")

    def __init__(
        self,
        fields: Mapping[str, StateField],
        snapshot: Snapshot,
        episode_time_s: NDArray[np.float64],
        training_progress: float = 0.0,
        prev: State | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        def source(name: str) -> Tensor:
            if name == "episode_time_s":
                return _copied(episode_time_s, dtype)
            if name == "training_progress":
                return torch.full_like(_copied(episode_time_s, dtype), training_progress)
            declared = fields.get(name)
            if declared is None:
                raise AttributeError(unknown_field_message(name, fields))
            return _copied(declared.read(snapshot), dtype)

        self._fields, self._snapshot = fields, snapshot
        self._cache: dict[str, Tensor] = {}
        self._source: Callable[[str], Tensor] = source
        self.prev = prev if prev is not None else self

    def __getattr__(self, name: str) -> Tensor:
        value = self._cache.get(name)
        if value is None:
            value = self._cache[name] = self._source(name)
        return value

    def array(self, name: str) -> NDArray[np.float64]:
        """Return a field as the world has it, (num_envs, *shape), to be read at once and not kept: nothing is copied.

        Only a world's own states have it, and no reward is given one of those.
        """
        return self._fields[name].read(self._snapshot)

    def copy(self) -> State:
        """Return a state whose tensors are copies of this one's, made when they are read."""
        return self._derived(lambda original, name: getattr(original, name).clone())

    def select(self, rows: Tensor) -> State:
        """Return copies for some of the worlds, in any order and as often as wanted: `rows` holds indices (k,)."""
        return self._derived(lambda original, name: getattr(original, name).index_select(0, rows))

    @classmethod
    def joined(cls, states: Sequence[State]) -> State:
        """Return the worlds of several states as those of one, in their order."""
        joined = object.__new__(cls)
        joined._cache = {}
        joined._source = lambda name: torch.cat([getattr(state, name) for state in states])
        alone = all(state.prev is state for state in states)
        joined.prev = joined if alone else cls.joined([state.prev for state in states])
        return joined

    def at_progress(self, progress: float) -> State:
        """Return this state as it would be at another share of the training."""

        def read(original: State, name: str) -> Tensor:
            if name == "training_progress":
                return torch.full_like(original.episode_time_s, progress)
            return getattr(original, name)  # type: ignore[no-any-return]

        return self._derived(read)

    def _derived(self, read: Callable[[State, str], Tensor]) -> State:
        derived = object.__new__(State)
        derived._cache = {}
        derived._source = lambda name: read(self, name)
        derived.prev = self.prev._derived(read) if self.prev is not self else derived
        return derived

    def seen(self) -> list[tuple[str, Tensor]]:
        """Return every tensor that was read from this state or from the one before it, with its name."""
        own = list(self._cache.items())
        if self.prev is self:
            return own
        return [*own, *((f"prev.{name}", value) for name, value in self.prev._cache.items())]


def _copied(values: Any, dtype: torch.dtype) -> Tensor:
    """Copy an array to a tensor; one that is on a device stays there."""
    on_device = getattr(values, "tensor", values)
    return on_device.to(dtype, copy=True) if isinstance(on_device, Tensor) else torch.tensor(values, dtype=dtype)


def unknown_field_message(name: str, known: Mapping[str, StateField]) -> str:
    """Say that a field doesn't exist, and which one was probably meant."""
    names = [*known, *CLOCK_FIELDS, "prev"]
    closest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    meant = f" Did you mean s.{closest[0]}?" if closest else ""
    return f"the state has no field {name!r}.{meant} Fields: {', '.join(names)}"
