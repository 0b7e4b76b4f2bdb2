"""Transitions as a reward is asked about them, made from arrays: of episodes that were played, or of states stretched apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from envs.state import State, StateField
from sandbox.reward import Call

Arrays = Mapping[str, NDArray[Any]]
MOST_STRETCHED = 8.0
DISCRETE = ("flag", "contact")


def state_of(fields: Sequence[StateField], now: Arrays, before: Arrays, time_s: NDArray[np.float64], dt_s: float) -> State:
    """Return a state whose fields are rows of arrays: (n, *shape) each. time_s: (n,), seconds since the episode began."""
    known = {field.name: replace(field, read=_reads(field.name)) for field in fields}
    prev = State(known, before, np.maximum(time_s - dt_s, 0.0), 1.0)
    return State(known, now, time_s, 1.0, prev)


def _reads(name: str) -> Callable[[Any], NDArray[np.float64]]:
    return lambda arrays: np.asarray(arrays[name], dtype=np.float64)


def episode_steps(arrays: Arrays, fields: Sequence[StateField], dt_s: float, step_limit: int) -> tuple[Call, NDArray[np.int64]]:
    """Return every step of the episodes but each one's first, which has no state before it, and whose episode each one is.

    arrays: `state.<field>` (episodes, steps, *shape), `action` and `length`, as a rollout sends them.
    """
    length = arrays["length"]
    episode, step = np.nonzero(np.arange(arrays["action"].shape[1])[None] < length[:, None])
    episode, step = episode[step > 0], step[step > 0]
    now = {field.name: arrays[f"state.{field.name}"][episode, step] for field in fields}
    before = {field.name: arrays[f"state.{field.name}"][episode, step - 1] for field in fields}
    state = state_of(fields, now, before, (step + 1) * dt_s, dt_s)
    terminated = torch.from_numpy((step + 1 == length[episode]) & (step + 1 < step_limit))
    action = torch.as_tensor(arrays["action"][episode, step], dtype=torch.float32)
    return Call(state, action, terminated), episode


def stretched(transitions: Sequence[Call], fields: Sequence[StateField], seed: int) -> Call:
    """Stretch states, every row's distance from the mean by a factor of its own, 1 to MOST_STRETCHED, and mix what was before.

    Where the state before is any other one, a reward for where one is and a potential's difference look nothing alike; where it
    is nearly the same one, hardly anything can tell them apart.
    """
    rows = sum(len(call.action) for call in transitions)
    generator = np.random.default_rng(seed)
    factor, mixed = MOST_STRETCHED ** generator.random(rows), generator.permutation(rows)
    now, before = {}, {}
    for field in fields:
        after = np.concatenate([getattr(call.state, field.name).double().numpy() for call in transitions])
        by = np.ones(rows) if field.kind in DISCRETE else factor
        by = by.reshape(-1, *[1] * (after.ndim - 1))
        centre = after.mean(0)
        now[field.name] = centre + (after - centre) * by
        before[field.name] = now[field.name][mixed]
    time_s = torch.cat([call.state.episode_time_s for call in transitions]).double().numpy()
    dt_s = float(np.diff(np.unique(time_s))[:1].sum())
    action = torch.cat([call.action for call in transitions])
    return Call(state_of(fields, now, before, time_s, dt_s), action, torch.cat([call.terminated for call in transitions]))
