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
from envs.vec_env import Image

Array = NDArray[np.float64]

LARGEST_BOX = 1024
FALLBACK_BOUND = 1.0
LARGEST_IMAGE = 128 * 128 * 3
SMALLEST_SIDE = 4
NOT_TRAINED = "Vectors, choices and pictures can be trained; text and sequences can't."


class Part(NamedTuple):
    """One entry of an observation: `key` in a Dict or a Tuple, "" where there is one. choices: 0, or its number of values.

    picture: (height, width, channels), or () where it is none.
    """

    key: str
    start: int
    size: int
    choices: int
    picture: tuple[int, ...] = ()


class ObservationCode:
    """Turns one observation into numbers, and these into the policy's vector."""

    def __init__(self, space: spaces.Space[Any], name: str) -> None:
        """Raises WorldError where the space holds what no vector can."""
        self.parts: list[Part] = []
        for key, entry in _entries(space):
            start = self.parts[-1].start + self.parts[-1].size if self.parts else 0
            where = f"{name}: the observation{f' {key!r}' if key else ''}"
            picture = _picture(entry, where)
            size, choices = (int(np.prod(picture)), 0) if picture else _sizes(entry, where)
            self.parts.append(Part(key, start, size, choices, picture))
        self._space = space
        self.size = sum(part.size for part in self.parts)
        self.dim = sum(part.choices or part.size for part in self.parts)
        self._choices = [part for part in self.parts if part.choices]
        self._starts = {key: int(entry.start) for key, entry in _entries(space) if isinstance(entry, spaces.Discrete)}

    @property
    def images(self) -> tuple[Image, ...]:
        """Where the policy's vector holds pictures."""
        starts = np.cumsum([0] + [part.choices or part.size for part in self.parts])
        pictures = zip(starts.tolist(), self.parts, strict=False)  # one start more: where the last part ends
        return tuple(Image(start, *part.picture) for start, part in pictures if part.picture)

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
            raise WorldError(f"{name}: its actions are {_told(space)}. {NOT_TRAINED}")
        self._space = space

    @property
    def told(self) -> int:
        """How many of an action's numbers, the first ones, say all of it: of a choice its index."""
        return 1 if self.choices else self.size

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


def _picture(space: spaces.Space[Any], where: str) -> tuple[int, ...]:
    """Return a picture's height, width and channels, or () where it is none. Raises WorldError where it is too large."""
    if not isinstance(space, spaces.Box) or space.dtype != np.uint8 or len(space.shape) not in (2, 3):
        return ()
    shape = (*space.shape, 1)[:3]
    if min(shape[:2]) < SMALLEST_SIDE:
        return ()
    if np.prod(shape) > LARGEST_IMAGE:
        raise WorldError(f"{where} is a picture {shape} of more than {LARGEST_IMAGE} numbers. Wrap it in a smaller one.")
    return shape


def _sizes(space: spaces.Space[Any], where: str) -> tuple[int, int]:
    """Return how many numbers an entry has, and its choices."""
    if isinstance(space, spaces.Discrete):
        return 1, int(space.n)
    if isinstance(space, spaces.Box | spaces.MultiBinary) and 0 < np.prod(space.shape) <= LARGEST_BOX:
        return int(np.prod(space.shape)), 0
    raise WorldError(f"{where} is {_told(space)}. {NOT_TRAINED}")


def _told(space: spaces.Space[Any]) -> str:
    shape: Any = getattr(space, "shape", None)
    kind = type(space).__name__
    return f"a {kind} {tuple(shape)}" if shape and not isinstance(space, Mapping) else f"a {kind}"
