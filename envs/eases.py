"""What eases the episodes of a MuJoCo world in training, world by world: carried weight, put-off ends, late starts.

Each is scaled by a coefficient in 0..1; at 0 the world is as it always is. Nobody but a training asks for it: a world that is
made to judge a policy has none. A fifth of all episodes has none either, so that what is judged is practised all along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import mujoco

Array = NDArray[np.float64]

UNAIDED_SHARE = 0.2
POINTS, ROLLOUTS = 32, 16
"""States kept along one episode, and good episodes kept for each policy."""
LATEST, SPREAD = 0.8, 0.2
"""With all help an episode starts in the last fifth of a good one; the place moves to its beginning as help goes."""


class Wanted(NamedTuple):
    """How much there is of each at first. carry: share of the weight; grace: steps that an end is put off; starts: share."""

    carry: float = 0.0
    grace: int = 0
    starts: float = 0.0


class Levels:
    """How much each episode of num_envs worlds is helped, in equal groups, one for each policy, with a generator each.

    By itself it eases nothing: it is enough where what is eased isn't in the world.
    """

    def __init__(self, num_envs: int, seeds: Sequence[int]) -> None:
        self._group = num_envs // len(seeds)
        self._generators = [np.random.default_rng([seed, 21]) for seed in seeds]
        self.level = np.ones(len(seeds))
        self.beta = np.zeros(num_envs)
        """What new episodes of each policy get, (P,), and what each world's episode has, (num_envs,)."""
        self.ended(np.arange(num_envs))

    def ended(self, rows: NDArray[np.int64]) -> None:
        """Draw the help of the episodes that have just begun in the worlds `rows`, if nobody else does."""
        for policy, generator in enumerate(self._generators):
            mine = rows[rows // self._group == policy]
            self.beta[mine] = np.where(generator.random(len(mine)) < UNAIDED_SHARE, 0.0, self.level[policy])

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Take in that the episodes which have just ended in the worlds `rows` were good."""

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return copies of all that `restore` needs."""
        generators = json.dumps([generator.bit_generator.state for generator in self._generators])
        kept: dict[str, NDArray[np.generic]] = {name: value.copy() for name, value in self._arrays().items()}
        return {"generators": np.frombuffer(generators.encode(), dtype=np.uint8).copy(), **kept}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        for generator, kept in zip(self._generators, json.loads(state["generators"].tobytes()), strict=True):
            generator.bit_generator.state = kept
        for name, value in self._arrays().items():
            value[:] = state[name]

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return {"level": self.level, "beta": self.beta}


class Eases(Levels):
    """The eases of num_envs worlds of MuJoCo."""

    def __init__(self, wanted: Wanted, model: mujoco.MjModel, num_envs: int, seeds: Sequence[int], episode_steps: int) -> None:
        super().__init__(num_envs, seeds)
        self._wanted = wanted
        self._every = max(1, episode_steps // POINTS)
        self._weight = -model.body_mass[:, None] * model.opt.gravity[None]
        self._bad_steps = np.zeros(num_envs, dtype=np.int64)
        self._age = np.zeros(num_envs, dtype=np.int64)
        size = model.nq + model.nv
        self._track, self._ended = np.zeros((num_envs, POINTS, size)), np.zeros((num_envs, POINTS, size))
        self._points, self._ended_points = np.zeros(num_envs, dtype=np.int64), np.zeros(num_envs, dtype=np.int64)
        self._good = np.zeros((len(seeds), ROLLOUTS, POINTS, size))
        self._good_points = np.zeros((len(seeds), ROLLOUTS), dtype=np.int64)
        self._good_count = np.zeros(len(seeds), dtype=np.int64)

    def ended(self, rows: NDArray[np.int64]) -> None:
        """Draw nothing: the world asks for it in `begin`, where an episode may be moved too."""

    def carry(self, force: Array) -> None:
        """Write the forces on all bodies: force (num_envs, bodies, 6) [N, N m]."""
        if self._wanted.carry:
            force[:, :, :3] = (self._wanted.carry * self.beta)[:, None, None] * self._weight

    def forgive(self, terminated: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Put off ends that have held for fewer steps than the world's grace: (num_envs,)."""
        if not self._wanted.grace:
            return terminated
        self._bad_steps = np.where(terminated, self._bad_steps + 1, 0)
        put_off: NDArray[np.bool_] = terminated & (self._bad_steps > np.round(self._wanted.grace * self.beta))
        return put_off

    def follow(self, qpos: Array, qvel: Array) -> None:
        """Note the states (num_envs, nq) and (num_envs, nv) that were reached."""
        self._age += 1
        if self._wanted.starts:
            rows = np.flatnonzero((self._age % self._every == 0) & (self._points < POINTS))
            self._track[rows, self._points[rows]] = np.concatenate([qpos[rows], qvel[rows]], axis=1)
            self._points[rows] += 1

    def begin(self, rows: NDArray[np.int64], qpos: Array, qvel: Array) -> None:
        """Draw the help of new episodes in the worlds `rows`, and move some to a state along a good episode, in place."""
        self._ended[rows], self._ended_points[rows] = self._track[rows], self._points[rows]
        self._points[rows], self._age[rows], self._bad_steps[rows] = 0, 0, 0
        for policy, generator in enumerate(self._generators):
            mine = rows[rows // self._group == policy]
            drawn = generator.random((len(mine), 4))
            self.beta[mine] = np.where(drawn[:, 0] < UNAIDED_SHARE, 0.0, self.level[policy])
            known = min(int(self._good_count[policy]), ROLLOUTS)
            for row, (_, moved, which, where) in zip(mine, drawn, strict=True):
                if known and moved < self._wanted.starts * self.beta[row]:
                    self._move(row, policy, int(which * known), LATEST * self.beta[row] + SPREAD * where, qpos, qvel)

    def _move(self, row: int, policy: int, rollout: int, share: float, qpos: Array, qvel: Array) -> None:
        points = int(self._good_points[policy, rollout])
        state = self._good[policy, rollout, min(points - 1, int(share * points))]
        qpos[row], qvel[row] = state[: qpos.shape[1]], state[qpos.shape[1] :]

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Keep the episodes that have just ended in the worlds `rows` as good ones, the oldest of a policy giving way."""
        for row in rows[self._ended_points[rows] > 0]:
            policy = int(row) // self._group
            place = int(self._good_count[policy]) % ROLLOUTS
            self._good[policy, place], self._good_points[policy, place] = self._ended[row], self._ended_points[row]
            self._good_count[policy] += 1

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return {
            **super()._arrays(),
            "bad_steps": self._bad_steps,
            "age": self._age,
            "track": self._track,
            "ended": self._ended,
            "points": self._points,
            "ended_points": self._ended_points,
            "good": self._good,
            "good_points": self._good_points,
            "good_count": self._good_count,
        }
