"""What a run may use, in time, trainings or money, and how large a search that pays for.

A unit is one training to its end. The sizes are halving's: what a round and the finals cost in units is counted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Unit = Literal["seconds", "trainings", "money"]
SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
OVERNIGHT_S = 8 * 3600.0


class Budget(NamedTuple):
    """So many seconds at work, full trainings, or units of the price table's money for model calls."""

    amount: float
    unit: Unit


class Size(NamedTuple):
    """Settings of a search that cost trainings. Named as in `SearchConfig`."""

    rounds: int
    population: int
    confirm: int
    confirm_seeds: int
    finalists: int
    final_seeds: int


SMALL = Size(rounds=2, population=5, confirm=1, confirm_seeds=2, finalists=2, final_seeds=3)
USUAL = Size(rounds=3, population=8, confirm=2, confirm_seeds=2, finalists=3, final_seeds=5)
LARGE = Size(rounds=5, population=16, confirm=2, confirm_seeds=2, finalists=3, final_seeds=5)
NIGHT = LARGE._replace(rounds=30)


def parse_budget(text: str) -> Budget:
    """Read "90s", "10m", "2h", "overnight", "45" or "45 trainings", "$3". Raises ValueError for anything else."""
    said = text.strip().lower()
    if said == "overnight":
        return Budget(OVERNIGHT_S, "seconds")
    if said.startswith("$"):
        return Budget(_positive(said[1:], text), "money")
    digits = said.rstrip("abcdefghijklmnopqrstuvwxyz ")
    word = said[len(digits) :].strip()
    if word in SECONDS:
        return Budget(_positive(digits, text) * SECONDS[word], "seconds")
    if word in ("", "training", "trainings"):
        return Budget(_positive(digits, text), "trainings")
    raise ValueError(f"{text!r} is no budget. Say 10m, 2h, overnight, '45 trainings' or $3")


def _positive(digits: str, text: str) -> float:
    try:
        amount = float(digits)
    except ValueError:
        amount = 0.0
    if not 0 < amount < 1e9:
        raise ValueError(f"{text!r} is no budget. Say 10m, 2h, overnight, '45 trainings' or $3")
    return amount


def size_for(budget: Budget) -> Size:
    """Return the search that a budget is made for. A time can't know the world's speed: it is kept by the clock as well."""
    if budget.unit == "money":
        return USUAL
    limits = (1200.0, 4800.0, 4 * 3600.0) if budget.unit == "seconds" else (30.0, 70.0, 150.0)
    return next((size for limit, size in zip(limits, (SMALL, USUAL, LARGE), strict=True) if budget.amount < limit), NIGHT)


def with_budget(search: Mapping[str, object], text: str) -> dict[str, object]:
    """Return a search's settings with the sizes that a budget gives; what was set stays. Raises ValueError."""
    return {**size_for(parse_budget(text))._asdict(), **search}


def round_units(size: Size, cut: float, baselines: int) -> float:
    """Return what a round costs at most: all to the cut, the better half to the end, more seeds for the best."""
    kept = better_half(size.population)
    cost = size.population * cut + kept * (1 - cut) if cut < 1 else float(size.population)
    return cost + min(size.confirm, kept) * size.confirm_seeds + baselines


def final_units(size: Size, baselines: int) -> int:
    """Return what the finals cost."""
    return (min(size.finalists, size.rounds * size.population) + baselines) * size.final_seeds


def planned_units(size: Size, cut: float, baselines: int) -> float:
    """Return what a whole search costs at most. Baselines are trained once in round 1 and on every final seed."""
    searched = sum(round_units(size, cut, baselines if round_ == 0 else 0) for round_ in range(size.rounds))
    return searched + final_units(size, baselines)


def better_half(population: int) -> int:
    """Return how many of a round go on after the cut."""
    return max(1, population // 2)
