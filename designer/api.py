"""The Python API: what the commands run, show, check and describe do, for programs and notebooks. See docs/python.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from os import devnull
from pathlib import Path

from pydantic import Field
from rich.console import Console

from designer import commands
from designer.archive import Archive
from designer.assemble import describe as described
from designer.bundle import bundle_root
from designer.checking import check_and_probe
from designer.config import Config, load
from designer.ending import require_future
from designer.errors import InputError
from designer.modelling import require_model
from designer.notifying import Notifier
from designer.records import Candidate, StateTable, Trial, Verdict
from designer.review.verdict import sentences, verdict_of
from designer.runs import CLIP, REPORT, Run
from designer.runs import open_run as read_run
from designer.task import TaskDraft, TaskFile, draft_of, find_task
from designer.trackers import Tracker
from designer.trackers.choosing import Named
from designer.workbench import POLICY
from designer.world_source import locate_world

Settings = Mapping[str, object] | Config
"""Settings by their dotted names, as flags: {"search.rounds": 2}; or a whole `Config`."""


class Task(TaskFile):
    """A task in Python: the keys of a task's TOML file, and where the files that it names are.

    text: what is wanted. world: as --env. fitness: an expression or "file.py:function". name: for the run's folder.
    """

    name: str = "task"
    folder: Path = Field(default_factory=Path)

    def draft(self) -> TaskDraft:
        """Read the files that the task names. Raises TaskError."""
        if not self.world:
            raise InputError(f'Task(text="{self.text}") needs a world, such as world="HalfCheetah-v5".')
        own = set(Task.model_fields) - set(TaskFile.model_fields)
        return draft_of(self.name, TaskFile(**self.model_dump(exclude=own, exclude_unset=True)), self.folder)


@dataclass(frozen=True)
class Result:
    """A run as it stands on the disk: finished, or as far as it came."""

    run: Run

    @property
    def folder(self) -> Path:
        return self.run.folder

    @cached_property
    def archive(self) -> Archive:
        """All that happened."""
        return self.run.archive()

    @property
    def finished(self) -> bool:
        return self.archive.finished is not None

    @property
    def winner(self) -> Candidate | None:
        """The winner with its code (`source`), or None where there is none, or none yet."""
        ended = self.archive.finished
        return self.archive.candidates[ended.winner] if ended and ended.winner else None

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All candidates, refused ones too, in the order in which they were proposed."""
        return tuple(sorted(self.archive.candidates.values(), key=lambda c: (c.round, c.sample)))

    def final_scores(self, name: str) -> list[float]:
        """Return the fitness on each final seed, of a candidate or a baseline ("human", "sparse", "random")."""
        return self.archive.final_scores(name)

    def trials(self, name: str) -> Sequence[Trial]:
        """Return all trainings of a candidate or a baseline: the search's, then the finals'."""
        return (*self.archive.trials_of(name, "search"), *self.archive.trials_of(name, "final"))

    @property
    def policy(self) -> Path | None:
        """The winner's policies of all final seeds, stacked in one safetensors file, or None."""
        finals = self.archive.trials_of(self.winner.id, "final") if self.winner else []
        path = self.folder / finals[0].folder / "train" / POLICY if finals else None
        return path if path and path.is_file() else None

    @property
    def verdict(self) -> list[str]:
        """How it ended, in sentences: those of the report."""
        return sentences(verdict_of(self.run, self.archive))

    @property
    def report(self) -> Path | None:
        return _there(self.folder / REPORT)

    @property
    def clip(self) -> Path | None:
        return _there(self.folder / CLIP)


def run(
    what: str | Path | Task,
    *,
    env: str = "",
    fitness: str = "",
    state: str = "",
    settings: Settings | None = None,
    config_file: Path | None = None,
    runs: Path | str = "runs",
    notify: str = "",
    quiet: bool = False,
    unsafe: bool = False,
    trackers: Sequence[Tracker] = (),
) -> Result:
    """Design a reward, as `designer run` does, and return how the run stands.

    what: a task's name, a task file, a sentence (with `env` and `fitness`), a `Task`, or a run's folder to go on with.
    settings: by dotted names, or a `Config`; they outweigh the file. quiet: print nothing. trackers: your own, beside
    those that the setting `track` names. The rest is as on the command line.

    Ctrl-C raises InterruptedRunError; nothing that finished is lost. Raises DesignerError.
    """
    asked = _asked(what, env, fitness, state, unsafe)
    own = [Named(type(tracker).__name__, tracker) for tracker in trackers]
    with _console(quiet) as console:
        notifier = Notifier(notify, lambda line: console.print(line, markup=False))
        if not isinstance(what, Task) and Path(what).is_dir():
            asked.settings, asked.config_file = _texts(settings), config_file
            again = commands.resume(Path(what), asked)
            commands.carry_out_anew(again, console, notifier, own)
            return open_run(again.folder)
        config = _config(settings, config_file)
        require_model(config)
        require_future(config, datetime.now())
        draft = what.draft() if isinstance(what, Task) else find_task(str(what), bundle_root() / "envs", env, fitness)
        made = commands.prepare_draft(draft, asked, config, console).made(Path(runs), datetime.now())
        commands.carry_out_anew(made, console, notifier, own)
    return open_run(made.folder)


def open_run(folder: Path | str) -> Result:
    """Read a run from its folder, whether it is finished or not. Raises InputError, RunBrokenError."""
    return Result(read_run(Path(folder)))


def describe(env: str, *, state: str = "", settings: Settings | None = None) -> StateTable:
    """Return a world's state table: what a reward may read there, with measured ranges. Raises DesignerError."""
    world = locate_world(env, state)
    with _console(quiet=True) as console:
        config = commands.fitted(_config(settings, None), world, _asked("", env, "", state, False), console)
    return described(world, config)


def check_reward(source: str, *, env: str, state: str = "", settings: Settings | None = None) -> Verdict:
    """Say whether a reward would be accepted: its code is read, then called in a box on real states. Raises DesignerError."""
    world = locate_world(env, state)
    with _console(quiet=True) as console:
        config = commands.fitted(_config(settings, None), world, _asked("", env, "", state, False), console)
    verdict, _ = check_and_probe(source, described(world, config), config, world)
    return verdict


def _asked(what: object, env: str, fitness: str, state: str, unsafe: bool) -> argparse.Namespace:
    """Say it as the command line does."""
    typed = {"what": str(what), "env": env, "fitness": fitness, "order": [], "state": state, "unsafe": unsafe}
    return argparse.Namespace(**typed, settings={}, config_file=None)


def _config(settings: Settings | None, file: Path | None) -> Config:
    if isinstance(settings, Config):
        if file is not None:
            raise InputError("settings is a whole Config already: leave config_file out, or give single settings.")
        return settings
    return load(file, _texts(settings))


def _texts(settings: Settings | None) -> dict[str, str]:
    """Return settings as the command line's texts; None leaves one unset."""
    if isinstance(settings, Config):
        raise InputError("a run keeps the settings that it began with: no Config goes with a run's folder.")
    given = {name: value for name, value in (settings or {}).items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}


@contextmanager
def _console(quiet: bool) -> Iterator[Console]:
    """Give a console for plain lines on standard output, in a notebook too, or for nobody."""
    with open(devnull, "w") if quiet else nullcontext(sys.stdout) as file:
        yield Console(file=file, highlight=False, markup=False, emoji=False, force_terminal=False, force_jupyter=False)


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None
