"""Episodes in hand of gymnasium worlds, so that they can be played again after a pause: what each began with, and its actions.

Nobody can look into such a world. But most go by their own random numbers and by the actions alone; whether one does is seen
when it is played again: where it doesn't come to the same observation, its episode begins anew.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WIDTH = 4096
"""Bytes for what one episode began with."""
MOST_NUMBERS = 2_000_000
"""Actions of all episodes beyond which none are kept, and episodes begin anew."""


class Episodes:
    """The episodes in hand of num_envs rows."""

    def __init__(self, num_envs: int, action_size: int, longest: int) -> None:
        """longest: of an episode [steps]."""
        self.begun: list[dict[str, Any] | None] = [None] * num_envs
        kept = longest if num_envs * action_size * longest <= MOST_NUMBERS else 0
        self._shape = (num_envs, kept, action_size)
        self._actions: deque[Array] = deque(maxlen=kept)

    def begin(self, row: int, env: Any, seed: int | None) -> None:
        """Note what an episode begins with, before the world is reset: a seed, or its random numbers."""
        numbers = random_numbers(env)
        self.begun[row] = {"seed": seed} if seed is not None else {"numbers": numbers} if numbers else None

    def act(self, applied: Array) -> None:
        """Note what all rows do: (num_envs, action_size)."""
        self._actions.append(applied)

    def state(self, more: Mapping[int, Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
        """Return for each row what its episode began with, `more` beside it, and what was done of late, the last at the end."""
        begun = np.zeros((self._shape[0], WIDTH), dtype=np.uint8)
        for row, known in enumerate(self.begun):
            text = json.dumps({**known, **more.get(row, {})}).encode() if known else b""
            if len(text) <= WIDTH:
                begun[row, : len(text)] = np.frombuffer(text, dtype=np.uint8)
        actions = np.zeros(self._shape)
        if self._actions:
            actions[:, -len(self._actions) :] = np.stack(self._actions, axis=1)
        return {"begun": begun, "actions": actions}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
        """Take in what was done; return what each row began with, {} where that isn't known."""
        self._actions = deque(np.swapaxes(state["actions"], 0, 1).copy(), maxlen=self._shape[1])
        texts = [row.tobytes().rstrip(b"\0") for row in state["begun"]]
        return [json.loads(text) if text else {} for text in texts]

    def actions(self, row: int, count: int) -> list[Array] | None:
        """Return a row's last `count` actions, or None where they aren't kept."""
        if count > len(self._actions):
            return None
        return [applied[row] for applied in list(self._actions)[len(self._actions) - count :]]


def random_numbers(env: Any) -> dict[str, Any] | None:
    """Return a world's own random numbers as they stand, as JSON; None where it has none that are known."""
    generator = getattr(env.unwrapped, "_np_random", None)
    if not isinstance(generator, np.random.Generator) or not isinstance(generator.bit_generator, np.random.PCG64):
        return None
    return dict(generator.bit_generator.state)


def put_back(env: Any, numbers: Mapping[str, Any]) -> None:
    """Give a world the random numbers that `random_numbers` returned."""
    generator = np.random.Generator(np.random.PCG64())
    generator.bit_generator.state = dict(numbers)
    env.unwrapped.np_random = generator
