"""What a policy is told of its stage: an extra input beside the observation, all zeros where there is no subgoal.

The kinds are those of "Words as Beacons" (Ruiz-Gonzalez et al. 2025), and the plain index. Zeros are what the plain task and
every evaluation have, so an exported policy doesn't have the input: its constant part lies in the first layer's bias.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from envs.state import State, StateField
from sandbox.policy import CLIP_OBSERVATION
from sandbox.ppo import RunningMoments
from sandbox.stages import Plan

InputKind = Literal["index", "object", "position", "language"]
KINDS = get_args(InputKind)
LANGUAGE_SIZE = 32
GRAM = 3


class StageInput:
    """Makes the input (num_envs, size) from each world's stage.

    index: one-hot. object: which of the state's fields the stage is about, those that its `done` reads. position: what these
    fields are at the moment, each squashed to -1..1 (zeros at an episode's first step). language: the stage's name and its
    function's first line as a hashed vector of character n-grams.
    """

    def __init__(self, kind: str, plan: Plan, fields: Sequence[StateField]) -> None:
        if kind not in KINDS:
            raise ValueError(f"stages.input = {kind!r} is not one of {', '.join(KINDS)}")
        self._kind = kind
        self._fields = fields
        self._widths = [math.prod(field.shape) for field in fields]
        stages = len(plan.names)
        sizes = {"index": stages, "object": len(fields), "position": sum(self._widths), "language": LANGUAGE_SIZE}
        self.size = sizes[kind]
        self._table = torch.zeros(stages + 1, self.size)
        if kind == "index":
            self._table[:-1] = torch.eye(stages)
        if kind == "language":
            self._table[:-1] = torch.stack([hashed(text) for text in plan.words])

    @property
    def needs_fields(self) -> bool:
        """Whether it must be told which fields the stages read."""
        return self._kind in ("object", "position")

    def read(self, fields: Sequence[set[str]]) -> None:
        """Take in which fields each stage's `done` reads."""
        for stage, names in enumerate(fields):
            marks = [[float(field.name in names)] * width for field, width in zip(self._fields, self._each(), strict=True)]
            self._table[stage] = torch.tensor([mark for field in marks for mark in field])

    def _each(self) -> list[int]:
        return self._widths if self._kind == "position" else [1] * len(self._fields)

    def of(self, shown: Tensor, state: State | None) -> Tensor:
        """Return the input: shown (num_envs,) counts stages from 0, their number means none. `state`: None at a start."""
        told = self._table[shown]
        if self._kind != "position":
            return told
        if state is None:
            return torch.zeros_like(told)
        values = torch.cat(
            [
                getattr(state, field.name).flatten(1) if field.shape else getattr(state, field.name).unsqueeze(1)
                for field in self._fields
            ],
            1,
        )
        return told * values / (1 + values.abs())

    def state(self) -> dict[str, Tensor]:
        return {"input": self._table.clone()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self._table = state["input"]


def hashed(text: str) -> Tensor:
    """Return a text's character n-grams, hashed with signs into LANGUAGE_SIZE numbers of length 1 (Weinberger et al. 2009)."""
    vector = torch.zeros(LANGUAGE_SIZE)
    padded = f" {text} "
    for start in range(len(padded) - GRAM + 1):
        code = zlib.crc32(padded[start : start + GRAM].encode())
        vector[code % LANGUAGE_SIZE] += 1.0 if code & 0x8000_0000 else -1.0
    return vector / max(float(vector.norm()), 1e-6)


class LeavesStage(RunningMoments):
    """Moments of an observation whose last numbers tell the stage: those are handed on as they are."""

    def __init__(self, policies: int, components: int, stage_inputs: int) -> None:
        super().__init__(policies, components)
        self._stage = slice(components - stage_inputs, None)

    def update(self, batch: Tensor) -> None:
        super().update(batch)
        self.mean[:, self._stage], self.variance[:, self._stage] = 0.0, 1.0


def without_stage(policy: Mapping[str, Tensor], stage_inputs: int) -> dict[str, Tensor]:
    """Return a policy (P, ...) that acts as this one does where no stage is told: without those inputs."""
    if not stage_inputs:
        return dict(policy)
    mean, std = policy["normaliser.mean"], policy["normaliser.std"]
    kept = mean.shape[1] - stage_inputs
    told = (-mean[:, kept:] / std[:, kept:]).clamp(-CLIP_OBSERVATION, CLIP_OBSERVATION)
    weight, bias = policy["actor.0.weight"], policy["actor.0.bias"]
    constant = torch.einsum("pi,pio->po", told, weight[:, kept:])
    return {
        **policy,
        "actor.0.weight": weight[:, :kept].clone(),
        "actor.0.bias": bias + constant,
        "normaliser.mean": mean[:, :kept].clone(),
        "normaliser.std": std[:, :kept].clone(),
    }
