"""Change a reward's named numbers and nothing else: the verb `tune`, for whoever wrote it. No model is asked."""

from __future__ import annotations

import math
from random import Random

from designer.numbers import named_numbers, with_numbers
from designer.proposers import Draft
from designer.records import Candidate, Fault

TUNE_SPREAD = 0.35
"""Standard deviation of the logarithm of a tuned number's factor: about 2^N(0, 0.5)."""


def tuned(parent: Candidate, rng: Random, because: str = "") -> Draft:
    """Multiply every named number by a log-normal factor. Works on any reward that parses; else the draft has a fault."""
    source = parent.source
    try:
        found = {name: value for name, value in named_numbers(source).items() if value}
    except ValueError as error:
        return Draft(source=source, faults=(Fault(line=0, message=str(error)),))
    if not found:
        hint = "Write weights and temperatures as `name = number` at the top of the function."
        fault = Fault(line=0, message=f"{parent.id} has no named number to tune.", hint=hint)
        return Draft(source=source, faults=(fault,))
    changes = {name: float(f"{value * math.exp(rng.gauss(0.0, TUNE_SPREAD)):.3g}") for name, value in found.items()}
    shown = ", ".join(f"{name} {found[name]:g} -> {value:g}" for name, value in changes.items())
    why = f"{because}Only the numbers of {parent.id} change: {shown}."
    return Draft(source=with_numbers(source, changes), why=why, expects="The same idea, better balanced.")
