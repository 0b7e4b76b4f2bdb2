"""What a trainer needs from a world: many copies stepped together, and the typed state beside the observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from envs.state import State, StateField


@dataclass(frozen=True)
class WorldSpec:
    """The fixed facts of a world.

    `dt_s` is the time between two actions [s]; an episode is cut off after `episode_steps` actions.
    `action_low` and `action_high` bound each action component, in the world's own units.
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

    @property
    def action_dim(self) -> int:
        return len(self.action_names)

    def from_unit(self, action: NDArray[np.float64]) -> NDArray[np.float64]:
        """Clip actions (num_envs, action_dim) to [-1, 1] and map them to the world's units."""
        low, high = np.array(self.action_low), np.array(self.action_high)
        scaled: NDArray[np.float64] = low + (np.clip(action, -1, 1) + 1) * (high - low) / 2
        return scaled


class Step(NamedTuple):
    """One step of all worlds.

    observation: (num_envs, observation_dim), float64. Of the new episode where one ended.
    final_observation: (num_envs, observation_dim), float64. Of the state that the action led to, before any reset.
    state: the state that the action led to, before any reset; `state.prev` is the one before the action.
    action: (num_envs, action_dim), float64. The action as applied: clipped to the bounds.
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
        """Apply `action` (num_envs, action_dim) to every world, and reset those whose episode ended."""
        ...

    def state(self) -> Mapping[str, NDArray[np.generic]]:
        """Return what `restore` needs to go on as if there had been no pause, where the simulator allows that."""
        ...

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from the state of a world of the same kind and size."""
        ...
