"""Being told to stop: SIGTERM and SIGHUP end a command as Ctrl-C does, with what is finished kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)
SHELL_BASE = 128
"""A shell says of a process which a signal ended: 128 and the signal's number."""


class Terminated(KeyboardInterrupt):
    """A signal other than Ctrl-C asks the process to end. Caught wherever Ctrl-C is."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def number_of(stop: KeyboardInterrupt) -> int:
    """Return which signal it was."""
    return stop.number if isinstance(stop, Terminated) else int(signal.SIGINT)


def told(number: int) -> str:
    """Return how a person calls it, behind "stopped"."""
    return "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"


def exit_code(number: int) -> int:
    return SHELL_BASE + number


@contextmanager
def endings_heard() -> Iterator[None]:
    """Raise `Terminated` in the main thread at the first of these signals; while it unwinds, later ones change nothing.

    A signal that whoever started us wants ignored stays so: `nohup designer run ...` goes on without its terminal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def stop(number: int, _: FrameType | None) -> None:
        for each in heard:
            signal.signal(each, signal.SIG_IGN)
        raise Terminated(number)

    for number in heard:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
