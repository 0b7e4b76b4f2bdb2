"""An order of factors: what matters in a task, the most important first, each a line of text. Parsed here, never run here.

speed: -torso_velocity[x]                 a name, and a value a step: the higher the better
effort: -norm(action) ** 2 within 0.3     alike where two rollouts' means differ by less than 0.3 standard deviations
"""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from designer.allowed import BUILTINS, MODULES
from designer.errors import TaskError
from designer.expression import parse_step
from designer.records import Factor, StateTable

MARGIN = 0.5
FEWEST, MOST = 2, 8
MAX_NAME_CHARACTERS = 40
WITHIN = " within "
TAKEN = frozenset({*BUILTINS, *MODULES, "reward", "potential", "s", "a"})
"""Names that mean something else in a reward's code, where a factor's term has its name."""


def parse_order(lines: Sequence[str], table: StateTable) -> tuple[Factor, ...]:
    """Read an order of factors, the most important first; () of no lines. Raises TaskError."""
    order = tuple(_factor(line, number, table) for number, line in enumerate(lines, start=1))
    names = [factor.name for factor in order]
    again = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if again:
        raise TaskError(f"order: two factors are called {again}. Give each its own name.")
    if lines and not FEWEST <= len(lines) <= MOST:
        raise TaskError(f"order: {len(lines)} factor(s); an order has {FEWEST} to {MOST}, the most important first.")
    return order


def _factor(line: str, number: int, table: StateTable) -> Factor:
    where = f"order, factor {number}: "
    name, colon, text = line.partition(":")
    name = name.strip()
    if not colon:
        raise TaskError(f'{where}{line[:80]!r} has no name. Write for example "effort: -norm(action)".')
    sound = name.isascii() and name.isidentifier() and name[0] != "_" and len(name) <= MAX_NAME_CHARACTERS
    if not sound or keyword.iskeyword(name) or name in TAKEN:
        raise TaskError(f"{where}{name[:80]!r} can't be a name. Letters, digits and _ make one, such as saved_effort.")
    value, within, margin = text.rpartition(WITHIN)
    try:
        return Factor(name=name, value=parse_step(value if within else text, table), margin=_margin(margin if within else ""))
    except TaskError as error:
        raise TaskError(f"{where}{error}") from None


def _margin(text: str) -> float:
    """Read how many standard deviations are alike; the usual number where nothing is said."""
    if not text:
        return MARGIN
    try:
        margin = float(text)
    except ValueError:
        margin = -1.0
    if not 0 <= margin <= 10:
        raise TaskError(
            f"within {text.strip()[:40]!r}: write a number of standard deviations from 0 to 10, such as within 0.3."
        )
    return margin
