"""The gates of one policy's curriculum: when it goes on to the next stage, falls back, leaves a stage out, or is given up.

    go on       the lower end of the interval of the success of the last episodes is at least PASS
    leave out   after a third of its share of the training a stage is reached in less than UNREACHABLE of the episodes
    give up     a stage's share is spent: the next stage begins, and what is hardly ever reached is left out
    fall back   an earlier stage's success is, by the upper end of its interval, below FORGOTTEN
    drop        after the trial: episodes with subgoals bring less of the plain reward than those without, or not more while
                no stage was ever passed

Gates read `done` and the reward in the candidate's own box: they steer its training, and can't move its fitness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

WINDOW = 50
PASS, FORGOTTEN, UNREACHABLE, HARDLY = 0.7, 0.5, 0.05, 0.2
PATIENCE = 0.3
TRIAL = 0.25
"""The share of the training after which a curriculum must have shown that it helps."""
Z = 1.96


class Rate(NamedTuple):
    """How often a stage was reached in its last `count` attempts."""

    reached: int = 0
    count: int = 0

    @property
    def share(self) -> float:
        return self.reached / self.count if self.count else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of Wilson (1927)."""
        if not self.count:
            return 0.0, 1.0
        n, p = self.count, self.share
        middle, width = p + Z * Z / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)

    @property
    def is_full(self) -> bool:
        return self.count >= WINDOW


class Returns(NamedTuple):
    """What the plain reward came to in `count` episodes: mean and variance of their sums."""

    mean: float = 0.0
    variance: float = 0.0
    count: int = 0


def above(first: Returns, second: Returns) -> int:
    """Return 1 where the first mean is above the second beyond Welch's 95 % interval, -1 where below, else 0."""
    if min(first.count, second.count) < 2:
        return 0
    error = math.sqrt(first.variance / first.count + second.variance / second.count)
    difference = first.mean - second.mean
    if abs(difference) <= Z * error or difference == 0:
        return 0
    return 1 if difference > 0 else -1


@dataclass
class Gate:
    """What one policy's curriculum has come to. `level` is the stage in training; as many as there are stages means the task.

    spent: the share of the training that each stage had. status: how each stage ended. events: what happened when, in order.
    `gated` off: stages follow each other by success alone, whatever they cost: to compare with.
    """

    names: tuple[str, ...]
    shares: tuple[float, ...]
    gated: bool = True
    level: int = 0
    dropped: bool = False
    tried: bool = False
    spent: list[float] = field(default_factory=list)
    status: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spent = self.spent or [0.0] * len(self.names)
        self.status = self.status or [""] * len(self.names)

    @property
    def stages(self) -> list[int]:
        """The stages that are pursued now, in order: none where the curriculum was dropped."""
        if self.dropped:
            return []
        return [stage for stage in range(min(self.level + 1, len(self.names))) if self.status[stage] != "skipped"]

    def look(self, progress: float, passed: float, rates: Sequence[Rate], guided: Returns, plain: Returns) -> bool:
        """Decide what is next; say whether anything changed.

        progress: the share of the training that is done, `passed` of it since the last look. rates: of each stage with its
        subgoal shown. guided, plain: the plain reward's episodes with all open subgoals and with none.
        """
        before = (self.level, self.dropped, list(self.status))
        if self.level < len(self.names) and not self.dropped:
            self.spent[self.level] += passed
            self._judge_level(progress, rates[self.level])
        if self.gated and not self.dropped:
            self._fall_back(progress, rates)
            self._try(progress, guided, plain)
        return before != (self.level, self.dropped, self.status)

    def _judge_level(self, progress: float, rate: Rate) -> None:
        spent, share = self.spent[self.level], self.shares[self.level]
        if rate.is_full and rate.interval[0] >= PASS:
            self._end(progress, "passed", rate)
        elif not self.gated:
            return
        elif rate.is_full and spent >= PATIENCE * share and rate.share < UNREACHABLE:
            self._end(progress, "skipped", rate)
        elif spent >= share:  # where episodes are long, no attempt may have had its time: that says nothing against the stage
            self._end(progress, "skipped" if rate.count and rate.share < HARDLY else "spent", rate)

    def _end(self, progress: float, status: str, rate: Rate) -> None:
        self.status[self.level] = status
        self._tell(progress, status, self.level, rate)
        self.level = next((k for k in range(self.level + 1, len(self.names)) if not self.status[k]), len(self.names))

    def _fall_back(self, progress: float, rates: Sequence[Rate]) -> None:
        for stage in range(min(self.level, len(self.names))):
            rate, has_share = rates[stage], self.spent[stage] < self.shares[stage]
            if self.status[stage] == "passed" and has_share and rate.is_full and rate.interval[1] < FORGOTTEN:
                self._tell(progress, "forgotten", stage, rate)
                for later in range(stage, len(self.names)):
                    self.status[later] = "" if self.status[later] == "passed" else self.status[later]
                self.level = stage
                return

    def _try(self, progress: float, guided: Returns, plain: Returns) -> None:
        """Drop a curriculum that doesn't help: with its subgoals episodes bring no more of the plain reward than without."""
        finished = self.level >= len(self.names)  # what is left is the task itself
        if finished or progress < TRIAL or min(guided.count, plain.count) < WINDOW:
            return
        found = above(guided, plain)
        fruitless = not self.tried and found < 1 and "passed" not in self.status
        self.tried = True
        if found < 0 or fruitless:
            self.dropped = True
            self._tell(progress, "dropped", self.level, Rate(), guided=guided.mean, plain=plain.mean)

    def _tell(self, progress: float, what: str, stage: int, rate: Rate, **more: float) -> None:
        event = {"at": progress, "what": what, "stage": stage, "reached": rate.reached, "of": rate.count}
        self.events.append({**event, **more})

    def state(self) -> dict[str, Any]:
        """Return what `restored` needs, as JSON."""
        return asdict(self)


def restored(state: dict[str, Any]) -> Gate:
    """Return the gate that was kept."""
    return Gate(**{**state, "names": tuple(state["names"]), "shares": tuple(state["shares"])})
