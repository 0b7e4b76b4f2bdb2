"""Gymnasium's observation and action spaces as plain vectors: what a policy sees, what a table names, what a world is sent.

An observation has two forms. `numbers` are its entries as the world means them (an index stays an index); the policy sees
`vector`, in which every index is one-hot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.errors import WorldError

Array = NDArray[np.float64]

LARGEST_BOX = 1024
FALLBACK_BOUND = 1.0
OTHER_TRAINER = "Vectors and choices can be trained here; images, text and sequences need another trainer."


class Part(NamedTuple):
    """One entry of an observation: `key` in a Dict or a Tuple, "" where there is one. choices: 0, or its number of values."""

    key: str
    start: int
    size: int
    choices: int


class ObservationCode:
    """Turns one observation into numbers, and these into the policy's vector."""

    def __init__(self, space: spaces.Space[Any], name: str) -> None:
        """Raises WorldError where the space holds what no vector can."""
        self.parts: list[Part] = []
        for key, entry in _entries(space):
            start = self.parts[-1].start + self.parts[-1].size if self.parts else 0
            self.parts.append(Part(key, start, *_sizes(entry, f"{name}: the observation{f' {key!r}' if key else ''}")))
        self._space = space
        self.size = sum(part.size for part in self.parts)
        self.dim = sum(part.choices or part.size for part in self.parts)
        self._choices = [part for part in self.parts if part.choices]
        self._starts = {key: int(entry.start) for key, entry in _entries(space) if isinstance(entry, spaces.Discrete)}

    def numbers(self, observation: Any) -> Array:  # Any: whatever the space holds
        """Return an observation's entries: (size,)."""
        if isinstance(self._space, spaces.Dict):
            parts = [observation[key] for key in self._space.spaces]
        elif isinstance(self._space, spaces.Tuple):
            parts = list(observation)
        else:
            parts = [observation]
        return np.concatenate([np.asarray(part, dtype=np.float64).reshape(-1) for part in parts])

    def vectors(self, numbers: Array) -> Array:
        """Return what the policy sees: numbers (num_envs, size) -> (num_envs, dim)."""
        if not self._choices:
            return numbers
        columns = []
        for part in self.parts:
            values = numbers[:, part.start : part.start + part.size]
            if part.choices:
                index = values[:, 0].astype(np.int64) - self._starts[part.key]
                columns.append(np.eye(part.choices)[np.clip(index, 0, part.choices - 1)])
            else:
                columns.append(values)
        return np.concatenate(columns, axis=1)


class ActionCode:
    """Turns what a policy commands into what the world is sent, and into what a reward sees."""

    def __init__(self, space: spaces.Space[Any], name: str) -> None:
        """Raises WorldError where the actions are neither a vector nor one choice."""
        if isinstance(space, spaces.Discrete):
            self.choices, self.size = int(space.n), 1 + int(space.n)
            self.low, self.high = (0.0,) * self.size, (float(space.n - 1),) + (1.0,) * int(space.n)
        elif isinstance(space, spaces.Box) and space.dtype is not None and np.issubdtype(space.dtype, np.floating):
            self.choices, self.size = 0, int(np.prod(space.shape))
            low, high = space.low.reshape(-1).astype(float), space.high.reshape(-1).astype(float)
            self.low = tuple(float(x) if np.isfinite(x) else -FALLBACK_BOUND for x in low)
            self.high = tuple(float(x) if np.isfinite(x) else FALLBACK_BOUND for x in high)
        else:
            raise WorldError(f"{name}: its actions are {_told(space)}. {OTHER_TRAINER}")
        self._space = space

    def applied(self, command: Array) -> Array:
        """Return actions as applied: (num_envs, size), clipped, or index and one-hot."""
        if not self.choices:
            return np.asarray(np.clip(command, self.low, self.high))
        index = np.clip(command[:, 0].round().astype(np.int64), 0, self.choices - 1)
        return np.concatenate((index[:, None].astype(np.float64), np.eye(self.choices)[index]), axis=1)

    def sent(self, applied: Array) -> Any:
        """Return one world's action (size,) as its space has it."""
        if self.choices:
            return int(applied[0]) + int(self._space.start)
        return applied.reshape(self._space.shape).astype(self._space.dtype)


def _entries(space: spaces.Space[Any]) -> list[tuple[str, spaces.Space[Any]]]:
    if isinstance(space, spaces.Dict):
        return list(space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return [(f"part_{i}", entry) for i, entry in enumerate(space.spaces)]
    return [("", space)]


def _sizes(space: spaces.Space[Any], where: str) -> tuple[int, int]:
    """Return how many numbers an entry has, and its choices."""
    if isinstance(space, spaces.Discrete):
        return 1, int(space.n)
    is_image = isinstance(space, spaces.Box) and len(space.shape) > 1 and space.dtype == np.uint8
    if isinstance(space, spaces.Box) and not is_image and 0 < np.prod(space.shape) <= LARGEST_BOX:
        return int(np.prod(space.shape)), 0
    if isinstance(space, spaces.MultiBinary):
        return int(np.prod(space.shape)), 0
    raise WorldError(f"{where} is {'an image' if is_image else _told(space)}. {OTHER_TRAINER}")


def _told(space: spaces.Space[Any]) -> str:
    shape: Any = getattr(space, "shape", None)
    kind = type(space).__name__
    return f"a {kind} {tuple(shape)}" if shape and not isinstance(space, Mapping) else f"a {kind}"
