"""Do work side by side in threads without becoming deaf to Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any, TypeVar

from designer.executors import Executor

PAUSE_S = 1.0
STOP_GRACE_S = 5.0
Done = TypeVar("Done")
Tasks = Iterable[Callable[[], Done]]
More = Callable[[], Tasks[Done]]
Idle = Callable[[], None]


def nothing() -> Tasks[Any]:
    """Return no further tasks."""
    return ()


def side_by_side(
    slots: int,
    tasks: Tasks[Done],
    record: Callable[[Done], None],
    stop: Callable[[], None],
    idle: Idle = lambda: None,
    more: More[Done] = nothing,
) -> None:
    """Do tasks in so many threads and record each as it ends. The first failure, be it of `idle`, stops the others.

    more: is asked for further tasks when one has ended and a thread has nothing to do while others are at work.
    """
    pool = ThreadPoolExecutor(slots)
    left: set[Future[Done]] = {pool.submit(task) for task in tasks}
    try:
        while left:
            ended, left = _some_that_ended(left)
            for future in ended:
                record(future.result())
            if ended and 0 < len(left) < slots:
                left |= {pool.submit(task) for task in more()}
            if left:
                idle()
    except BaseException:
        stop()
        pool.shutdown(wait=False, cancel_futures=True)
        wait([future for future in left if not future.cancelled()], timeout=STOP_GRACE_S)
        raise
    pool.shutdown()


def _some_that_ended(futures: set[Future[Done]]) -> tuple[set[Future[Done]], set[Future[Done]]]:
    """Return those that have ended, none after a pause, and the others.

    The wait is in pieces: the kernel may hand a signal to any thread, and Python handles it only when the main one runs next.
    """
    ended, left = wait(futures, timeout=PAUSE_S, return_when=FIRST_COMPLETED)
    return ended, left


def stop_all(stopping: Event, executor: Executor) -> None:
    """End whatever waits, and every box."""
    stopping.set()
    executor.stop()
