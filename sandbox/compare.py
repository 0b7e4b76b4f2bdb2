"""The `compare` verb: how far apart rewards are, by what each was paid in its own box. No candidate's code is here.

The transitions are the probe's; this box plays them again, so a candidate's box can say nothing but what it pays for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from envs import worlds
from sandbox.likeness import Canonical, Ruler, distance
from sandbox.output import Output
from sandbox.probe import Play, random_play
from sandbox.reward import Call

DISAGREEMENTS = 3


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send the distance of every new reward to the nearest one that comes before it in the list, and where the two differ.

    job: world, seed, gamma; rewards: each {"play": [...], "wide": [...] or null} as its probe said; first: which of them is the
    first new one. The larger of the two distances counts; one that wasn't paid on the stretched transitions has no distance.
    """
    play = random_play(job["world"], job["seed"])
    fields = worlds.make(job["world"], 1).spec.fields
    call = _joined(play)
    rulers = {"play": Ruler(call, fields, job["gamma"], job["seed"])}
    if play.wide is not None:
        rulers["wide"] = Ruler(play.wide, fields, job["gamma"], job["seed"])
    forms = [{name: ruler.canonical(one[name]) for name, ruler in rulers.items() if one[name]} for one in job["rewards"]]
    found = [_nearest(forms, k) for k in range(job["first"], len(forms))]
    differ = [_differ(forms[nearest["to"]], forms[k], play) if nearest else [] for k, nearest in enumerate(found, job["first"])]
    output.result("ok", nearest=found, differ=differ, centred=rulers["play"].centred)


def _nearest(forms: Sequence[Mapping[str, Canonical]], k: int) -> dict[str, Any] | None:
    """Return {"to", "distance"} of the nearest of those before the k-th, or None."""
    apart = [
        (max(distance(forms[k][name], other[name]) for name in other), index)
        for index, other in enumerate(forms[:k])
        if other.keys() == forms[k].keys()
    ]
    if not apart:
        return None
    nearest, index = min(apart)
    return {"to": index, "distance": nearest}


def _joined(play: Play) -> Call:
    """Return all transitions of random play as one call; its terminations decide whether a constant matters."""
    states = [call.state for call in play.transitions]
    return Call(
        _Joined(states, [state.prev for state in states]),  # type: ignore[arg-type] # reads like a State
        torch.cat([call.action for call in play.transitions]),
        torch.cat([call.terminated for call in play.transitions]),
    )


class _Joined:
    """Several states one after the other: reads like a State of all their worlds."""

    def __init__(self, states: Sequence[Any], before: Sequence[Any] | None = None) -> None:
        self._states = states
        self.prev = _Joined(before) if before is not None else self

    def __getattr__(self, name: str) -> torch.Tensor:
        return torch.cat([getattr(state, name) for state in self._states])


def _differ(one: Mapping[str, Canonical], other: Mapping[str, Canonical], play: Play) -> list[dict[str, Any]]:
    """Return the transitions of random play that the two rank most differently: the state, and both rewards in their spread."""
    apart = other["play"].paid - one["play"].paid
    worlds_a_step = len(play.transitions[0].action)
    spread = np.sqrt(len(apart))
    found = []
    for index in (int(k) for k in np.argsort(-np.abs(apart))[:DISAGREEMENTS]):
        step, world = divmod(index, worlds_a_step)
        state = play.transitions[step].state
        values = {name: [float(f"{v:.4g}") for v in getattr(state, name)[world].reshape(-1).tolist()] for name in play.fields}
        paid = {"first": float(one["play"].paid[index] * spread), "second": float(other["play"].paid[index] * spread)}
        found.append({"state": values, **paid})
    return found
