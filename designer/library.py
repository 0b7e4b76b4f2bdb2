"""Memory across runs: rewards that won, with their task, world and evidence, and which of them are like a new task. Where a
winner's trainings played variants of their world, the schedule that they came to is kept too.

An entry is one JSON file in the user's data folder. A run that wants examples gets copies when it is made, so that nothing that
happens to the library later changes it. A task that is held out is neither remembered nor shown any example.

Likeness is counted, not learnt: character trigrams of the task's text and names of the state's fields (the retrieval is after
Text2Reward, Xie et al. 2024, without its embedding model).
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from designer.archive import BASELINES
from designer.config import Config
from designer.errors import DiskError, InputError, did_you_mean
from designer.files import disk_error, write_atomically
from designer.records import Record, StateTable, Task, digest
from designer.runs import Run, slug
from designer.statistics import mean
from designer.user_folders import data_folder, named_folder
from designer.variants import Learner, Schedule, chosen, nearness, schedule_of

VARIABLE = "DESIGNER_LIBRARY"
MEMORY = "task/memory.json"
MAX_BYTES = 256 * 1024
TEXT_WEIGHT, FIELDS_WEIGHT = 0.6, 0.4
LEAST_LIKENESS = 0.2


class Winner(Record):
    """A reward that won, as the library keeps it. scores: of its final seeds. baselines: the means on the same seeds."""

    name: str
    task: str
    text: str
    world: str
    fields: tuple[str, ...]
    source: str
    scores: tuple[float, ...]
    unit: str = ""
    baselines: dict[str, float]
    fitness_origin: str = "given"
    run: str = ""
    schedule: Schedule | None = None

    @property
    def evidence(self) -> str:
        """Say what it reached, beside the baselines, in one line."""
        unit = f" {self.unit}" if self.unit else ""
        reached = f"{sum(self.scores) / len(self.scores):.3g}{unit} on {len(self.scores)} seeds"
        others = [f"{BASELINES.get(name, name)} {value:.3g}" for name, value in self.baselines.items()]
        kept = [f"a schedule of {len(self.schedule.names)} variants by {self.schedule.rule}"] if self.schedule else []
        return ", ".join([reached, *others, *kept])


class Memory(Record):
    """What a run was given of the library when it was made."""

    held_out: bool = False
    examples: tuple[Winner, ...] = ()
    schedule: Schedule | None = None


_winner = TypeAdapter(Winner)


def library_root(variables: Mapping[str, str] = os.environ) -> Path:
    """Return the library's folder: $DESIGNER_LIBRARY if set, else in the user's data folder."""
    return named_folder(variables, VARIABLE) or data_folder(variables) / "library"


def entries(root: Path) -> list[Winner]:
    """Read the library, by name. A file that is none of ours, too large or torn, is left out."""
    found = []
    for path in sorted(root.glob("*.json")):
        try:
            if path.stat().st_size <= MAX_BYTES:
                found.append(_winner.validate_json(path.read_bytes()))
        except (OSError, ValidationError):
            continue
    return found


def add(root: Path, run: Run, candidate: str | None = None) -> Winner:
    """Remember a run's winner, or another of its finalists. Raises InputError, DiskError."""
    archive = run.archive()
    name = candidate or (archive.finished.winner if archive.finished else None)
    scores = archive.final_scores(name) if name else []
    if name is None or not scores or name not in archive.candidates:
        raise InputError(f"{run.folder} has no final scores of {name or 'a winner'} yet: there is no evidence to remember.")
    if memory_of(run.folder).held_out:
        raise InputError(f"{run.task.name} is held out: what is learnt on it must not reach other runs.")
    if run.task.fitness_origin == "derived, unverified":
        raise InputError(
            f"the fitness of {run.folder} was drafted by a model and approved by nobody: its scores are no evidence."
        )
    reward = archive.candidates[name]
    baselines = {base: value for base in BASELINES if (value := mean(archive.final_scores(base))) is not None}
    made = Winner(
        name=f"{slug(run.task.name)}-{digest({'task': run.task.digest, 'source': reward.source})[:8]}",
        task=run.task.name,
        text=run.task.text,
        world=run.table.world,
        fields=tuple(field.name for field in run.table.fields),
        source=reward.source,
        scores=tuple(scores),
        unit=run.task.fitness_unit,
        baselines=baselines,
        fitness_origin=run.task.fitness_origin,
        run=f"{run.folder.name}/{name}",
        schedule=_schedule(run, name),
    )
    write_atomically(root / f"{made.name}.json", made.model_dump_json(indent=1))
    return made


