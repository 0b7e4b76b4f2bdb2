"""Variants of a world, such as sizes of a grid: which of them a training plays, what its box tells of that, and schedules kept.

A schedule is what a winner's trainings played over time. A later run of a similar task with the same variants may draw half of
its episodes by it (`variants.memory`); an earlier learner is the nearer, the more alike are the tasks and the learners.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from designer.aid_settings import VariantsConfig
from designer.errors import ConfigError, did_you_mean
from designer.record import Record
from designer.text import one_line

MAX_VARIANTS, MAX_POINTS, MAX_NAME = 32, 40, 80
LEAST_SHARE = 0.005


class VariantPoint(Record):
    """How often each variant was drawn from a share `at` of a training on, and how its last episodes came out: None unknown."""

    at: float
    shares: tuple[float, ...]
    reached: tuple[float | None, ...]


class VariantLog(Record):
    """What one policy's episodes played, as its own box reported it: text for people, never a score.

    names: the task's own variant first. steps: each one's share of all environment steps.
    """

    names: tuple[str, ...]
    steps: tuple[float, ...]
    points: tuple[VariantPoint, ...] = ()


class Schedule(Record):
    """How often each variant was drawn from shares `at` of a training on: means over a winner's final trainings.

    learner: what else shaped that learning (steps, parallel worlds, horizon of the discount), by which learners are compared.
    """

    names: tuple[str, ...]
    at: tuple[float, ...]
    shares: tuple[tuple[float, ...], ...]
    learner: dict[str, float]
    rule: str
    origin: str = ""

    def for_names(self, names: Sequence[str]) -> dict[str, Any]:
        """Return it as a training job says it, for the same variants in another order."""
        places = [self.names.index(name) for name in names]
        return {"at": list(self.at), "shares": [[row[place] for place in places] for row in self.shares]}


class Learner(NamedTuple):
    """What shapes a learner, beside its reward and its seed."""

    steps: int
    num_envs: int
    gamma: float

    @property
    def profile(self) -> dict[str, float]:
        return {"steps": self.steps, "num_envs": self.num_envs, "discount horizon": 1 / (1 - self.gamma)}


def chosen(config: VariantsConfig, declared: Sequence[str], world: str) -> tuple[str, ...]:
    """Return the variants that candidates' trainings play, the task's own first; () where it alone is. Raises ConfigError."""
    if config.rule == "off":
        return ()
    if len(declared) < 2:
        raise ConfigError(
            f"variants.rule = {config.rule}, but {world} declares no variants. docs/curricula.md shows how a world does; "
            "or leave variants.rule off."
        )
    own, *others = declared
    wanted = [name.strip() for name in config.among.split(",") if name.strip()] or others
    for name in wanted:
        if name not in declared:
            raise ConfigError(
                f"variants.among names {one_line(name, MAX_NAME)!r}, which is no variant of {world}."
                f"{did_you_mean(name, declared)} It has: {', '.join(declared)}."
            )
    return tuple(dict.fromkeys((own, *wanted)))


def for_the_trainer(config: VariantsConfig, names: Sequence[str], schedule: Schedule | None) -> dict[str, Any]:
    """Return what a training job says of variants."""
    said: dict[str, Any] = {"rule": config.rule, "names": list(names), "own": config.own}
    fits = schedule is not None and set(schedule.names) == set(names)
    return {**said, "schedule": schedule.for_names(names)} if fits and schedule is not None else said


def read_log(told: object) -> VariantLog | None:
    """Read what a training box says of its variants: text, whatever it holds. None where it says nothing, or nonsense.

    Raises pydantic's ValidationError, KeyError, TypeError where it is nothing of the kind.
    """
    if not isinstance(told, Mapping):
        return None
    names = [one_line(str(name), MAX_NAME) for name in told["names"][:MAX_VARIANTS]]
    found = VariantLog.model_validate({**told, "names": names, "points": told["points"][:MAX_POINTS]})
    size = len(names)
    fits = size > 1 and len(set(names)) == size and len(found.steps) == size
    return found if fits and all(len(p.shares) == len(p.reached) == size for p in found.points) else None


def sentences(log: VariantLog | None) -> list[str]:
    """Say what was played, and how each variant's episodes came out in the end."""
    if log is None:
        return []
    played = ", ".join(
        f"{share:.0%} in {name}" for name, share in zip(log.names, log.steps, strict=True) if share > LEAST_SHARE
    )
    said = [f"Of all steps {played} (the task's own is {log.names[0]})."]
    if log.points:
        last = zip(log.names, log.points[-1].reached, strict=True)
        outcomes = ", ".join(f"{name} {value:.3g}" for name, value in last if value is not None)
        said += [f"Outcome of each variant's last episodes, as its box tells it: {outcomes}."] if outcomes else []
    return said


def schedule_of(logs: Sequence[VariantLog], learner: Learner, rule: str, origin: str) -> Schedule | None:
    """Return the mean of what a winner's trainings played, or None where they tell of nothing that can be put together."""
    first = logs[0] if logs else None
    if first is None or not first.points or any(log.names != first.names for log in logs):
        return None
    points = min(len(log.points) for log in logs)
    means = [
        tuple(round(sum(column) / len(logs), 4) for column in zip(*(log.points[k].shares for log in logs), strict=True))
        for k in range(points)
    ]
    at = tuple(point.at for point in first.points[:points])
    sound = all(math.isclose(sum(row), 1, abs_tol=0.01) and min(row) >= 0 for row in means) and at == tuple(sorted(at))
    if not sound:
        return None
    return Schedule(names=first.names, at=at, shares=tuple(means), learner=learner.profile, rule=rule, origin=origin)


def nearness(schedule: Schedule, learner: Learner) -> float:
    """Return how alike two learners are, 0 to 1: each fact's ratio, the smaller by the larger, multiplied."""
    alike = 1.0
    for name, ours in learner.profile.items():
        theirs = schedule.learner.get(name, 0.0)
        alike *= min(ours, theirs) / max(ours, theirs) if min(ours, theirs) > 0 else 0.0
    return alike
