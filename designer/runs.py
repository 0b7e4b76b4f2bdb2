"""Run folders: made once, opened again to resume, show or report. All that a run needs is copied in when it is made."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from designer.archive import HUMAN, SPARSE, Archive
from designer.bundle import bundle_root
from designer.config import Config, load, to_toml
from designer.errors import InputError, RunBrokenError, RunError
from designer.files import disk_error, write_atomically
from designer.journal import Stamped, read
from designer.records import StateTable, Task
from designer.run_until import with_end
from designer.stripping import without_reward
from designer.world_source import USER_MODULE, WorldSource, stage_world

GIVEN_FILE = "given.py"
"""The reward that a run revises, where it does."""
JOURNAL, REPORT, CLIP = "journal.jsonl", "report.html", "clip.mp4"
WORKER_CODE = (
    *("envs/*.py", "envs/*/*.py", "envs/*/ranges.toml", "envs/*/*.xml", "envs/gymnasium_tables/*.toml"),
    "sandbox/*.py",
)
JUDGES = ("fitness.py", "human.py")


class Run(NamedTuple):
    """A run folder, read: what was asked for. What has happened is in its journal."""

    folder: Path
    task: Task
    table: StateTable
    config: Config

    @property
    def journal(self) -> Path:
        return self.folder / JOURNAL

    @property
    def code(self) -> Path:
        """The worker's code as it was when the run began."""
        return self.folder / "code"

    @property
    def prompts(self) -> Path:
        """The prompts as they were when the run began."""
        return self.folder / "prompts"

    @property
    def world_source(self) -> str:
        """The world's code as prompts show it, or "" where they don't."""
        path = self.folder / "task" / "world.py"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @property
    def baselines(self) -> tuple[str, ...]:
        """Which baselines this task can have."""
        judged = self.task.fitness and self.task.is_judged
        return (*([HUMAN] if self.task.human else []), *([SPARSE] if judged else []))

    def events(self) -> list[Stamped]:
        return read(self.journal)

    def archive(self) -> Archive:
        return Archive.of(stamped.event for stamped in self.events())


def create(
    parent: Path,
    task: Task,
    table: StateTable,
    config: Config,
    now: datetime,
    world: WorldSource | None = None,
    files: Mapping[str, str] | None = None,
) -> Run:
    """Make a run folder with copies of everything, or none. `world` says where a user's own files are; `files` are written too,
    by path in the folder.

    Raises RunError, DiskError.
    """
    run = Run(parent / f"{now:%Y%m%d-%H%M%S}-{slug(task.name)}-{task.digest[:4]}", task, table, with_end(config, now))
    try:
        run.folder.mkdir(parents=True, exist_ok=False)
    except FileExistsError:
        raise RunError(f"{run.folder} exists already. Wait a second, or choose another folder with --runs.") from None
    except OSError as error:
        raise disk_error(run.folder, error) from error
    try:
        for name, text in (files or {}).items():
            write_atomically(run.folder / name, text)
        _fill(run, world)
    except BaseException as error:
        shutil.rmtree(run.folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise disk_error(run.folder, error) from error
        raise
    return run


def _fill(run: Run, world: WorldSource | None) -> None:
    """Copy in all that the run needs. The config comes last: a folder that has one is whole."""
    run.prompts.mkdir()
    for path in sorted((bundle_root() / "prompts").glob("*.j2")):
        shutil.copyfile(path, run.prompts / path.name)
    stage_worker_code(run.code)
    if world:
        stage_world(world, run.code)
    write_atomically(run.folder / "task" / "task.json", run.task.model_dump_json(indent=1))
    write_atomically(run.folder / "task" / "state.json", run.table.model_dump_json(indent=1))
    shown = shown_world(run, world)
    if shown is not None:
        write_atomically(run.folder / "task" / "world.py", without_reward(shown.read_text(encoding="utf-8", errors="replace")))
    write_atomically(run.folder / "config.toml", to_toml(run.config))


def shown_world(run: Run, world: WorldSource | None) -> Path | None:
    """Return the file whose code prompts show, or None: by default only a user's own world, whose table says less."""
    own = world.path if world else None
    file = own / USER_MODULE if own and own.is_dir() else own or bundle_root() / "envs" / run.table.world / "env.py"
    wanted = own is not None if run.config.prompt.source is None else run.config.prompt.source
    return file if wanted and file.is_file() else None


def open_run(folder: Path) -> Run:
    """Read a run folder. Raises InputError where it is none, RunBrokenError where its files don't fit."""
    if not (folder / "config.toml").exists() or not (folder / "task" / "task.json").exists():
        raise InputError(f"{folder} is not a run folder (it has no config.toml and task/). `designer show` lists the runs.")
    try:
        task = Task.model_validate_json((folder / "task" / "task.json").read_bytes())
        table = StateTable.model_validate_json((folder / "task" / "state.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise RunBrokenError(f"{folder}/task can't be read: {error}. Was it edited?") from None
    return Run(folder, task, table, load(folder / "config.toml", {}))


def list_runs(parent: Path) -> list[Path]:
    """Return the run folders, oldest first."""
    return sorted(path.parent for path in parent.glob("*/config.toml")) if parent.is_dir() else []


def stage_worker_code(target: Path) -> None:
    """Copy the code that a box may import, and nothing else: no fitness, no human-written reward, no task, no host code."""
    source = bundle_root()
    chosen = [path for pattern in WORKER_CODE for path in source.glob(pattern) if path.name not in JUDGES]
    for path in chosen:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def slug(name: str) -> str:
    """Make a name fit for a folder: letters, digits and dashes, at most 40."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "run"
