"""Our worlds as Stable-Baselines3 sees them: one batch behind its VecEnv, paid by the reward, ended as they end."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv as Sb3VecEnv
from torch import Tensor

from envs.vec_env import Step, VecEnv
from sandbox.payers import RewardSource
from sandbox.surroundings import NUMPY_GENERATOR_BYTES
from sandbox.traces import Traces

GOES_ON: dict[str, Any] = {}
"""What is told of a world whose episode goes on; shared by all and never written to."""


class Draws:
    """Random numbers of a learner's own, for code that draws from torch's and numpy's global generators.

    `swapped` puts them into the global generators' place and, when it ends, back. Inside it, `swapped` gives the place to what
    was there before: a reward must find the global generators as it left them.
    """

    def __init__(self, seed: int) -> None:
        self._torch = torch.Generator().manual_seed(seed).get_state()
        drawn = np.random.MT19937(seed)  # kept by name: its memory is read below
        self._numpy = ctypes.string_at(drawn.ctypes.state_address, NUMPY_GENERATOR_BYTES)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        theirs = torch.default_generator.get_state()
        torch.default_generator.set_state(self._torch)
        self._torch = theirs
        address = np.random.get_bit_generator().ctypes.state_address
        held = ctypes.string_at(address, NUMPY_GENERATOR_BYTES)
        ctypes.memmove(address, self._numpy, NUMPY_GENERATOR_BYTES)
        self._numpy = held

    def state(self) -> dict[str, Tensor]:
        """Return what `restore` needs."""
        return {"torch": self._torch, "numpy": torch.frombuffer(bytearray(self._numpy), dtype=torch.uint8)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a state."""
        self._torch, self._numpy = state["torch"].clone(), state["numpy"].numpy().tobytes()


class PaidWorlds(Sb3VecEnv):
    """num_envs copies of a world. An action is in [-1, 1] units, or the index of a choice.

    `traces` sees every term of the reward. `steps` is how many steps were done in each world.
    """

    def __init__(self, world: VecEnv, reward: RewardSource, seed: int, draws: Draws, total_steps: int) -> None:
        """`total_steps` is how many there will be in each world."""
        self.world = world
        self.reward = reward
        self.traces = Traces(1, total_steps)
        self.steps = 0
        self._seed = seed
        self._draws = draws
        self._total_steps = total_steps
        self._commanded: NDArray[Any] = np.zeros(0)
        spec = world.spec
        seen = spaces.Box(-np.inf, np.inf, (spec.observation_dim,), np.float64)
        chosen = spaces.Discrete(spec.choices) if spec.choices else spaces.Box(-1.0, 1.0, (spec.action_dim,), np.float32)
        super().__init__(world.num_envs, seen, chosen)

    def reset(self) -> NDArray[np.float64]:
        return self.world.reset([self._seed])

    def step_async(self, actions: NDArray[Any]) -> None:
        self._commanded = actions.reshape(self.num_envs, -1).astype(np.float64)

    def step_wait(self) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Step all worlds. A time limit is told as such, so that the learner goes on reckoning with what would have come."""
        step = self.world.step(self.world.spec.from_unit(self._commanded), self.steps / self._total_steps)
        with self._draws.swapped():
            paid = self._paid(step)
        self.steps += 1
        told = [GOES_ON] * self.num_envs
        ended = step.terminated | step.truncated
        for world in np.flatnonzero(ended):
            cut = bool(step.truncated[world]) and not bool(step.terminated[world])
            told[world] = {"terminal_observation": step.final_observation[world], "TimeLimit.truncated": cut}
        return step.observation, paid, ended, told

    def _paid(self, step: Step) -> NDArray[np.float32]:
        names, values = self.reward.pay(step, torch.as_tensor(step.action, dtype=torch.float32))
        self.traces.add(self.steps, names, values.mean(1, keepdim=True))
        paid: NDArray[np.float32] = values.sum(0).numpy()
        return paid

    # What a VecEnv must have, and these worlds don't need -------------------------------------------------------------

    def close(self) -> None:
        pass

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        if attr_name != "render_mode":
            raise AttributeError(f"these worlds have no {attr_name}")
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise AttributeError(f"these worlds have no {attr_name}")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **options: Any) -> list[Any]:
        raise AttributeError(f"these worlds have no {method_name}")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> Sequence[bool]:  # type: ignore[override]
        return [False] * self.num_envs
