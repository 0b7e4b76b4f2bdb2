"""Variants of a world, such as sizes of one grid: each episode of a training may play another one, seen and steered alike.

Nobody but a training asks for them: a world that is made to judge a policy is the task's own, the first of its variants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from envs.errors import WorldError
from envs.replayed import put_back, random_numbers
from envs.vec_env import WorldSpec

Make = Callable[[], Any]  # Any: a gymnasium.Env of whatever observations
Choose = Callable[[int], int]
"""Says which variant the next episode of a row of the batch plays, by its place among the names that `vary` was given."""

OWN = "own"
"""What the world itself is called among its variants, where it has no gymnasium id."""


class Varied(Protocol):
    """A world with variants. Any `VecEnv` may have these two."""

    @property
    def variants(self) -> tuple[str, ...]:
        """Their names, the world itself first; it alone where it has no others."""
        ...

    def vary(self, names: Sequence[str], choose: Choose) -> None:
        """Have every episode play one of these variants, from the next `reset` on. Raises WorldError."""
        ...


class Copies:
    """Of every row of a batch a copy of each variant that it has played, made and seeded when it is first played."""

    def __init__(self, makers: Sequence[Make], limits: Sequence[int], choose: Choose, first: Sequence[Any]) -> None:
        """limits: the longest episode of each variant [steps]. first: of every row, the copy of the variant at place 0."""
        self._makers, self._choose = makers, choose
        self.limits = np.array(limits)
        self.playing = np.zeros(len(first), dtype=np.int64)
        self._made: list[dict[int, Any]] = [{0: env} for env in first]
        self._seeds = np.zeros(len(first), dtype=np.int64)
        self._seeded: list[set[int]] = [set() for _ in first]

    def next(self, row: int, seed: int | None, variant: int | None = None) -> tuple[Any, int | None]:
        """Return the copy that plays a row's next episode, and the seed that it begins with: None once it had one.

        seed: makes all of the row's random numbers anew. variant: not drawn but said.
        """
        if seed is not None:
            self._seeds[row], self._seeded[row] = seed, set()
        which = self._choose(row) if variant is None else variant
        self.playing[row] = which
        made, seeded = self._made[row], self._seeded[row]
        if which not in made:
            made[which] = self._makers[which]()
        first = which not in seeded
        seeded.add(which)
        return made[which], int(self._seeds[row]) if first else None

    def kept(self) -> dict[int, dict[str, Any]]:
        """Return, for each row, what its copies go on with: the row's seed, and the random numbers of those played before."""
        told = {}
        for row, made in enumerate(self._made):
            before = {str(k): random_numbers(made[k]) for k in self._seeded[row] if k != self.playing[row]}
            told[row] = {"row_seed": int(self._seeds[row]), "before": before}
        return told

    def put_back(self, row: int, kept: Mapping[str, Any]) -> None:
        """Go on with what `kept` returned for a row."""
        self._seeds[row] = kept["row_seed"]
        self._seeded[row] = {int(self.playing[row]), *map(int, kept["before"])}
        for name, numbers in kept["before"].items():
            env = self._made[row].get(int(name)) or self._makers[int(name)]()
            self._made[row][int(name)] = env
            if numbers is not None:
                put_back(env, numbers)


def require_alike(own: WorldSpec, other: WorldSpec, name: str) -> None:
    """Refuse a variant that a policy or a reward would have to treat differently. Raises WorldError that says what differs."""
    told: Mapping[str, tuple[Any, Any]] = {
        "numbers in an observation": (own.observation_dim, other.observation_dim),
        "pictures in an observation": (own.images, other.images),
        "choices": (own.choices, other.choices),
        "actions": (own.action_names, other.action_names),
        "bounds of an action": ((own.action_low, own.action_high), (other.action_low, other.action_high)),
        "fields of the state": tuple([(field.name, field.shape) for field in spec.fields] for spec in (own, other)),
    }
    for what, (ours, theirs) in told.items():
        if ours != theirs:
            raise WorldError(f"{name} is no variant of {own.name}: its {what} differ ({_short(theirs)}, not {_short(ours)})")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def require_known(known: Sequence[str], names: Sequence[str], world: str) -> None:
    """Refuse names that aren't a world's own and then some of its variants. Raises WorldError."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WorldError(f"{world} has no variant {unknown[0]!r}; beside itself it has: {', '.join(known[1:]) or 'none'}")
    if not names or names[0] != known[0] or len(set(names)) < len(names):
        raise WorldError(f"the variants that {world} is to play must begin with {known[0]} and name none twice")
