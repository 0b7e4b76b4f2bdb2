"""The search rules by name, or `module:Attr` for one of your own."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from designer.config import SearchConfig
from designer.errors import ConfigError, did_you_mean
from designer.search import Search

BUILT_IN = {
    "halving": "designer.search.halving:Halving",
    "greedy": "designer.search.greedy:Greedy",
    "best_of_n": "designer.search.best_of_n:BestOfN",
    "bandit": "designer.search.bandit:Bandit",
    "islands": "designer.search.islands:Islands",
    "icpl": "designer.search.icpl:Icpl",
    "tree": "designer.search.tree:Tree",
}
AS_PUBLISHED = ("greedy", "best_of_n")
"""Rules to compare with: no guard of ours keeps a candidate of theirs from being trained."""


def make_search(config: SearchConfig, baselines: tuple[str, ...]) -> Search:
    """Return the search that the config names. Raises ConfigError, which lists the choices.

    A rule of your own is called as Rule(config.search, baselines), as the built-in ones are.
    """
    return rule_named(config.rule)(config, baselines)


def rule_named(name: str) -> Callable[[SearchConfig, tuple[str, ...]], Search]:
    """Return what makes a search of this name. Raises ConfigError."""
    path = BUILT_IN.get(name, name)
    module, colon, attribute = path.partition(":")
    if not colon:
        raise ConfigError(
            f"search.rule = {name} is no search rule.{did_you_mean(name, BUILT_IN)} "
            f"Choices: {', '.join(BUILT_IN)}, or module:Attr of your own."
        )
    try:
        found: Callable[[SearchConfig, tuple[str, ...]], Search] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"search.rule = {name} can't be imported: {error}.") from None
    return found
