"""Times of day, as people type them."""

from __future__ import annotations

from datetime import datetime, timedelta


def next_occurrence(text: str, now: datetime) -> datetime:
    """Return when a time of day such as 07:30 comes next, in the time zone of `now`; a date with a time is taken as it is.

    Raises ValueError.
    """
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and hours.isdigit() and minutes.isdigit() and len(minutes) == 2):
        moment = datetime.fromisoformat(text.strip())
        return moment if moment.tzinfo else _local(moment)
    today = datetime(now.year, now.month, now.day, int(hours), int(minutes))
    found = _local(today)
    return found if found > now else _local(today + timedelta(days=1))


def _local(naive: datetime) -> datetime:
    """Put a moment into this machine's time zone, as it is on that day: the night of a change of time has its own length."""
    return naive.astimezone()
