"""The `explain` verb: what a reward pays in episodes that were played without it. Untrusted: a candidate's code runs here.

No fitness is here. What this box says of the reward's terms is held against the fitness elsewhere, and is text or a reason not
to train; it never raises a score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load
from torch import Tensor

from envs.state import StateField
from sandbox.faults import CandidateFault
from sandbox.output import Output
from sandbox.reward import Reward
from sandbox.transitions import episode_steps

AT_AN_END = 0.02
"""A value within this share of a term's range, from its lowest or highest, is at an end of it."""


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send, for each term, its mean a step in every episode, and how much of the time it sits at one end of its range.

    job: entry, parts (how many files `episodes-<k>.safetensors` there are), fields (as in the state table), dt_s, step_limit,
    gamma. An episode's first step is left out.
    """
    fields = [_field(field) for field in job["fields"]]
    parts = [load(files(f"episodes-{k}.safetensors")) for k in range(job["parts"])]
    means: list[np.ndarray[Any, Any]] = []
    values: list[Tensor] = []
    try:
        reward = Reward(files("reward.py").decode("utf-8"), job["entry"], job["gamma"])
        for arrays in parts:
            call, episode = episode_steps(arrays, fields, job["dt_s"], job["step_limit"])
            terms = reward.terms(call.state, call.action, call.terminated)
            stacked = torch.stack(list(terms.values())).double()
            means.append(_by_episode(stacked, episode, len(arrays["length"])))
            values.append(stacked)
            names = list(terms)
    except CandidateFault as fault:
        output.result(fault.status, fault.message, line=fault.line)
        return
    ends = _at_an_end(torch.cat(values, 1))
    every = np.concatenate(means, axis=1)
    told = [{"name": name, "episodes": every[k].tolist(), "saturated": ends[k]} for k, name in enumerate(names)]
    output.result("ok", terms=told)


def _field(told: Mapping[str, Any]) -> StateField:
    known = {name: told[name] for name in ("name", "unit", "frame", "kind", "sentence")}
    return StateField(**known, shape=tuple(told["shape"]), components=tuple(told["components"]))


def _by_episode(terms: Tensor, episode: np.ndarray[Any, Any], episodes: int) -> np.ndarray[Any, Any]:
    """Return each term's mean in every episode: (terms, episodes). An episode of a single step has none and counts as 0."""
    sums = np.stack([np.bincount(episode, weights=term.numpy(), minlength=episodes) for term in terms])
    return np.asarray(sums / np.maximum(np.bincount(episode, minlength=episodes), 1))


def _at_an_end(terms: Tensor) -> Sequence[float]:
    """Return the share of steps at which each term is at the end of its range where it is most often; 0 for a constant."""
    low, high = terms.amin(1, keepdim=True), terms.amax(1, keepdim=True)
    room = AT_AN_END * (high - low)
    shares = torch.maximum((terms <= low + room).double().mean(1), (terms >= high - room).double().mean(1))
    return [float(share) if moves else 0.0 for share, moves in zip(shares, (high > low).flatten(), strict=True)]
