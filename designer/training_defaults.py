"""How a task, or else its world, is best trained: settings for whoever has not chosen any.

The first that says a setting has it: a flag or the --config file, the task's [training], the world's own (training.toml in
its folder, or [training] in its state table), the default. A run's config keeps what came of it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from designer.bundle import bundle_root
from designer.config import Config, TrainingConfig
from designer.errors import TaskError, did_you_mean
from designer.world_source import WorldSource

TRAINING_FILE = "training.toml"


def with_training(config: Config, *tables: Mapping[str, Any]) -> Config:
    """Return the config with the training settings of the tables, the first before the others, where nobody chose any."""
    chosen = config.training.model_dump(exclude_unset=True)
    for table in tables:
        chosen = {**table, **chosen}
    return config.model_copy(update={"training": TrainingConfig.model_validate(chosen)})


def checked(settings: object, where: str) -> dict[str, Any]:
    """Return a table of training settings, if it is one. Raises TaskError that names `where`."""
    if not isinstance(settings, dict):
        raise TaskError(f"{where}: training = {str(settings)[:80]!r} is not a table. Write [training] and lines below it.")
    for key in settings:
        if key not in TrainingConfig.model_fields:
            known = TrainingConfig.model_fields
            raise TaskError(f"{where}: training has no setting {key!r}.{did_you_mean(key, known)} It has: {', '.join(known)}.")
    try:
        TrainingConfig.model_validate(settings, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise TaskError(f"{where}: training.{first['loc'][0]} = {str(first['input'])[:80]!r}: {first['msg']}.") from None
    return settings


def training_of(world: WorldSource, name: str, steps_are_said: bool = False) -> dict[str, Any]:
    """Return how a world is best trained. name: the world's, as its state table has it. Raises TaskError.

    steps_are_said: the task has steps of its own, so the world's are left out.
    """
    said = _said_by_the_world(world, name)
    return {key: value for key, value in said.items() if not (steps_are_said and key == "steps")}


def _said_by_the_world(world: WorldSource, name: str) -> dict[str, Any]:
    own = world.path or bundle_root() / "envs" / name
    if world.state is not None:
        return _said_in_a_table(world.state)
    if (own / TRAINING_FILE).is_file():
        return checked(_read(own / TRAINING_FILE), str(own / TRAINING_FILE))
    if world.path is not None:
        return {}
    for path in sorted((bundle_root() / "envs" / "gymnasium_tables").glob("*.toml")):
        content = _read(path)
        if name in content["ids"] or name.startswith(tuple(content.get("prefixes", ()))):
            return _said_in_a_table(path)
    return {}


def _said_in_a_table(path: Path) -> dict[str, Any]:
    return checked(_read(path).get("training", {}), str(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TaskError(f"{path} can't be read: {error}.") from None
