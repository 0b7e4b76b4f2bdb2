"""Every record that is stored or passed on. All are frozen; numbers are finite; unknown keys are refused."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, NamedTuple

from designer.aids import AidLog
from designer.course import CourseLog
from designer.record import Record as Record
from designer.record import digest as digest
from designer.variants import VariantLog


class Status(StrEnum):
    """How a candidate's check or training ended. A score exists only where it is OK."""

    OK = "ok"
    REJECTED = "rejected"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    NON_FINITE = "non_finite"


class Verb(StrEnum):
    """The six ways to make a candidate."""

    INIT = "init"
    MUTATE = "mutate"
    CROSSOVER = "crossover"
    REPAIR = "repair"
    TUNE = "tune"
    SIMPLIFY = "simplify"


# The state view -----------------------------------------------------------------------------------------------------


class StateField(Record):
    """One named quantity that a reward may read as `s.<name>`: a tensor (num_envs, *shape).

    `low` and `high` are the measured 5 and 95 % quantiles, one a component (one for a scalar).
    """

    name: str
    shape: tuple[int, ...]
    unit: str
    frame: str
    kind: str
    sentence: str
    components: tuple[str, ...] = ()
    low: tuple[float, ...]
    high: tuple[float, ...]


class ActionTable(Record):
    """What a policy commands: `a` is (num_envs, len(names)), clipped to low..high.

    choices: 0, or of how many actions a policy picks one; then `a` is the index and a one-hot vector.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    sentence: str
    choices: int = 0


class StateTable(Record):
    """A world as a reward's author sees it. `dt_s` is the time between two actions.

    pictures: how many the policy sees; a reward reads none of them. variants: what else a training may play, the world itself
    first; () where it declares none.
    """

    world: str
    gymnasium_id: str
    summary: str
    fields: tuple[StateField, ...]
    action: ActionTable
    dt_s: float
    episode_steps: int
    observation_dim: int
    ranges_from: str
    pictures: int = 0
    variants: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, StateField]:
        return {field.name: field for field in self.fields}

    @property
    def episode_s(self) -> float:
        return self.dt_s * self.episode_steps


# Task ---------------------------------------------------------------------------------------------------------------


class Function(Record):
    """A Python function in a file of the user's or the world's: its source is copied into the run."""

    kind: Literal["function"] = "function"
    file: str
    name: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


class Expression(Record):
    """A parsed fitness expression: `text` as typed, `tree` as JSON that the scorer interprets."""

    kind: Literal["expression"] = "expression"
    text: str
    tree: dict[str, Any]

    def __str__(self) -> str:
        return self.text


Measure = Function | Expression


class Factor(Record):
    """One of the things that matter in a task: a value a step, the higher the better; of an episode counts the mean.

    margin: two rollouts whose means differ by less than so many standard deviations of all are alike in it.
    """

    name: str
    value: Expression
    margin: float


NO_FITNESS = "none"
"""A task's `fitness_origin` where answers or an order of factors choose."""


class Task(Record):
    """What is wanted, in which world, and how it is judged.

    fitness: one number an episode, higher is better. success: true or false an episode.
    sparse: one number a step, a reward apart from the fitness (may enter a training box).
    human: a reward that a person wrote, in the contract's form.
    order: the factors that rollouts are compared by, the most important first (HERON).
    solved_at: the raw fitness at which the task counts as solved.
    """

    name: str
    text: str
    world: str
    fitness: Measure | None
    fitness_origin: Literal["given", "derived, unverified", "derived, approved", "none"]
    fitness_unit: str = ""
    success: Measure | None = None
    sparse: Expression | None = None
    human: Function | None = None
    human_origin: str = ""
    order: tuple[Factor, ...] = ()
    solved_at: float | None = None
    steps: int

    @property
    def is_judged(self) -> bool:
        """Whether a fitness says which candidate is better; otherwise every score is 0 and says nothing."""
        return self.fitness_origin != NO_FITNESS


# Candidates ---------------------------------------------------------------------------------------------------------


class Fault(Record):
    """One thing that is wrong with a reward's code. `line` counts from 1; 0 means the whole file."""

    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.message}" + (f" {self.hint}" if self.hint else "")


Form = Literal["step", "stages"]
"""What a candidate is: a reward alone, or a curriculum, whose stages come before it."""


class Candidate(Record):
    """A reward as proposed. `id` is g<round>c<sample>, so the same slot of a run always has the same id."""

    id: str
    round: int
    sample: int
    verb: Verb
    parents: tuple[str, ...] = ()
    proposer: str
    why: str = ""
    expects: str = ""
    form: Form = "step"
    source: str

    @property
    def source_hash(self) -> str:
        return digest(self.source)


class Verdict(Record):
    """What was found before any training. `faults` of the checks decide; the critic's don't.

    repairs: how often it was sent back for faults. criticised: how often the critic sent it back, with a result that was
    sound. criticism: what the critic last found; where `criticised` is 0, it was not mended.
    """

    status: Status
    faults: tuple[Fault, ...] = ()
    repairs: int = 0
    criticised: int = 0
    criticism: tuple[Fault, ...] = ()


