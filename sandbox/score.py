"""The `score` verb: a fitness and trajectories in, one number an episode out. No policy and no candidate's code is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from sandbox.measure import MeasureError, Trajectories, measure_episodes
from sandbox.output import TRAJECTORIES, Output


def run(job: Mapping[str, Any], files: Callable[[str], bytes], output: Output) -> None:
    """Send the fitness, the success and the length of every episode.

    job: fitness and success (a measure's spec, or null), dt_s, step_limit, where the task has an order of factors their
    measures, and `scripted` episodes where a fitness is tried out rather than applied to trajectories.safetensors. A measure
    that fails is reported as `rejected`.
    """
    arrays = scripted(job["scripted"], job["step_limit"]) if job.get("scripted") else load(files(TRAJECTORIES))
    fields = {name.removeprefix("state."): array for name, array in arrays.items() if name.startswith("state.")}
    trajectories = Trajectories(fields, arrays["action"], arrays["length"], job["dt_s"], job["step_limit"])
    try:
        fitness = measure_episodes(job["fitness"], trajectories)
        success = measure_episodes(job["success"], trajectories) if job["success"] else None
        factors = _factors(job.get("factors", ()), trajectories)
    except MeasureError as error:
        output.result("rejected", str(error))
        return
    output.result(
        "ok",
        fitness=fitness.tolist(),
        success=None if success is None else (np.asarray(success) > 0.5).tolist(),
        length=arrays["length"].tolist(),
        **({"factors": factors} if factors else {}),
    )


def _factors(measures: Sequence[Mapping[str, Any]], trajectories: Trajectories) -> list[list[float]]:
    """Apply the factors of an order: [factor][episode]. Raises MeasureError that says which one it was."""
    found = []
    for number, measure in enumerate(measures, start=1):
        try:
            found.append(measure_episodes(measure, trajectories).tolist())
        except MeasureError as error:
            raise MeasureError(f"factor {number} of the order: {error}") from None
    return found


def scripted(episodes: Sequence[Mapping[str, Any]], steps: int) -> dict[str, NDArray[Any]]:
    """Make episodes of full length in which every component keeps one value.

    episodes: fields (name -> one value a component), shapes (name -> shape) and actions (how many components; all zero).
    """
    first = episodes[0]
    arrays: dict[str, NDArray[Any]] = {
        f"state.{name}": np.stack(
            [np.broadcast_to(np.reshape(episode["fields"][name], shape), (steps, *shape)) for episode in episodes]
        ).astype(np.float64)
        for name, shape in first["shapes"].items()
    }
    arrays["action"] = np.zeros((len(episodes), steps, first["actions"]))
    arrays["length"] = np.full(len(episodes), steps)
    return arrays
