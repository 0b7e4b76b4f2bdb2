"""A limit to the CPU time that one reward may use, where several share a process: a call that goes beyond it is interrupted.

The interruption is a signal that raises in the reward's own code. Code that catches everything and goes on can ignore it; then
the box's own limit ends the process, and each of its candidates is trained in a box of its own.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

AGAIN_AFTER_S = 1.0
Returned = TypeVar("Returned")


class OutOfTimeError(BaseException):
    """A reward used more CPU time than it may. Not an `Exception`, so that a careless reward doesn't catch it."""


class Allowance:
    """CPU time for all calls of one reward together [s]. `over`: whether it was used up."""

    def __init__(self, cpu_s: float) -> None:
        self.cpu_s = cpu_s
        self.used_s = 0.0
        self.over = False
        self._since = 0.0

    def spend(self, call: Callable[[], Returned]) -> Returned | None:
        """Run a call and count its time. None where it was interrupted."""
        try:
            try:
                self._begin()
                return call()
            finally:
                self._end()
        except OutOfTimeError:
            self._end()  # the signal may have come while it was ended
            return None

    def _begin(self) -> None:
        self._since = time.process_time()
        _spending.append(self)
        signal.setitimer(signal.ITIMER_PROF, max(1e-3, self.cpu_s - self.used_s), AGAIN_AFTER_S)

    def _end(self) -> None:
        _spending.clear()
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        now = time.process_time()
        self.used_s += now - self._since
        self._since = now
        self.over = self.over or self.used_s > self.cpu_s


_spending: list[Allowance] = []
"""The allowance that is being spent, if one is."""


def _interrupt(_: int, __: FrameType | None) -> None:
    if _spending:  # a signal may come just after the call that it was meant for
        _spending[-1].over = True
        raise OutOfTimeError


def watch() -> None:
    """Have signals interrupt what goes beyond its allowance. To be called once, in the main thread."""
    signal.signal(signal.SIGPROF, _interrupt)