def _schedule(run: Run, name: str) -> Schedule | None:
    """Return what the final trainings of a candidate played of the world's variants, or None where they played no others."""
    logs = [trial.variants for trial in run.archive().trials_of(name, "final") if trial.variants]
    rule, origin = run.config.variants.rule, f"{run.folder.name}/{name}"
    return schedule_of(logs, learner_of(run.task, run.config), rule, origin) if rule != "off" else None


def learner_of(task: Task, config: Config) -> Learner:
    """Return what shapes the learners of a run."""
    return Learner(task.steps, config.training.num_envs, config.training.gamma)


def remove(root: Path, name: str) -> None:
    """Forget an entry. Raises InputError, DiskError."""
    known = [entry.name for entry in entries(root)]
    if name not in known:
        raise InputError(f"the library in {root} has no {name!r}.{did_you_mean(name, known)} `designer library` lists it.")
    try:
        (root / f"{name}.json").unlink()
    except OSError as error:
        raise disk_error(root, error) from error


def examples_for(root: Path, task: Task, table: StateTable, most: int, held_out: bool) -> Memory:
    """Choose the entries that are most like a task, the most like first; none for a task that is held out."""
    if held_out or most < 1:
        return Memory(held_out=held_out)
    return Memory(examples=tuple(most_alike(entries(root), task.text, [field.name for field in table.fields], most)))


def with_schedule(memory: Memory, root: Path, task: Task, table: StateTable, config: Config) -> Memory:
    """Add the schedule of the entry that is nearest in task and learner, of those with the same variants, where one is wanted.

    A task that is held out gets none.
    """
    if memory.held_out or not config.variants.memory:
        return memory
    names = set(chosen(config.variants, table.variants, table.world))
    fields = [field.name for field in table.fields]
    alike = []
    for entry in entries(root):
        like = likeness(entry, task.text, fields)
        if entry.schedule and set(entry.schedule.names) == names and like >= LEAST_LIKENESS:
            alike.append((like * nearness(entry.schedule, learner_of(task, config)), entry.name, entry.schedule))
    best = max(alike, key=lambda found: (found[0], found[1]), default=None)
    return memory.model_copy(update={"schedule": best[2]}) if best else memory


def aids_told(run: Run) -> list[str]:
    """Return what eases or steers the trainings of a run's candidates, for people: also whose schedule is followed."""
    wanted = run.config.variants.memory and run.config.variants.rule != "off"
    schedule = memory_of(run.folder).schedule if wanted else None
    followed = f"half of that as the schedule of {schedule.origin} has it" if schedule else "no similar learner left a schedule"
    return [*run.config.aids_told, *([followed] if wanted else [])]


def most_alike(known: Sequence[Winner], text: str, fields: Sequence[str], most: int) -> list[Winner]:
    """Return at most so many entries by likeness, of each task only its best: two rewards of one task teach little more."""
    scored = [(likeness(entry, text, fields), entry) for entry in known]
    ordered = sorted((s, e) for s, e in ((-like, entry.name) for like, entry in scored if like >= LEAST_LIKENESS))
    by_name = {entry.name: entry for entry in known}
    chosen: dict[str, Winner] = {}
    for _, name in ordered:
        chosen.setdefault(by_name[name].text, by_name[name])
    return list(chosen.values())[:most]


def likeness(entry: Winner, text: str, fields: Sequence[str]) -> float:
    """Return how alike two tasks are, 0 to 1: cosine of the texts' trigrams, overlap of the fields' names."""
    ours, theirs = _trigrams(text), _trigrams(entry.text)
    dot = sum(n * theirs[part] for part, n in ours.items())
    norm = math.sqrt(sum(n * n for n in ours.values()) * sum(n * n for n in theirs.values()))
    both = set(fields) | set(entry.fields)
    overlap = len(set(fields) & set(entry.fields)) / len(both) if both else 0.0
    return TEXT_WEIGHT * (dot / norm if norm else 0.0) + FIELDS_WEIGHT * overlap


def _trigrams(text: str) -> Counter[str]:
    padded = f"  {' '.join(text.lower().split())} "
    return Counter(padded[k : k + 3] for k in range(len(padded) - 2))


def as_files(memory: Memory) -> dict[str, str]:
    """Return what a new run holds of the library, by path in its folder."""
    return {MEMORY: memory.model_dump_json(indent=1)}


def memory_of(folder: Path) -> Memory:
    """Return what a run was given; nothing where it is older than the library. Raises DiskError where it can't be read."""
    try:
        return Memory.model_validate_json((folder / MEMORY).read_bytes())
    except FileNotFoundError:
        return Memory()
    except (OSError, ValidationError) as error:
        raise DiskError(f"{folder / MEMORY} can't be read: {error}.") from None
