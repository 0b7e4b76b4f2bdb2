"""What a training box tells of a curriculum: its stages, what their gates decided, and its way through the training."""

from __future__ import annotations

from typing import Literal

from designer.record import Record


class StageEnd(Record):
    """What one stage of a curriculum came to. share, spent: of the training. status: "" where it was never begun.

    retained: how often the last episodes of the plain task reached it.
    """

    name: str
    share: float
    spent: float
    status: Literal["", "begun", "passed", "spent", "skipped"]
    retained: float | None = None


class GateEvent(Record):
    """What a gate decided at a share of the training: `stage` counts from 0, `reached` of the last `of` attempts."""

    at: float
    what: Literal["passed", "spent", "skipped", "forgotten", "dropped"]
    stage: int
    reached: int
    of: int
    guided: float | None = None
    plain: float | None = None


class CoursePoint(Record):
    """Which stage was in training at a share of it (as many as there are stages: the task), and how often each was reached."""

    at: float
    level: int
    reached: tuple[float | None, ...]


class CourseLog(Record):
    """How one policy's curriculum went, as its own box reported it: text for people and prompts, never a score."""

    stages: tuple[StageEnd, ...]
    events: tuple[GateEvent, ...] = ()
    points: tuple[CoursePoint, ...] = ()
