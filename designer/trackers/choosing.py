"""The trackers by name: those built in, those that installed packages offer, or `module:Class` of one's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import NamedTuple

from designer.errors import ConfigError, did_you_mean
from designer.text import one_line
from designer.trackers import Tracker
from designer.trackers.files import Files

BUILT_IN = {
    "tensorboard": "designer.trackers.tensorboard:TensorBoard",
    "wandb": "designer.trackers.weights_and_biases:WeightsAndBiases",
}
GROUP = "designer.trackers"
"""The entry points of a package that brings trackers."""


class Named(NamedTuple):
    """A tracker and what messages call it."""

    name: str
    tracker: Tracker


def trackers_of(setting: str) -> list[Named]:
    """Return the trackers that `track` names, made anew. Raises ConfigError."""
    return [Named(name, _made(name)) for name in names_in(setting)]


def trackers_that_work(setting: str, say: Callable[[str], None]) -> list[Named]:
    """Return those that can be made here, and say why others can't; a run's own files come first, always."""
    found = [Named("files", Files())]
    for name in names_in(setting):
        try:
            found.append(Named(name, _made(name)))
        except ConfigError as error:
            say(f"the tracker {name} is switched off: {error} The run goes on without it.")
    return found


def names_in(setting: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in setting.split(",") if name.strip()))


def _made(name: str) -> Tracker:
    offered = {point.name: point.value for point in entry_points(group=GROUP)}
    if name in BUILT_IN and find_spec(name) is None:
        raise ConfigError(f"track = {name} needs the extra: pip install 'designer[{name}]'.")
    path = BUILT_IN.get(name) or offered.get(name, name)
    module, colon, attribute = path.partition(":")
    if not colon:
        known = [*BUILT_IN, *offered]
        raise ConfigError(
            f"track = {name} is no tracker.{did_you_mean(name, known)} "
            f"Choices: {', '.join(known)}, or module:Class of your own."
        )
    try:
        tracker: Tracker = getattr(importlib.import_module(module), attribute)()
    except Exception as error:
        raise ConfigError(f"track = {name} can't be made: {type(error).__name__}: {one_line(str(error), 200)}.") from error
    return tracker
