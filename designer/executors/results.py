"""What a box says in its result, checked before anything relies on it: shapes, counts and ranges, not only syntax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from designer.errors import SandboxError
from designer.records import StateTable

Count = Annotated[int, Field(ge=0)]
Several = Annotated[int, Field(ge=1)]
Base64 = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
Model = TypeVar("Model", bound=BaseModel)
JPEG, MAX_STILL_CHARS = "/9j/", 400_000
"""How every JPEG begins in base64, and the longest still that is passed on."""
CONSEQUENCE = "Nothing was scored; does the run's code/ folder hold another version of the worker?"


class Part(NamedTuple):
    """The next `episodes` episodes of a rollout belong to this checkpoint of this policy; both count from 0."""

    checkpoint: Count
    policy: Count
    episodes: Several


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Played(_Result):
    """What a rollout says of its trajectories."""

    index: tuple[Part, ...]

    @property
    def episodes(self) -> int:
        return sum(part.episodes for part in self.index)


class Scored(_Result):
    """What a score box says: one entry an episode. `success` is None where the task names none. `length` is in steps."""

    fitness: tuple[float, ...]
    success: tuple[bool, ...] | None
    length: tuple[Several, ...]


class Transition(_Result):
    """One step of random play as a candidate's box paid it: text for a critic, never a score."""

    total: float
    terms: dict[str, float]
    state: dict[str, tuple[float, ...]]
    action: tuple[float, ...]


class TermRange(_Result):
    """A term over random play."""

    name: str
    mean: float
    std: float
    low: float
    high: float


class _Extremes(_Result):
    highest: Transition
    lowest: Transition


class Probed(_Result):
    """What a probe saw of a sound reward."""

    terms: tuple[TermRange, ...]
    extremes: _Extremes


class Happening(_Result):
    step: Count
    text: str


class Episode(_Result):
    """One episode in short. `edges`: steps where stages begin and end. `stages`: each quantity's mean in each stage."""

    fitness: float
    steps: Count
    edges: tuple[Count, ...]
    stages: dict[str, tuple[float, ...]]
    events: tuple[Happening, ...]


class Extremes(_Result):
    """A policy's worst and best episode."""

    worst: Episode
    best: Episode


class Analysed(_Result):
    """What an analysis says: one entry a policy."""

    policies: tuple[Extremes, ...]


class _Stills(_Result):
    stills: tuple[Base64, ...]


class _Described(_Result):
    table: StateTable


def read_played(content: Mapping[str, Any], checkpoints: int, policies: int) -> Played:
    """Read a rollout's result. Raises SandboxError unless it names every checkpoint of every policy once."""
    played = _read(Played, content, "rollout")
    named = sorted((part.checkpoint, part.policy) for part in played.index)
    asked = [(checkpoint, policy) for checkpoint in range(checkpoints) for policy in range(policies)]
    if named != asked:
        raise SandboxError(
            f"the rollout box played {len(named)} policies, {str(named)[:200]}, where {checkpoints} checkpoints of "
            f"{policies} policies were asked for. {CONSEQUENCE}"
        )
    return played


def read_scored(content: Mapping[str, Any], episodes: int, step_limit: int) -> Scored:
    """Read a score box's result. Raises SandboxError unless it has one entry an episode, of at most `step_limit` steps."""
    scored = _read(Scored, content, "score")
    counts = {len(scored.fitness), len(scored.length), *([] if scored.success is None else [len(scored.success)])}
    if counts != {episodes}:
        raise SandboxError(f"the score box sent {sorted(counts)} numbers for {episodes} episodes. {CONSEQUENCE}")
    if max(scored.length, default=0) > step_limit:
        raise SandboxError(f"the score box saw {max(scored.length)} steps; an episode has at most {step_limit}. {CONSEQUENCE}")
    return scored


def read_probed(content: Mapping[str, Any]) -> Probed | None:
    """Read what a probe saw. None where a candidate's box, which writes it, sent something else."""
    try:
        return Probed.model_validate(content)
    except ValidationError:
        return None


def read_analysed(content: Mapping[str, Any]) -> Analysed:
    """Read an analysis. Raises SandboxError unless every episode's stages fit its edges."""
    analysed = _read(Analysed, content, "analyse")
    for episode in (one for policy in analysed.policies for one in (policy.worst, policy.best)):
        if any(len(means) + 1 != len(episode.edges) for means in episode.stages.values()):
            raise SandboxError(f"the analyse box sent stages that don't fit their edges. {CONSEQUENCE}")
    return analysed


def read_stills(content: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """Read a film's stills as data URIs. Raises SandboxError unless they are 1 to `count` JPEGs of a sensible size."""
    found = _read(_Stills, content, "render").stills
    if not 1 <= len(found) <= count or any(not still.startswith(JPEG) or len(still) > MAX_STILL_CHARS for still in found):
        raise SandboxError(f"the render box sent {len(found)} stills, or what is no picture, where {count} were asked for.")
    return tuple(f"data:image/jpeg;base64,{still}" for still in found)


def read_table(content: Mapping[str, Any]) -> StateTable:
    """Read a described world. Raises SandboxError unless it is a whole table with a range for every component."""
    table = _read(_Described, content, "describe").table
    ranged = all(len(field.low) == len(field.high) == max(1, len(field.components)) for field in table.fields)
    if not table.fields or not ranged or table.dt_s <= 0 or table.episode_steps < 1:
        raise SandboxError(f"the describe box sent a table of {table.world} with holes in it. {CONSEQUENCE}")
    return table


def _read(model: type[Model], content: Mapping[str, Any], verb: str) -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise SandboxError(f"the {verb} box sent a result whose {where} can't be used: {first['msg']}. {CONSEQUENCE}") from None
