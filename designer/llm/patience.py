"""Ask again where a trouble may pass: growing pauses, said aloud, until the whole call's patience is used up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from designer.errors import ModelUnreachableError
from designer.llm import Reply
from designer.llm.outage import Outage

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
LONGEST_WAIT_AWAY_S = 600.0
"""The longest pause once a call has waited for AWAY_AFTER_S: an endpoint that is down for the night is not hammered."""
AWAY_AFTER_S = 1800.0
FIRST_CONTACT_S = 30.0
"""How long an endpoint that never answered yet is waited for: its address may be wrong."""


class Setback(NamedTuple):
    """An attempt that failed in a way that may pass. `wait_s`: as the endpoint asked, or None.

    `no_contact`: nothing answered at all.
    """

    reason: str
    wait_s: float | None = None
    no_contact: bool = False


Attempt = Callable[[float], Reply | Setback]
"""Asks once, for at most the given number of seconds."""


class Patience:
    """How long one attempt and one whole call may last. One instance may be shared by threads.

    An attempt that hangs costs `attempt_s` and leaves the rest of `total_s` for others. A server that answered before and is
    gone is waited for with growing pauses; `say` is told about each one.
    """

    def __init__(
        self,
        attempt_s: float = 180.0,
        total_s: float = 6 * 3600.0,
        say: Callable[[str], None] = lambda text: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        outage: Outage | None = None,
        answered: bool = False,
    ) -> None:
        """`outage` is told how it goes. `answered`: whether this endpoint is known to have answered before."""
        self._attempt_s = attempt_s
        self._total_s = total_s
        self._say = say
        self._sleep = sleep
        self._clock = clock
        self._outage = outage or Outage(clock)
        self._answered = answered

    def ask(self, whom: str, attempt: Attempt) -> Reply:
        """Repeat an attempt until it brings a reply. Raises ModelUnreachableError, and what the attempt raises."""
        began = self._clock()
        attempts = 0
        while True:
            answer = attempt(max(0.001, min(self._attempt_s, began + self._total_s - self._clock())))
            if isinstance(answer, Reply):
                self._answered = True
                self._outage.answered()
                return answer
            self._outage.setback()
            wait_s = self._pause_s(attempts, self._clock() - began) if answer.wait_s is None else answer.wait_s
            attempts += 1
            if self._clock() + wait_s >= began + self._limit_s(answer):
                raise _unreachable(whom, answer, attempts)
            self._say(f"{whom}: {answer.reason}. Asking again in {wait_s:.0f} s (attempt {attempts + 1}).")
            self._sleep(wait_s)

    def _pause_s(self, attempts: int, waited_s: float) -> float:
        longest = LONGEST_WAIT_S if waited_s < AWAY_AFTER_S else LONGEST_WAIT_AWAY_S
        return min(FIRST_WAIT_S * 2.0 ** min(attempts, 20), longest)

    def _limit_s(self, setback: Setback) -> float:
        unknown = setback.no_contact and not self._answered
        return min(self._total_s, FIRST_CONTACT_S) if unknown else self._total_s


def _unreachable(whom: str, setback: Setback, attempts: int) -> ModelUnreachableError:
    asked = f" It asks to wait {setback.wait_s:.0f} s." if setback.wait_s else ""
    tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    return ModelUnreachableError(f"{whom} gave no answer in {tries}; the last: {setback.reason}.{asked}")
