"""What a run's settings ask of its trainer, held against what that trainer can do."""

from __future__ import annotations

from designer.config import Config
from designer.errors import ConfigError
from designer.records import StateTable
from designer.variants import chosen


def require_trainer(config: Config, table: StateTable) -> None:
    """Refuse a trainer that can't do what is asked of it. Raises ConfigError."""
    if table.pictures and config.training.trainer == "ppo":
        raise ConfigError(
            f"{table.world} shows its policy pictures, which training.trainer = ppo can't look at. "
            "Add --training.trainer sb3, or show the world as vectors."
        )
    if config.aids and config.training.trainer != "ppo":
        raise ConfigError(
            f"training.trainer = {config.training.trainer} has nothing that fades or eases ({'; '.join(config.aids_told)}). "
            "Use training.trainer = ppo, or leave these settings off."
        )
    if config.help.tolerance and not (config.fading.reward or config.help.eases_the_world):
        raise ConfigError(
            f"help.tolerance = {config.help.tolerance:g} widens solved(s, slack), and nothing that is trained goes by it. "
            "Add --fading.reward 0.7, so that it is paid, or another help, which fades by it; or leave it at 0."
        )
    chosen(config.variants, table.variants, table.world)
    if config.training.share_box and config.training.trainer != "ppo":
        raise ConfigError(
            f"training.trainer = {config.training.trainer} trains one policy after the other, so candidates can't share a box. "
            "Add --training.share-box false."
        )