# Trials -------------------------------------------------------------------------------------------------------------

Purpose = Literal["search", "final"]


class TrialKey(NamedTuple):
    """A trial's name: a reward, what the trial is for, and the training seed."""

    candidate: str
    purpose: Purpose
    seed: int


class Score(Record):
    """The trusted evaluator's numbers for one policy: means over episodes that no training saw.

    fitness: in the task's unit. success: share of episodes, or None. episode_s: mean length [s].
    """

    fraction: float
    fitness: float
    success: float | None
    episode_s: float
    episodes: int


class Trace(Record):
    """One reward term over the training, as the candidate's own box reported it: text for people and prompts, never a score.

    `mean` has ten points, evenly spaced over the training; `low` and `high` are the extremes of the per-step batch means.
    """

    name: str
    mean: tuple[float, ...]
    low: float
    high: float


class TermEvidence(Record):
    """What one reward term did in the judging episodes, by the candidate's own box: text for people and prompts.

    share: of the reward's size there. correlation: of its mean over an episode with the episode's fitness; None where one of
    the two doesn't vary. saturated: share of steps at one end of the term's range.
    """

    name: str
    share: float
    correlation: float | None
    saturated: float


class Evidence(Record):
    """What the judging episodes of a policy show beside their fitness.

    pinned: share of action components at their bounds. shortest_s, longest_s: of the episodes [s].
    events: what happened in the worst and in the best episode.
    """

    terms: tuple[TermEvidence, ...] = ()
    pinned: float
    shortest_s: float
    longest_s: float
    worst_events: tuple[str, ...] = ()
    best_events: tuple[str, ...] = ()


class Trial(Record):
    """(candidate, seed) trained for `steps` environment steps, and the evidence that it left.

    until: share of the whole training that is done; below 1 it was paused there and may go on.
    scores: one a checkpoint from the beginning, the last one is the result. Empty unless `status` is OK.
    factors: of every score's episodes the mean of each factor of the task's order, [checkpoint][factor].
    course: how its curriculum went, where it is one. aids: what eased or steered it. variants: of the world, that it played.
    train_cpu_s, wall_s: of all pieces of the training together.
    from_cache: a baseline that an earlier run trained; its times are that run's.
    together: the candidates that were trained in one box with this one, in any piece of its training.
    """

    candidate: str
    purpose: Purpose
    seed: int
    status: Status
    error: str = ""
    steps: int
    until: float = 1.0
    scores: tuple[Score, ...] = ()
    traces: tuple[Trace, ...] = ()
    evidence: Evidence | None = None
    factors: tuple[tuple[float, ...], ...] = ()
    course: CourseLog | None = None
    aids: tuple[AidLog, ...] = ()
    variants: VariantLog | None = None
    folder: str
    train_cpu_s: float = 0.0
    wall_s: float = 0.0
    from_cache: bool = False
    together: tuple[str, ...] = ()

    @property
    def trained_here(self) -> bool:
        """Whether this run trained it: random play isn't trained, a cached baseline was before."""
        return self.steps > 0 and not self.from_cache

    @property
    def key(self) -> TrialKey:
        return TrialKey(self.candidate, self.purpose, self.seed)

    @property
    def result(self) -> Score | None:
        return self.scores[-1] if self.scores else None

    @property
    def is_whole(self) -> bool:
        return self.until >= 1

    def fitness_at(self, fraction: float) -> float | None:
        """Return the fitness that was judged at this share of the training, or None where none was."""
        return next((score.fitness for score in self.scores if abs(score.fraction - fraction) < 1e-9), None)


# Feedback -----------------------------------------------------------------------------------------------------------


class Remark(Record):
    """One observation about a candidate. A blocking one keeps the candidate from being trained or chosen."""

    candidate: str
    source: str
    kind: Literal["text", "score", "pair", "flag"]
    text: str
    blocking: bool = False


# What people say -----------------------------------------------------------------------------------------------------

SayingKind = Literal["say", "add", "rank", "approve", "reject", "undo"]


class About(Record):
    """What a note is about: a candidate, or a line of its code (from 1), or a moment of its clip [s]."""

    candidate: str
    line: int | None = None
    clip_s: float | None = None


class Ranking(Record):
    """An answer about clips that were shown. places: of each that was shown, 0 is best, equal is the same; () can't be told.

    bad: none of them does what was asked.
    """

    shown: tuple[str, ...]
    places: tuple[int, ...] = ()
    bad: bool = False


class Saying(Record):
    """One thing that a person (or a rater that is played) said, handed in or decided.

    text: a note, a reason, or a reward's source. name: the file it came from, the candidate that was approved or rejected, or
    what is taken back. source_hash, evidence_hash: of what was approved. by: who. at: when [s since 1970].
    """

    id: str
    kind: SayingKind
    text: str = ""
    name: str = ""
    about: About | None = None
    ranking: Ranking | None = None
    by: str = ""
    at: float = 0.0
    source_hash: str = ""
    evidence_hash: str = ""
