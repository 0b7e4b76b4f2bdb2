"""What a training box tells of what eased or steered its training: coefficients over time, text for people, never a score."""

from __future__ import annotations

from collections.abc import Sequence

from designer.record import Record
from designer.text import one_line

MAX_AIDS, MAX_POINTS, MAX_NAME = 8, 40, 40


class AidLog(Record):
    """One aid's coefficient `value` at shares `at` of a training, as its own box reported it."""

    name: str
    at: tuple[float, ...]
    value: tuple[float, ...]


def sentences(aids: Sequence[AidLog]) -> list[str]:
    """Say what each aid did over the training."""
    return [_sentence(aid) for aid in aids[:MAX_AIDS] if aid.at and len(aid.at) == len(aid.value)]


def _sentence(aid: AidLog) -> str:
    name, first, last = one_line(aid.name, MAX_NAME), aid.value[0], aid.value[-1]
    if first == last == min(aid.value) == max(aid.value):
        return f"The {name} was {first:.3g} all along."
    settled = next(at for k, at in enumerate(aid.at) if all(value == last for value in aid.value[k:]))
    return f"The {name} went from {first:.3g} to {last:.3g}, where it was from {settled:.0%} of the training on."
