"""Whether the endpoint is away: `Patience` notes it; the loop trains what it has meanwhile, and may give up waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LASTS_S = 60.0
"""An endpoint without an answer for so long is away; before, it is only slow."""


class Outage:
    """Shared by the threads that wait for replies and the loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._turn = threading.Lock()
        self.given_up = ""
        """Why no reply is waited for any more, or ""."""

    def setback(self) -> None:
        """Note that an attempt brought nothing."""
        with self._turn:
            self._since = self._clock() if self._since is None else self._since

    def answered(self) -> None:
        """Note that the endpoint is there."""
        with self._turn:
            self._since = None

    @property
    def lasts(self) -> bool:
        """Whether nothing was answered for a while, and something was asked."""
        with self._turn:
            return self._since is not None and self._clock() - self._since >= LASTS_S

    def give_up(self, reason: str) -> None:
        """Have every call that waits end as if the budget for calls were spent."""
        self.given_up = reason
