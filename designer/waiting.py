"""Do work side by side in threads without becoming deaf to Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from designer.executors import Executor

PAUSE_S = 1.0
STOP_GRACE_S = 5.0
Done = TypeVar("Done")


def as_they_end(futures: Iterable[Future[Done]], idle: Callable[[], None] = lambda: None) -> Iterator[Future[Done]]:
    """Give each future when it has ended. The wait is in pieces: the kernel may hand a signal to any thread, and Python handles
    it only when the main one runs next. `idle` is called between them.
    """
    left = set(futures)
    while left:
        done, left = wait(left, timeout=PAUSE_S, return_when=FIRST_COMPLETED)
        yield from done
        if left:
            idle()


def side_by_side(
    slots: int,
    tasks: Iterable[Callable[[], Done]],
    record: Callable[[Done], None],
    stop: Callable[[], None],
    idle: Callable[[], None] = lambda: None,
) -> None:
    """Do tasks in so many threads and record each as it ends. The first failure, be it of `idle`, stops the others."""
    pool = ThreadPoolExecutor(slots)
    futures: list[Future[Done]] = [pool.submit(task) for task in tasks]
    try:
        for future in as_they_end(futures, idle):
            record(future.result())
    except BaseException:
        stop()
        pool.shutdown(wait=False, cancel_futures=True)
        wait([future for future in futures if not future.cancelled()], timeout=STOP_GRACE_S)
        raise
    pool.shutdown()


def stop_all(stopping: Event, executor: Executor) -> None:
    """End whatever waits, and every box."""
    stopping.set()
    executor.stop()
