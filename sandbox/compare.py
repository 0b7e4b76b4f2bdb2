"""The `compare` verb: how far apart rewards are, by what each was paid in its own box. No candidate's code is here.

The transitions are the probe's; this box plays them again, so a candidate's box can say nothing but what it pays for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs import worlds
from sandbox.likeness import Canonical, Ruler, distance
from sandbox.output import Output
from sandbox.probe import Play, random_play

DISAGREEMENTS = 3


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send the distance of every new reward to the nearest one that comes before it in the list, and where the two differ.

    job: world, seed, gamma; rewards: each {"play": [...], "wide": [...] or null} as its probe said; first: which of them is the
    first new one. A reward that couldn't be paid on the stretched transitions has no distance.
    """
    play = random_play(job["world"], job["seed"])
    ends = any(bool(call.terminated.any()) for call in play.transitions)
    ruler = Ruler(play.wide, worlds.make(job["world"], 1).spec.fields, job["gamma"], job["seed"], centred=not ends)
    rewards = job["rewards"]
    forms = [ruler.canonical(one["wide"]) if one["wide"] else None for one in rewards]
    found = [_nearest(forms, k) for k in range(job["first"], len(forms))]
    differ = [
        _differ(rewards[nearest["to"]]["play"], rewards[k]["play"], play) if nearest else []
        for k, nearest in enumerate(found, job["first"])
    ]
    output.result("ok", nearest=found, differ=differ, centred=ruler.centred)


def _nearest(forms: Sequence[Canonical | None], k: int) -> dict[str, Any] | None:
    """Return {"to", "distance"} of the nearest of those before the k-th, or None."""
    own = forms[k]
    apart = [(distance(own, other), index) for index, other in enumerate(forms[:k]) if own and other]
    if not apart:
        return None
    nearest, index = min(apart)
    return {"to": index, "distance": nearest}


def _differ(one: Sequence[float], other: Sequence[float], play: Play) -> list[dict[str, Any]]:
    """Return the transitions of random play that the two rank most differently: the state, and both rewards in their spread."""
    first, second = _spread(one), _spread(other)
    worlds_a_step = len(play.transitions[0].action)
    found = []
    for index in (int(k) for k in np.argsort(-np.abs(second - first))[:DISAGREEMENTS]):
        step, world = divmod(index, worlds_a_step)
        state = play.transitions[step].state
        values = {name: [float(f"{v:.4g}") for v in getattr(state, name)[world].reshape(-1).tolist()] for name in play.fields}
        found.append({"state": values, "first": float(first[index]), "second": float(second[index])})
    return found


def _spread(rewards: Sequence[float]) -> NDArray[np.float64]:
    """Return rewards as distances from their mean, in standard deviations."""
    values = np.asarray(rewards, dtype=np.float64)
    return np.asarray((values - values.mean()) / (values.std() or 1.0))
