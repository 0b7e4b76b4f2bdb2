"""Wait for work in other threads without becoming deaf to Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

PAUSE_S = 1.0
Done = TypeVar("Done")


def as_they_end(futures: Iterable[Future[Done]]) -> Iterator[Future[Done]]:
    """Give each future when it has ended. The wait is in pieces: the kernel may hand a signal to any thread, and Python handles
    it only when the main one runs next.
    """
    left = set(futures)
    while left:
        done, left = wait(left, timeout=PAUSE_S, return_when=FIRST_COMPLETED)
        yield from done
