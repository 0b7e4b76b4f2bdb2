"""The `analyse` verb: what happened in the best and the worst episode of each policy, in numbers small enough to read.

Trajectories and scores in, no candidate's code and no fitness: per-stage means of every quantity, and a list of events. The
host compares episodes by them and checks by them what an analyst claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from sandbox.output import EPISODES, TRAJECTORIES, Output

Floats = NDArray[np.floating[Any]]
STAGES = 20
MAX_EVENTS = 12
MARGIN = 0.5
"""A quantity has left its usual range when it is beyond it by this share of the range's width."""
SATURATED = 0.98


class Quantity(NamedTuple):
    """One component of a field: its label, its usual range, and its values (num_episodes, num_steps)."""

    label: str
    low: float
    high: float
    values: Floats


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send `policies`: for each policy of the last checkpoint its worst and its best episode, and `pinned`: the share of all
    action components at their bounds. Keep those episodes whole in `episodes.safetensors`, two a policy, the worst first.

    job: index (as the rollout sent it), fitness (one an episode), fields (name, components, low, high), action_low and
    action_high, step_limit.
    """
    arrays = load(files(TRAJECTORIES))
    length = arrays["length"]
    quantities = list(_quantities(job["fields"], arrays))
    bounds = np.array(job["action_low"]), np.array(job["action_high"])
    policies, kept, pinned = [], [], []
    for first, count in _last_checkpoint(job["index"]):
        order = first + np.argsort(job["fitness"][first : first + count], kind="stable")
        episodes = {}
        for rank, episode in (("worst", int(order[0])), ("best", int(order[-1]))):
            steps = int(length[episode])
            action = arrays["action"][episode, :steps]
            events = sorted([*_events(quantities, episode, steps), *_end(steps, job["step_limit"]), *_effort(action, bounds)])
            episodes[rank] = {
                "fitness": float(job["fitness"][episode]),
                "steps": steps,
                "edges": [int(edge) for edge in _edges(steps)],
                "stages": {quantity.label: _stages(quantity.values[episode], steps) for quantity in quantities},
                "events": [{"step": step, "text": text} for step, text in events[:MAX_EVENTS]],
            }
        policies.append(episodes)
        kept += [int(order[0]), int(order[-1])]
        steps_of = [(e, int(length[e])) for e in range(first, first + count)]
        pinned.append(float(np.mean([_at_bounds(arrays["action"][e, :steps], bounds) for e, steps in steps_of])))
    longest = int(length[kept].max())
    cut = {name: array[kept] if name == "length" else array[kept, :longest] for name, array in arrays.items()}
    output.write(EPISODES, save({name: np.ascontiguousarray(array) for name, array in cut.items()}))
    output.result("ok", policies=policies, pinned=pinned)


def _last_checkpoint(index: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Yield (first episode, number of episodes) of every policy of the last checkpoint."""
    last, at = max(row[0] for row in index), 0
    for checkpoint, _, episodes in index:
        if checkpoint == last:
            yield at, episodes
        at += episodes


def _quantities(fields: Sequence[Mapping[str, Any]], arrays: Mapping[str, Floats]) -> Iterator[Quantity]:
    """Yield every component of every field, labelled `field` or `field[component]`."""
    for field in fields:
        array = arrays[f"state.{field['name']}"]
        flat = array.reshape(*array.shape[:2], -1)
        for k in range(flat.shape[2]):
            labels = field["components"]
            label = f"{field['name']}[{labels[k] if labels else k}]" if array.ndim > 2 else field["name"]
            yield Quantity(label, field["low"][k], field["high"][k], flat[..., k])


def _edges(steps: int) -> NDArray[np.int64]:
    """Return where stages begin and end: up to STAGES + 1 increasing steps, 0 and the length included."""
    return np.unique(np.linspace(0, steps, STAGES + 1).round().astype(np.int64))


def _stages(values: Floats, steps: int) -> list[float]:
    """Return the mean of each stage."""
    edges = _edges(steps)
    return [float(f"{values[a:b].mean():.4g}") for a, b in pairwise(edges)]


def _events(quantities: Sequence[Quantity], episode: int, steps: int) -> Iterator[tuple[int, str]]:
    """Yield the first time that each quantity leaves its usual range, and when it stops moving for good."""
    for name, low, high, all_values in quantities:
        values = all_values[episode, :steps]
        width = max(high - low, 1e-6)
        beyond = np.flatnonzero((values < low - MARGIN * width) | (values > high + MARGIN * width))
        if len(beyond):
            at = int(beyond[0])
            side = "below" if values[at] < low else "above"
            share = len(beyond) / steps
            yield (
                at,
                f"{name} is {values[at]:.3g}, far {side} its usual {low:.3g} to {high:.3g} (so in {share:.0%} of the episode)",
            )
        still = _still_from(values, 0.02 * width)
        if steps - still > 0.25 * steps:
            yield still, f"{name} stays at {values[-1]:.3g} from here to the end"


def _still_from(values: Floats, tolerance: float) -> int:
    """Return the step from which a quantity no longer moves away from its last value."""
    moving = np.flatnonzero(np.abs(values - values[-1]) > tolerance)
    return int(moving[-1]) + 1 if len(moving) else 0


def _end(steps: int, step_limit: int) -> Iterator[tuple[int, str]]:
    if steps < step_limit:
        yield steps, f"the world ends the episode, {steps} of at most {step_limit} steps"


def _effort(action: Floats, bounds: tuple[Floats, Floats]) -> Iterator[tuple[int, str]]:
    """Say how much of the time the actions sit at their bounds, where that is most of it."""
    share = _at_bounds(action, bounds)
    if share > 0.5:
        yield 0, f"{share:.0%} of all action components are at their bounds over the episode"


def _at_bounds(action: Floats, bounds: tuple[Floats, Floats]) -> float:
    """Return the share of action components at their bounds."""
    low, high = bounds
    middle, half = (low + high) / 2, (high - low) / 2
    return float((np.abs(action - middle) >= SATURATED * half).mean())
