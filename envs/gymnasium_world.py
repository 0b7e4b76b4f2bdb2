"""Any gymnasium world as it is: many copies stepped in turn, its reward and its info thrown away, its state typed.

The reward is replaced by the candidate's, so it is never kept. Of `info` nothing is kept but what a state table names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from envs import model_view
from envs.errors import WorldError, in_one_line
from envs.replayed import Episodes, put_back
from envs.spaces import ActionCode, ObservationCode
from envs.state import Snapshot, State, StateField
from envs.tables import INFO, NUMBERS, WorldTable, generic_fields
from envs.variants import OWN, Choose, Copies, Make, require_alike, require_known
from envs.vec_env import Step, WorldSpec, require_finite

Array = NDArray[np.float64]

DEFAULT_EPISODE_STEPS = 1000
DEFAULT_DT_S = 1.0


class GymnasiumWorld:
    """num_envs copies of one gymnasium world. Implements `VecEnv`."""

    def __init__(
        self,
        name: str,
        make: Make,
        table: WorldTable | None,
        num_envs: int,
        dtype: torch.dtype = torch.float32,
        gymnasium_id: str = "",
        others: Mapping[str, Make] = MappingProxyType({}),
    ) -> None:
        """others: what makes the world's variants, by their names. Raises WorldError where the world can't be made or its
        spaces can't be trained.
        """
        self.num_envs = num_envs
        self._makers, self._table = {gymnasium_id or OWN: make, **others}, table
        self._envs = [_guarded(name, "raised while it was made", make) for _ in range(num_envs)]
        self._observation = ObservationCode(self._envs[0].observation_space, name)
        self._action = ActionCode(self._envs[0].action_space, name)
        self._simulated = _simulations(self._envs) if table is None or table.adds_the_model else []
        self._info_keys = table.info_keys if table else []
        self.spec = self._spec(name, gymnasium_id, table)
        self._fields = {field.name: field for field in self.spec.fields}
        self._dtype = dtype
        self._numbers = np.zeros((num_envs, self._observation.size))
        self._info = {key: np.zeros(num_envs) for key in self._info_keys}
        self._episode_step = np.zeros(num_envs, dtype=np.int64)
        self._limit = np.full(num_envs, self.spec.episode_steps)
        self._copies: Copies | None = None
        self._episodes = Episodes(num_envs, self._action.told, self.spec.episode_steps)
        self._generators: list[np.random.Generator] = []
        self._before: Snapshot = {}

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the variants, the world itself first."""
        return tuple(self._makers)

    def vary(self, names: Sequence[str], choose: Choose) -> None:
        """Have every episode play one of these variants, from the next `reset` on. Raises WorldError where one isn't alike."""
        require_known(self.variants, names, self.spec.name)
        makers = [partial(_guarded, name, "raised while it was made", self._makers[name]) for name in names]
        limits = [self._limit_of(name) for name in names]
        self._copies = Copies(makers, limits, choose, self._envs)
        self.spec = replace(self.spec, episode_steps=max(limits))

    def _limit_of(self, name: str) -> int:
        """Return a variant's longest episode [steps]. Raises WorldError where it isn't alike."""
        if name == self.variants[0]:
            return self.spec.episode_steps
        other = GymnasiumWorld(name, self._makers[name], self._table, 1).spec
        require_alike(self.spec, other, name)
        return other.episode_steps

    def reset(self, seeds: Sequence[int]) -> Array:
        if self.num_envs % len(seeds):
            raise ValueError(f"num_envs = {self.num_envs} is not a multiple of the {len(seeds)} seeds")
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._start_all()
        return self._observed(self._numbers)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return what can be kept of worlds that nobody can look into: the seeds to come, and how each came to where it is."""
        generators = json.dumps([generator.bit_generator.state for generator in self._generators])
        kept = np.frombuffer(generators.encode(), dtype=np.uint8).copy()
        played = {"playing": self._copies.playing.copy()} if self._copies else {}
        others = self._copies.kept() if self._copies else {}
        seen = {"episode_step": self._episode_step.copy(), "numbers": self._numbers.copy()}
        return {"generators": kept, **seen, **played, **self._episodes.state(others)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Play every episode again up to where it was. One that doesn't come there begins anew, in the variant that it was and
        with the seed that would have come next, and ends at its own time limit.
        """
        self._generators = [np.random.default_rng() for _ in json.loads(state["generators"].tobytes())]
        for generator, kept in zip(self._generators, json.loads(state["generators"].tobytes()), strict=True):
            generator.bit_generator.state = kept
        variants = state["playing"] if self._copies else None
        seeds = self._start_all(variants)
        self._episode_step[:] = state["episode_step"]
        for index, begun in enumerate(self._episodes.restore(state)):
            if not self._played_again(index, begun, state["numbers"][index]):
                self._start(index, int(seeds[index]), None if variants is None else int(variants[index]))
                self._episode_step[index] = state["episode_step"][index]
                self._episodes.begun[index] = None
        self._before = self._snapshot()

    def _played_again(self, index: int, begun: dict[str, Any], numbers: Array) -> bool:
        """Play a row's episode again; say whether it came to the observation that it had: (size,)."""
        actions = self._episodes.actions(index, int(self._episode_step[index]))
        if not begun or actions is None:
            return False
        if self._copies is not None:
            self._copies.put_back(index, begun)
        env = self._envs[index]
        try:
            if "numbers" in begun:
                put_back(env, begun["numbers"])
            observation, info = env.reset(seed=begun.get("seed"))
            self._take(index, observation, info)
            ended = [any(self._step_one(index, env, applied)) for applied in actions]
        except Exception:  # noqa: BLE001 - whatever a world raises here, its episode begins anew
            return False
        self._episodes.begun[index] = begun
        return not any(ended) and bool((self._numbers[index] == numbers).all())

    def _start_all(self, variants: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Begin an episode in every row; return the seeds, (num_envs,)."""
        group = self.num_envs // len(self._generators)
        drawn = np.concatenate([generator.integers(0, 2**31, group) for generator in self._generators])
        self._episodes = Episodes(self.num_envs, self._action.told, self.spec.episode_steps)
        for index, seed in enumerate(drawn):
            self._start(index, int(seed), None if variants is None else int(variants[index]))
        self._before = self._snapshot()
        return drawn

    def step(self, action: Array, training_progress: float = 0.0) -> Step:
        applied = self._action.applied(action)
        terminated, truncated = np.zeros(self.num_envs, dtype=bool), np.zeros(self.num_envs, dtype=bool)
        self._episodes.act(applied[:, : self._action.told])
        for index, env in enumerate(self._envs):
            terminated[index], truncated[index] = self._step_one(index, env, applied[index])
        before_time = self._episode_step * self.spec.dt_s
        self._episode_step += 1
        truncated = (truncated | (self._episode_step >= self._limit)) & ~terminated
        raw = self._snapshot()
        before = State(self._fields, self._before, before_time, training_progress, dtype=self._dtype)
        state = State(self._fields, raw, raw["time"], training_progress, before, self._dtype)
        final_observation = observation = self._observed(self._numbers)
        self._before = raw
        ended = np.flatnonzero(terminated | truncated)
        if len(ended):
            for index in ended:
                self._start(index, None)
            self._before = self._snapshot()
            observation = self._observed(self._numbers)
        return Step(observation, final_observation, state, applied, terminated, truncated)

    def draw(self) -> NDArray[np.uint8]:
        """Return a picture of the first copy: (height, width, 3). Its maker must have asked for pictures."""
        frame: NDArray[np.uint8] = _guarded(self.spec.name, "raised while it was drawn", self._envs[0].render)
        return frame

    def _start(self, index: int, seed: int | None, variant: int | None = None) -> None:
        """Begin an episode in one copy; without a seed it goes on with its own random numbers. variant: not drawn but said."""
        if self._copies is not None:
            seed = self._play(index, *self._copies.next(index, seed, variant))
        name, env = self.spec.name, self._envs[index]
        self._episodes.begin(index, env, seed)
        observation, info = _guarded(name, "raised in reset", lambda: env.reset(seed=seed))
        self._take(index, observation, info)
        self._episode_step[index] = 0

    def _play(self, index: int, env: Any, seed: int | None) -> int | None:
        """Let another copy play a row's next episode; return the seed that it begins with."""
        assert self._copies is not None
        self._envs[index] = env
        self._limit[index] = self._copies.limits[self._copies.playing[index]]
        if self._simulated:
            self._simulated[index] = env.unwrapped
        return seed

    def _step_one(self, index: int, env: Any, applied: Array) -> tuple[bool, bool]:
        sent = self._action.sent(applied)
        outcome = _guarded(self.spec.name, "raised in step", lambda: env.step(sent))
        observation, _, terminated, truncated, info = outcome
        self._take(index, observation, info)
        return bool(terminated), bool(truncated)

    def _take(self, index: int, observation: Any, info: Any) -> None:
        numbers = _guarded(self.spec.name, "gave an odd observation", lambda: self._observation.numbers(observation))
        if numbers.shape != (self._observation.size,):
            raise WorldError(
                f"the world {self.spec.name} gave {numbers.size} numbers, not the {self._observation.size} of its space"
            )
        require_finite(self.spec.name, numbers[None])
        self._numbers[index] = numbers
        for key in self._info_keys:
            self._info[key][index] = float(info.get(key, 0.0))

    def _observed(self, numbers: Array) -> Array:
        return self._observation.vectors(numbers).copy()

    def _snapshot(self) -> Snapshot:
        raw = {NUMBERS: self._numbers.copy(), "time": self._episode_step * self.spec.dt_s}
        raw |= {INFO + key: values.copy() for key, values in self._info.items()}
        if self._simulated:
            raw |= model_view.snapshot(*zip(*[(s.model, s.data) for s in self._simulated], strict=True))
        return raw

    def _spec(self, name: str, gymnasium_id: str, table: WorldTable | None) -> WorldSpec:
        content = table.content if table else {}
        env, model = self._envs[0], self._simulated[0].model if self._simulated else None
        return WorldSpec(
            name=name,
            gymnasium_id=gymnasium_id,
            summary=content.get("summary") or f"The gymnasium world {gymnasium_id or name}; nobody has described it.",
            fields=self._state_fields(table, model),
            observation_dim=self._observation.dim,
            action_names=self._action_names(content.get("action_names"), model),
            action_low=self._action.low,
            action_high=self._action.high,
            action_sentence=content.get("action_sentence") or self._action_sentence(),
            dt_s=float(content.get("dt_s") or _dt_s(env)),
            episode_steps=_episode_steps(env),
            choices=self._action.choices,
            images=self._observation.images,
        )

    def _state_fields(self, table: WorldTable | None, model: Any) -> tuple[StateField, ...]:
        """Take the table's fields, else the observation's own; and all that a MuJoCo model names."""
        observed = table.fields(self._observation.parts) if table else ()
        fields = {field.name: field for field in (model_view.model_fields(model) if model is not None else ())}
        fields |= {field.name: field for field in observed or generic_fields(self._observation.parts)}
        if not fields:
            raise WorldError(
                "the world shows pictures alone, and a reward reads no pictures. Say with --state what it may read: a table "
                "whose fields are entries of the world's info"
            )
        return tuple(fields.values())

    def _action_names(self, named: Sequence[str] | None, model: Any) -> tuple[str, ...]:
        choices = self._action.choices
        wanted = choices or self._action.size
        if named is None and model is not None and model.nu == wanted and not choices:
            named = model_view.action_names(model)
        names = tuple(named or (f"{'choice' if choices else 'a'}_{i}" for i in range(wanted)))
        if len(names) != wanted:
            raise WorldError(f"action_names has {len(names)} names for {wanted} {'choices' if choices else 'components'}")
        return ("index", *names) if choices else names

    def _action_sentence(self) -> str:
        if self._action.choices:
            return "The policy picks one action a step: its index, then 1 for the one that was picked and 0 for the others."
        return "The world's action, clipped to its bounds."


def _guarded(name: str, what: str, call: Callable[[], Any]) -> Any:
    """Run the world's own code; whatever it raises is the world's fault, and told in one sentence."""
    try:
        return call()
    except WorldError:
        raise
    except Exception as error:
        raise WorldError(f"the world {name} {what}: {in_one_line(error)}") from error


def _simulations(envs: Sequence[Any]) -> list[Any]:
    """Return the MuJoCo worlds behind the wrappers, or nothing where they are no MuJoCo worlds."""
    bare = [env.unwrapped for env in envs]
    are_mujoco = all(
        hasattr(getattr(env, "model", None), "njnt") and hasattr(getattr(env, "data", None), "qpos") for env in bare
    )
    return bare if are_mujoco else []


def _episode_steps(env: Any) -> int:
    """Return the time limit: gymnasium's, else the world's own as MiniGrid keeps it."""
    own = getattr(env.unwrapped, "max_steps", None)
    return int(getattr(env.spec, "max_episode_steps", None) or own or DEFAULT_EPISODE_STEPS)


def _dt_s(env: Any) -> float:
    dt = getattr(env.unwrapped, "dt", None)
    fps = env.metadata.get("render_fps") if isinstance(env.metadata, dict) else None
    return float(dt) if isinstance(dt, int | float) and dt > 0 else 1.0 / fps if fps else DEFAULT_DT_S
