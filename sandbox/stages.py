"""The stages of a curriculum: read from a candidate's file, and asked as strictly as its reward.

A file may define `STAGES = [Stage(name, done, reward, share), ...]`, the subgoals before the task itself; `reward` is the last
phase. `done(s)` says, (num_envs,) of bool, in which worlds a stage is reached.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from envs.state import State
from sandbox.faults import CandidateFault
from sandbox.reward import Call, Reward, Stage
from sandbox.terms import MAX_NAME, Terms

MAX_STAGES = 4
LAST_PHASE = 0.2
"""The share of a training that belongs to the plain task alone: stages have the rest."""


class Plan(NamedTuple):
    """A curriculum's stages. shares: of the training that each may take; names and numbers are the harness's own."""

    names: tuple[str, ...]
    shares: tuple[float, ...]
    words: tuple[str, ...]


class Dones(Reward):
    """All `done` functions of a file as one question: a term of 0 or 1 for each stage. Raises CandidateFault."""

    def __init__(self, source: str) -> None:
        super().__init__(source, "reward")
        self.plan, self.stages = _read(self.defined.get("STAGES"))

    def _asked(self, call: Call) -> Terms:
        num_envs = call.action.shape[0]
        said = [self._guarded(lambda stage=stage: stage.done(call.state)) for stage in self.stages]
        values = [
            held(f"done of the stage {name!r}", value, num_envs) for name, value in zip(self.plan.names, said, strict=True)
        ]
        return Terms(self.plan.names, torch.stack(values))

    def fields_read(self, state: State) -> list[set[str]]:
        """Return which fields each stage's `done` reads of a state."""
        found = []
        for stage in self.stages:
            used = state.copy()
            with self._surroundings, torch.no_grad():
                self._guarded(lambda stage=stage, used=used: stage.done(used))
            found.append({name.removeprefix("prev.") for name, _ in used.seen()})
        return found


class StageReward(Reward):
    """What a stage pays by a function of its own, without the file's potential."""

    def __init__(self, source: str, gamma: float, stage: int) -> None:
        super().__init__(source, "reward", gamma)
        own = _read(self.defined.get("STAGES"))[1][stage].reward
        if own is not None:
            self._reward, self._potential = own, None


def _read(stages: Any) -> tuple[Plan, list[Stage]]:
    """Take the list that a candidate's file defines, or say what is wrong with it."""
    if type(stages) not in (list, tuple) or not 1 <= len(stages) <= MAX_STAGES:
        what = f"{len(stages)} stages" if type(stages) in (list, tuple) else f"a {type(stages).__name__}"
        raise CandidateFault("rejected", f"STAGES is {what}; it must be a list of 1 to {MAX_STAGES} of Stage(name, done)")
    for place, stage in enumerate(stages):
        _check_stage(place, stage)
    names = tuple(stage.name for stage in stages)
    if len(set(names)) < len(names):
        raise CandidateFault("rejected", f"two stages have the same name: {', '.join(names)}")
    return Plan(names, _shares([stage.share for stage in stages]), tuple(map(_words, stages))), list(stages)


def _check_stage(place: int, stage: Any) -> None:
    where = f"STAGES[{place}]"
    if type(stage) is not Stage:
        raise CandidateFault("rejected", f"{where} is a {type(stage).__name__}; write Stage(name, done)")
    if type(stage.name) is not str or not stage.name.isidentifier() or len(stage.name) > MAX_NAME:
        raise CandidateFault("rejected", f"the name of {where} is no identifier; write a short_name")
    if not isinstance(stage.done, FunctionType) or not isinstance(stage.reward, FunctionType | None):
        raise CandidateFault("rejected", f"{where} holds no functions; write Stage(name, done) or Stage(name, done, reward)")
    if stage.share is not None and (type(stage.share) not in (int, float) or not 0 < stage.share <= 1 - LAST_PHASE):
        raise CandidateFault("rejected", f"the share of {where} must be above 0 and at most {1 - LAST_PHASE:g}")


def _shares(given: list[float | None]) -> tuple[float, ...]:
    """Return the share of the training that each stage may take: as given, the rest evenly, shrunk to leave the last phase."""
    free, stated = given.count(None), sum(share for share in given if share is not None)
    rest = max(0.0, 1 - LAST_PHASE - stated)
    shares = [share if share is not None else max(rest / free, 0.05) for share in given]
    shrink = min(1.0, (1 - LAST_PHASE) / sum(shares))
    return tuple(share * shrink for share in shares)


def _words(stage: Stage) -> str:
    """Return a stage as an instruction: its name's words, and its function's first line where it has one."""
    text = stage.done.__doc__
    line = text.strip().partition("\n")[0][:200] if type(text) is str else ""
    return f"{stage.name.replace('_', ' ')} {line}".strip().lower()


def held(where: str, value: Any, num_envs: int) -> Tensor:
    """Return a condition as 0 or 1, (num_envs,), or say what is wrong with it; `where` names it. Raises CandidateFault."""
    if type(value) is not Tensor:
        raise CandidateFault("rejected", f"{where} returned a {type(value).__name__}; it must be a Tensor (num_envs,) of bool")
    if value.dtype != torch.bool:
        raise CandidateFault("rejected", f"{where} has dtype {value.dtype}; it must be torch.bool: write a comparison")
    if value.shape != (num_envs,):
        raise CandidateFault("rejected", f"{where} has shape {tuple(value.shape)}; it must be (num_envs,) = ({num_envs},)")
    if value.layout != torch.strided or value.device.type == "meta":
        raise CandidateFault("rejected", f"{where} is {value.layout} on {value.device}; it must be a plain tensor")
    return Tensor.to(value, torch.float32)
