"""Start a worker in a box, and leave nothing behind. Standard library only: it runs before anything is imported.

    host -> launcher (this file) -> init (process 1 of a new pid namespace) -> worker

What the walls are made of, from the outside in:

    namespaces   own mounts (mounts.py), processes, network (empty), ipc. When the worker ends, or the launcher is killed,
                 init dies and the kernel kills every process of the box
    landlock     only what the worker needs can be opened, where the kernel has it; the one file-system wall without namespaces
    rlimits      cpu time, address space, file size, open files, threads
    the seal     a seccomp filter, put on by the worker itself after its imports (seal.py)

Every wall is tried from inside before the worker starts (proofs.py). Without namespaces the worker gets a session of its
own, and the launcher kills its descendants one by one; the box's scratch folder is then one of the machine's.

Where a user may make no namespaces but bwrap may, bwrap makes them and starts this file again inside (bubblewrap.py).

Usage: python -s -P -S -m sandbox.box SPEC, as JSON: "argv" (the worker), "wall" ("namespaces", "bwrap", "landlock" or "none"),
"bwrap" (its path, or ""), "cpu_s", "memory_bytes", "file_bytes", "folder" (holds empty root/ and scratch/ and a file `canary`),
"files" (folders to be read: the worker's code, the job), "children" (how many jobs the worker does at once), "parent" (the
process whose death ends the box; SIGTERM ends it too), "report_fd". One line of JSON goes to `report_fd` at the end: how the
worker ended, what it used, which walls stood and what they leave open; or "refused", why there is no box.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any, NoReturn

from sandbox import confinement, kernel, namespaces, privileges
from sandbox.confinement import NOTHING, Standing
from sandbox.leftovers import descendants, end_the_rest, kill


def main(spec: dict[str, Any]) -> None:
    """Run the worker to its end and report. Exits with 0 whenever the launcher itself worked."""
    if spec["wall"] == "inside bwrap":
        os.set_inheritable(spec["tell"], False)
        _be_child(spec, 0, spec["tell"])
    # Blocked until there is a child to end: a launcher that dies before would leave it behind.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if on_linux():
        kernel.die_with_parent(signal.SIGTERM)
    if os.getppid() != spec["parent"]:
        return
    report = run(spec)
    with contextlib.suppress(BrokenPipeError):  # the host has died
        os.write(spec["report_fd"], json.dumps(report).encode() + b"\n")


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Start the worker behind its walls, wait for its end, leave nothing behind. Returns the report."""
    isolated = spec["wall"] in ("namespaces", "bwrap")
    if spec["wall"] == "bwrap" and (not spec["bwrap"] or os.getuid() == 0):
        return {"refused": "bwrap is not installed" if not spec["bwrap"] else "bwrap can do no more than root"}
    if spec["wall"] == "namespaces":
        try:
            spec = {**spec, "root_in_disguise": namespaces.enter()}
        except OSError as error:
            return {"refused": f"the kernel forbids namespaces ({error})"}
    if on_linux():
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    launcher = os.getpid()
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        os.close(spec["report_fd"])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        _be_child(spec, launcher, tell)
    os.close(tell)
    signal.signal(signal.SIGTERM, lambda *_: kill([child] if isolated else [child, *descendants(launcher)]))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    with os.fdopen(told, "rb") as file:
        # The worker's program closes the pipe when it starts; what was said before, last, is how the set-up went.
        said = file.read().splitlines()
    _, status, usage = os.wait4(child, 0)
    if not isolated:
        end_the_rest(child)
    return {
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_memory_bytes": usage.ru_maxrss * 1024,
        **(json.loads(said[-1]) if said else {"refused": "it ended while its walls were raised"}),
    }


def _be_child(spec: dict[str, Any], launcher: int, tell: int) -> NoReturn:
    """Raise the walls, then be the worker, or process 1 above it. Whatever goes wrong is told."""
    try:
        _close_all_but(tell)
        uid = privileges.unused_uid(launcher)
        if spec["wall"] == "namespaces":
            _be_init(spec, confinement.isolate(spec, uid, tell), tell)
        if spec["wall"] == "bwrap":
            confinement.let_bwrap_isolate(spec, tell)
        if spec["wall"] == "inside bwrap":
            _be_init(spec, confinement.finish_in_bwrap(spec, tell), tell)
        standing = confinement.enclose(spec, uid, tell) if spec["wall"] == "landlock" else NOTHING
        _exec_worker(spec, standing, tell)
    except Exception as error:  # noqa: BLE001 - the process edge
        _say(tell, {"refused": str(error) or type(error).__name__})
    finally:
        os._exit(1)


def _be_init(spec: dict[str, Any], standing: Standing, tell: int) -> NoReturn:
    """Be process 1: start the worker, reap whatever ends, end when the worker does and take the rest along."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # its memory is closed to the worker, which has the same user id
    worker = os.fork()
    if worker == 0:
        _exec_worker(spec, standing, tell)
    os.close(tell)
    while True:
        pid, status = os.wait()
        if pid == worker:
            # 128 + n is how a shell tells a signal; process 1 can't die of one itself.
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _exec_worker(spec: dict[str, Any], standing: Standing, tell: int) -> NoReturn:
    try:
        os.setsid()
        if on_linux():
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        privileges.limit(spec, standing.threads and standing.threads * spec["children"])
        _say(tell, {"walls": standing.walls, "gaps": standing.gaps})
        os.execv(spec["argv"][0], spec["argv"])
    except OSError as error:
        _say(tell, {"refused": f"{spec['argv'][0]} can't be started inside: {error}"})
    os._exit(1)


def _say(tell: int, what: dict[str, Any]) -> None:
    os.write(tell, json.dumps(what).encode() + b"\n")


def _close_all_but(kept: int) -> None:
    """Leave standard input, output and error, and one more."""
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 65536 else 65536)


def on_linux() -> bool:
    return sys.platform.startswith("linux")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
