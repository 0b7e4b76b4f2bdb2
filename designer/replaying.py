"""`designer replay`: play a stored run again in a new folder, with stored replies and stored or new trainings."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from rich.text import Text

from designer import terminal
from designer.assemble import executor_for
from designer.commands import carry_out
from designer.config import Config, load
from designer.executors import Executor
from designer.executors.stored import StoredResults
from designer.library import as_files, memory_of
from designer.opinions import copy_taken
from designer.records import Task
from designer.runs import Run, create, open_run
from designer.sandboxes import require_consent
from designer.world_source import staged_world


def replay(asked: argparse.Namespace) -> None:
    """Play a run again, with its own settings but for those that are given, and say whether it came to the same end."""
    original = open_run(asked.run)
    config = replay_config(original, asked.settings)
    if asked.retrain:
        require_consent(config, asked.unsafe)
    again = made_again(original, config, asked.runs, datetime.now())
    copy_taken(original, again)
    executor: Executor = executor_for(again) if asked.retrain else StoredResults(original.folder, again.folder)
    console = terminal.console()
    carry_out(again, executor, console)
    before, after = original.archive().finished, again.archive().finished
    same = before is not None and after is not None and before.winner == after.winner
    ends = f"{before.winner if before else 'unfinished'} then, {after.winner if after else 'unfinished'} now"
    console.print(Text(f"The replayed run came to {'the same' if same else 'another'} end: {ends}."))


def replay_config(original: Run, settings: dict[str, str]) -> Config:
    """Return the original's settings with some changed, and its stored replies as the model. Raises ConfigError."""
    flags = dict(settings)
    if original.config.llm.provider != "composer":
        flags.update({"llm.provider": "replay", "llm.replay": str(original.folder.resolve())})
    return load(original.folder / "config.toml", flags)


def made_again(original: Run, config: Config, parent: Path, now: datetime) -> Run:
    """Make a run of an earlier run's task in its world, with what that one was shown of the library. Raises RunError."""
    world = staged_world(original.table.world, original.code)
    shown = as_files(memory_of(original.folder))
    return create(parent, replay_task(original, config), original.table, config, now, world, shown)


def replay_task(original: Run, config: Config) -> Task:
    """Return the original's task, trained for as long as the settings say."""
    steps = config.training.steps
    return original.task.model_copy(update={"steps": steps}) if steps else original.task
