"""What proposes rewards: a language model or the composer, behind one protocol."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from designer.records import Candidate, Fault, Form, Record, Remark, StateTable, Task, Trial, Verb, Verdict


class Slot(Record):
    """A place in a round that a proposer fills: which candidate, made how, from whom."""

    round: int
    sample: int
    verb: Verb
    parents: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"g{self.round:02d}c{self.sample:02d}"


FormAsked = Literal["step", "stages", "both"]


def form_asked(asked: FormAsked, slot: Slot) -> Form:
    """Return which form a slot without parents is written in: of `both`, every second sample is a curriculum."""
    if asked == "both":
        return "stages" if slot.sample % 2 else "step"
    return asked


class Entry(NamedTuple):
    """A candidate of an earlier round with all that is known of it. `trials` are its search trials."""

    candidate: Candidate
    verdict: Verdict
    trials: tuple[Trial, ...]
    remarks: tuple[Remark, ...]

    @property
    def fitness(self) -> float | None:
        """Mean fitness over the seeds that it was trained to the end on, or None where there is none."""
        results = [trial.result.fitness for trial in self.trials if trial.is_whole and trial.result]
        return sum(results) / len(results) if results else None


class Step(NamedTuple):
    """What changed from one preferred reward to the next, as a unified diff."""

    old: str
    new: str
    diff: str


class Ranked(NamedTuple):
    """What a prompt tells of people's rankings: the best and the worst, and how the best came about."""

    best: Entry
    worst: Entry
    steps: tuple[Step, ...]
    answers: int


class Example(NamedTuple):
    """What a prompt tells of a reward that won another run. `evidence` is a line about its scores."""

    world: str
    text: str
    source: str
    evidence: str


class Brief(NamedTuple):
    """Everything a proposer may know. It never contains the fitness's code.

    `entries` are the candidates of earlier rounds, oldest first. `seed` is the run's. `notes` are what people said while the
    run went on. `world_source` is the world's code without its reward, or "". `examples` won earlier runs of other tasks.
    """

    task: Task
    table: StateTable
    entries: tuple[Entry, ...]
    seed: int
    notes: tuple[str, ...] = ()
    world_source: str = ""
    preferred: Ranked | None = None
    examples: tuple[Example, ...] = ()

    def entry(self, candidate_id: str) -> Entry:
        return next(entry for entry in self.entries if entry.candidate.id == candidate_id)


class Draft(Record):
    """What a proposer wrote. `faults` is not empty where its reply could not be read as code; `source` may then be empty.

    author: who wrote it where that is not the run's proposer.
    """

    source: str
    why: str = ""
    expects: str = ""
    faults: tuple[Fault, ...] = ()
    author: str = ""


class Proposer(Protocol):
    """Fills slots. The same brief and slot give the same draft (a model's replies are stored and replayed)."""

    name: str

    def propose(self, brief: Brief, slot: Slot) -> Draft:
        """Write a reward for a slot."""
        ...

    def repair(self, brief: Brief, slot: Slot, draft: Draft, faults: tuple[Fault, ...], attempt: int) -> Draft | None:
        """Mend a draft that was refused for `faults`; attempt counts from 1. None: this proposer doesn't repair."""
        ...
