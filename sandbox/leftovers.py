"""End what a worker left behind where no pid namespace does it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable


def kill(pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def end_the_rest(worker: int) -> None:
    """Kill what the worker left behind, and what that starts meanwhile, until nothing is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGKILL)  # all that can be done where there is no /proc
    while left := descendants(os.getpid()):
        kill(left)
        for pid in left:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # not ours until its parent has died
                continue


def descendants(root: int) -> list[int]:
    """Return the process ids below `root`, by reading /proc (orphans land below the launcher: it is a subreaper)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            children.setdefault(parent, []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
