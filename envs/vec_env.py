"""What a trainer needs from a world: many copies stepped together, and the typed state beside the observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from envs.errors import WorldError
from envs.state import State, StateField


class Image(NamedTuple):
    """Entries of an observation that are a picture: height x width x channels of them from `start`, each 0 to 255."""

    start: int
    height: int
    width: int
    channels: int

    @property
    def size(self) -> int:
        return self.height * self.width * self.channels


@dataclass(frozen=True)
class WorldSpec:
    """The fixed facts of a world.

    `dt_s` is the time between two actions [s]; an episode is cut off after `episode_steps` actions.
    `action_low` and `action_high` bound each action component, in the world's own units.
    `choices` is 0 where actions are real numbers. Otherwise a policy picks one of that many actions, and `action_names` are
    "index" and the choices: a reward sees the index and a one-hot vector.
    `images` are the pictures among the observation's numbers. A trainer must know them: our own refuses such worlds.
    `stage_inputs` is how many of the observation's last numbers tell the stage of a curriculum: 0 but in a training by stages.
    """

    name: str
    gymnasium_id: str
    summary: str
    fields: tuple[StateField, ...]
    observation_dim: int
    action_names: tuple[str, ...]
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    action_sentence: str
    dt_s: float
    episode_steps: int
    choices: int = 0
    images: tuple[Image, ...] = ()
    stage_inputs: int = 0

    @property
    def action_dim(self) -> int:
        return len(self.action_names)

    @property
    def policy_outputs(self) -> int:
        """How many numbers a policy's network gives: one an action component, or one a choice."""
        return self.choices or self.action_dim

    def from_unit(self, action: NDArray[np.float64]) -> NDArray[np.float64]:
        """Clip actions (num_envs, action_dim) to [-1, 1] and map them to the world's units. An index (num_envs, 1) stays."""
        if self.choices:
            return action
        low, half = self._bounds
        clipped = np.minimum(np.maximum(action, -1.0), 1.0)
        scaled: NDArray[np.float64] = low + (clipped + 1) * half
        return scaled

    @cached_property
    def _bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The lowest action and half of the range."""
        low = np.array(self.action_low)
        return low, (np.array(self.action_high) - low) / 2

    def random_actions(self, generator: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Draw what `VecEnv.step` takes: (count, action_dim), or (count, 1) indices."""
        if self.choices:
            return generator.integers(0, self.choices, (count, 1)).astype(np.float64)
        return generator.uniform(self.action_low, self.action_high, (count, self.action_dim))


class Step(NamedTuple):
    """One step of all worlds.

    observation: (num_envs, observation_dim), float64. Of the new episode where one ended.
    final_observation: (num_envs, observation_dim), float64. Of the state that the action led to, before any reset.
    state: the state that the action led to, before any reset; `state.prev` is the one before the action.
    action: (num_envs, action_dim), float64. The action as applied: clipped to the bounds, or its index and a one-hot vector.
    terminated: (num_envs,), bool. The world ended the episode.
    truncated: (num_envs,), bool. The time limit ended the episode.
    """

    observation: NDArray[np.float64]
    final_observation: NDArray[np.float64]
    state: State
    action: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


class VecEnv(Protocol):
    """num_envs copies of one world, in equal groups: one group for each seed.

    A group draws its resets from its own generator, so what happens in it doesn't depend on the groups beside it.
    """

    spec: WorldSpec
    num_envs: int

    def reset(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """Start every world anew, num_envs / len(seeds) worlds for each seed. Return (num_envs, observation_dim)."""
        ...

    def step(self, action: NDArray[np.float64], training_progress: float = 0.0) -> Step:
        """Apply `action` to every world, and reset those whose episode ended. Raises WorldError.

        action: (num_envs, action_dim), or the indices of choices (num_envs, 1).
        """
        ...

    def state(self) -> Mapping[str, NDArray[np.generic]]:
        """Return what `restore` needs to go on as if there had been no pause, where the simulator allows that."""
        ...

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from the state of a world of the same kind and size."""
        ...


def require_finite(name: str, observation: NDArray[np.float64]) -> None:
    """Refuse what no policy can learn from. Raises WorldError that names the first bad number."""
    if not np.isfinite(observation).all():
        index = int(np.argwhere(~np.isfinite(observation))[0, 1])
        raise WorldError(f"the world {name} gave an observation that is not finite: entry {index}")
