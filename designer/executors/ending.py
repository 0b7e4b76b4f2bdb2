"""Turn how a box ended into a status: the same words for every executor."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any, NamedTuple

from designer.executors import JobResult, Limits
from designer.records import Status
from designer.text import printable

TIMED_OUT, STOPPED = "timed out", "stopped"


class Ending(NamedTuple):
    """How a box ended, as its executor saw it.

    result: what the worker sent last, or None. complaint: why the executor killed the box, or "".
    exit_status, signal: how the worker's process ended, where that is known.
    out_of_memory: whether the kernel ended something for want of memory, where that is known.
    """

    result: Mapping[str, Any] | None
    complaint: str
    exit_status: int | None
    signal: int | None
    stderr: bytes
    cpu_s: float
    wall_s: float
    walls: str
    out_of_memory: bool = False


def judged(ending: Ending, limits: Limits) -> JobResult:
    """Say what the worker did. Its own word counts only where nothing contradicts it."""
    status, error = _fault(ending, limits)
    if status is Status.OK and ending.result is not None:
        status, error = own_word(ending.result)
    content = ending.result if status is Status.OK and ending.result is not None else {}
    return JobResult(status, error, content, ending.cpu_s, ending.wall_s, ending.walls)


def _fault(ending: Ending, limits: Limits) -> tuple[Status, str]:
    if ending.complaint == TIMED_OUT:
        return Status.TIMED_OUT, f"stopped after {ending.wall_s:.0f} s of wall time (limit {limits.wall_s:.0f} s)"
    if ending.complaint:
        return Status.CRASHED, ending.complaint
    out_of_cpu = ending.signal == signal.SIGKILL and ending.cpu_s >= limits.cpu_s
    if ending.signal == signal.SIGXCPU or out_of_cpu:
        return Status.TIMED_OUT, f"stopped after {ending.cpu_s:.0f} s of CPU time (limit {limits.cpu_s} s)"
    if ending.result is None and ending.out_of_memory:
        return Status.OUT_OF_MEMORY, f"killed: it used more than {limits.memory_bytes / 1024**3:.1f} GiB of memory"
    if ending.result is None:
        how = f"signal {ending.signal}" if ending.signal else f"exit status {ending.exit_status}"
        return Status.CRASHED, f"the worker ended without a result ({how}). {last_words(ending.stderr)}".strip()
    return Status.OK, ""


def own_word(result: Mapping[str, Any]) -> tuple[Status, str]:
    """Return the status and the error that a result tells."""
    try:
        status = Status(result.get("status", ""))
    except ValueError:
        return Status.CRASHED, "the worker sent a result without a known status"
    error, line = printable(str(result.get("error", ""))), result.get("line", 0)
    if error and isinstance(line, int) and line > 0:
        error = f"line {line}: {error}"
    return status, error


def last_words(stderr: bytes) -> str:
    """Return the end of what a process said, fit to be printed."""
    return printable(stderr[-400:].decode("utf-8", errors="replace")).strip()
