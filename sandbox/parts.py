"""Take the paused training of several candidates apart, and put paused trainings together. Each part could go on alone.

A state is what `Training.state` returns: named tensors in named groups. Shapes: P policies, N worlds a policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from sandbox.checkpoint import from_text, text

State = Mapping[str, Mapping[str, Tensor]]

POLICY_AXIS = {"parameters": 1, "adam.first": 1, "adam.second": 1}
SAME_FOR_ALL = ("adam.steps", "observations.count", "returns.count")
"""Of a learner's state: where policies aren't along the first axis, and what counts steps, which all policies do together."""
GENERATORS = "generators"
"""Of a world's state: JSON, one entry a group of worlds. All else has a row a world."""


def policies_of(state: State, rows: slice) -> dict[str, dict[str, Tensor]]:
    """Return the learner, the worlds, the kept policies and the observations of some of a state's policies."""
    total = state["learner"]["learning_rate"].shape[0]
    return {
        "learner": {name: _learners(name, value, rows) for name, value in state["learner"].items()},
        "world": {name: _worlds(name, value, rows, total) for name, value in state["world"].items()},
        "kept": {name: value[rows] for name, value in state.get("kept", {}).items()},
        "training": {"observation": state["training"]["observation"][rows]},
    }


def together(states: Sequence[State]) -> dict[str, dict[str, Tensor]]:
    """Return the same of several states as one, in their order. They were paused at the same step."""
    parts = {part: [state.get(part, {}) for state in states] for part in ("learner", "world", "kept")}
    return {
        "learner": {name: _joined_learners(name, [s[name] for s in parts["learner"]]) for name in parts["learner"][0]},
        "world": {name: _joined_worlds(name, [s[name] for s in parts["world"]]) for name in parts["world"][0]},
        "kept": {name: torch.cat([s[name] for s in parts["kept"]]) for name in parts["kept"][0]},
        "training": {"observation": torch.cat([s["training"]["observation"] for s in states])},
    }


def _learners(name: str, value: Tensor, rows: slice) -> Tensor:
    if name in SAME_FOR_ALL:
        return value
    axis = POLICY_AXIS.get(name, 0)
    return value.narrow(axis, rows.start, rows.stop - rows.start)


def _joined_learners(name: str, values: Sequence[Tensor]) -> Tensor:
    if name in SAME_FOR_ALL:
        if any(not torch.equal(value, values[0]) for value in values):
            raise ValueError(f"the trainings were not paused at the same step: {name} differs")
        return values[0]
    return torch.cat(list(values), POLICY_AXIS.get(name, 0))


def _worlds(name: str, value: Tensor, rows: slice, policies: int) -> Tensor:
    if name == GENERATORS:
        return text(from_text(value)[rows])
    worlds = value.shape[0] // policies
    if value.shape[0] % policies:
        raise ValueError(f"the world's state can't be taken apart: {name} has {value.shape[0]} rows for {policies} policies")
    return value[rows.start * worlds : rows.stop * worlds]


def _joined_worlds(name: str, values: Sequence[Tensor]) -> Tensor:
    if name == GENERATORS:
        return text([generator for value in values for generator in from_text(value)])
    return torch.cat(list(values))
