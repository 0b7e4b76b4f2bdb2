"""Start a worker in a box, and leave nothing behind. Standard library only: it runs before anything is imported.

    host -> launcher (this file) -> init (process 1 of a new pid namespace) -> worker

The launcher unshares what the kernel allows: user, pid, network and ipc namespaces. The network namespace is empty. When the
worker ends, or the launcher is killed, init dies and the kernel kills every process in the namespace. Where namespaces are
forbidden (or not wanted) the worker gets a session of its own, and the launcher kills its descendants one by one.

Covered: network, processes left behind, cpu time, address space, file size. Not covered here: reading files that the user
may read, writing where the user may write.

Usage: python -I -S box.py SPEC, with SPEC = {"argv", "cpu_s", "memory_bytes", "file_bytes", "namespaces", "parent",
"report_fd"} as JSON. `parent` is the process whose death ends the box. SIGTERM ends it too.
One line of JSON goes to `report_fd` at the end: how the worker ended, what it used, and which walls stood.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Iterable
from typing import Any

CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC = 0x10000000, 0x20000000, 0x40000000, 0x08000000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
NAMESPACES = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC


def main(spec: dict[str, Any]) -> None:
    """Run the worker to its end and report. Exits with 0 whenever the box itself worked."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Blocked until there is a child to end: a launcher that dies before would leave it behind.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    _die_with_parent(libc, spec["parent"], signal.SIGTERM)
    isolated = spec["namespaces"] and enter_namespaces(libc)
    if sys.platform.startswith("linux"):
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    launcher = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(spec["report_fd"])
        _die_with_parent(libc, None if isolated else launcher, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        _run_as_init(libc, spec) if isolated else _exec_worker(libc, spec)
    signal.signal(signal.SIGTERM, lambda *_: _kill([child] if isolated else [child, *descendants(launcher)]))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    _, status, usage = os.wait4(child, 0)
    if not isolated:
        _end_the_rest(child)
    report = {
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_memory_bytes": usage.ru_maxrss * 1024,
        "walls": walls(isolated),
    }
    os.write(spec["report_fd"], json.dumps(report).encode() + b"\n")


def walls(isolated: bool) -> str:
    """Name what stands between the worker and the machine."""
    inner = "rlimits, cleared environment, no file-system wall"
    if isolated:
        return f"user, pid, net and ipc namespaces, {inner}"
    return f"own session (no namespaces: the network is open), {inner}"


def enter_namespaces(libc: Any) -> bool:
    """Unshare, keep the own user id, and say whether the kernel allowed it."""
    uid, gid = os.getuid(), os.getgid()
    if not sys.platform.startswith("linux") or libc.unshare(NAMESPACES) != 0:
        return False
    for path, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        try:
            with open(f"/proc/self/{path}", "w") as file:
                file.write(text)
        except OSError:  # an unmapped id shows as "nobody"; the namespaces stand all the same
            break
    return True


def _run_as_init(libc: Any, spec: dict[str, Any]) -> None:
    """Be process 1: start the worker, reap whatever ends, end when the worker does and take the rest along."""
    worker = os.fork()
    if worker == 0:
        _exec_worker(libc, spec)
    while True:
        pid, status = os.wait()
        if pid == worker:
            # 128 + n is how a shell tells a signal; process 1 can't die of one itself.
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _exec_worker(libc: Any, spec: dict[str, Any]) -> None:
    os.setsid()
    if sys.platform.startswith("linux"):
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    limits = (
        (resource.RLIMIT_CPU, spec["cpu_s"]),
        (resource.RLIMIT_AS, spec["memory_bytes"]),
        (resource.RLIMIT_FSIZE, spec["file_bytes"]),
        (resource.RLIMIT_CORE, 0),
    )
    for limit, value in limits:
        if limit != resource.RLIMIT_AS or sys.platform.startswith("linux"):
            resource.setrlimit(limit, (value, value + 1 if limit == resource.RLIMIT_CPU else value))
    os.execv(spec["argv"][0], spec["argv"])


def _die_with_parent(libc: Any, parent: int | None, how: signal.Signals) -> None:
    """Ask the kernel for a signal when the parent dies; leave at once if that has already happened."""
    if sys.platform.startswith("linux"):
        libc.prctl(PR_SET_PDEATHSIG, how, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _end_the_rest(worker: int) -> None:
    """Without a pid namespace: kill what the worker left behind, and what that starts meanwhile, until nothing is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGKILL)  # all that can be done where there is no /proc
    while left := descendants(os.getpid()):
        _kill(left)
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


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
