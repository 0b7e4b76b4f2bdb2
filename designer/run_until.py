"""The moment at which a run must be done: a time of day, fixed when the run is made."""

from __future__ import annotations

from datetime import datetime

from designer.config import Config
from designer.times import next_occurrence


def with_end(config: Config, now: datetime) -> Config:
    """Return the config with its time of day as a moment: 07:30 means the next one after `now`, whenever it is read again. A
    moment that has passed, of a run that is revised or replayed, is none.
    """
    if config.search.until is None:
        return config
    moment = next_occurrence(config.search.until, now.astimezone())
    until = moment.isoformat(timespec="minutes") if moment > now.astimezone() else None
    return config.model_copy(update={"search": config.search.model_copy(update={"until": until})})
