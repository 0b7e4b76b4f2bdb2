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
MOST_PAID = 1e9
Share = Annotated[float, Field(ge=0, le=1)]
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
    """What a score box says: one entry an episode. `success` is None where the task names none. `length` is in steps.

    factors: of each factor of the task's order one entry an episode.
    """

    fitness: tuple[float, ...]
    success: tuple[bool, ...] | None
    length: tuple[Several, ...]
    factors: tuple[tuple[float, ...], ...] = ()


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


class Signature(_Result):
    """What a reward pays for the transitions that all rewards of a run are asked about: `wide` is None where it can't say."""

    play: tuple[float, ...]
    wide: tuple[float, ...] | None = None


class Probed(_Result):
    """What a probe saw of a sound reward."""

    terms: tuple[TermRange, ...]
    extremes: _Extremes
    rewards: Signature | None = None


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
    """What an analysis says: one entry a policy. pinned: the share of action components at their bounds."""

    policies: tuple[Extremes, ...]
    pinned: tuple[Share, ...] = ()


class ExplainedTerm(_Result):
    """A term as a candidate's own box paid it: its mean a step in each episode, and how often it is at an end of its range."""

    name: str
    episodes: tuple[float, ...]
    saturated: Share


class Explained(_Result):
    """What a candidate's box says of its terms in episodes that were played without it."""

    terms: tuple[ExplainedTerm, ...]


class Nearest(_Result):
    """The reward before it that is nearest: its place in the list."""

    to: Count
    distance: float


class Disagreement(_Result):
    """A transition that two rewards rank differently: what each pays for it, in its own spread around its mean."""

    state: dict[str, tuple[float, ...]]
    first: float
    second: float


class Compared(_Result):
    """How far each new reward is from those before it, and where it differs from the nearest.

    centred: whether a constant counted for nothing.
    """

    nearest: tuple[Nearest | None, ...]
    differ: tuple[tuple[Disagreement, ...], ...]
    centred: bool


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


def read_scored(content: Mapping[str, Any], episodes: int, step_limit: int, factors: int = 0) -> Scored:
    """Read a score box's result. Raises SandboxError unless it has one entry an episode, of at most `step_limit` steps, and so
    many factors.
    """
    scored = _read(Scored, content, "score")
    if len(scored.factors) != factors:
        raise SandboxError(f"the score box sent {len(scored.factors)} factors where {factors} were asked for. {CONSEQUENCE}")
    lists = [scored.fitness, scored.length, *scored.factors, *([] if scored.success is None else [scored.success])]
    counts = {len(entries) for entries in lists}
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


def read_explained(content: Mapping[str, Any], episodes: int) -> Explained | None:
    """Read what a reward pays in episodes. None where a candidate's box, which writes it, sent something else."""
    try:
        explained = Explained.model_validate(content)
    except ValidationError:
        return None
    names = {term.name for term in explained.terms}
    sound = 0 < len(names) == len(explained.terms) and all(len(term.episodes) == episodes for term in explained.terms)
    largest = max((abs(value) for term in explained.terms for value in term.episodes), default=0.0)
    return explained if sound and largest <= MOST_PAID else None


def read_compared(content: Mapping[str, Any], count: int) -> Compared:
    """Read a comparison. Raises SandboxError unless it has an entry for each of so many new rewards."""
    compared = _read(Compared, content, "compare")
    if len(compared.nearest) != count or len(compared.differ) != count:
        raise SandboxError(f"the compare box sent {len(compared.nearest)} distances for {count} rewards. {CONSEQUENCE}")
    return compared


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
