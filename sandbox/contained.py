"""Process 1 of a container: try the walls, start the worker, end with it, or when the host is gone. Standard library only.

    engine -> this file (process 1, which nobody inside can kill) -> worker

The engine raises the walls (`designer/executors/docker.py` asks for them); here each is tried before the worker starts, so
that a container without one runs nothing. Standard input is the line to the host: its end means that the host is dead,
and ends everything in here.

Usage: python -s -P -S -m sandbox.contained SPEC, as JSON: "argv" (the worker), "cpu_s", "memory_bytes" (address space),
"file_bytes", "wall_s" (a second belt: the host keeps the clock), "read_only" (what must not be writable).
The last line of standard error, written when nothing else lives in here, is the report: how the worker ended, what it
used, which walls stood; or "refused", why it wasn't started.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from typing import Any, NamedTuple, NoReturn

from sandbox import kernel, privileges, proofs

UNBOUNDED = 1 << 40  # threads are bounded by the container, not by a limit that all containers of one user share
WALLS = ["no network", "read-only root", "no capabilities"]
OUT_OF_MEMORY_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


class Ended(NamedTuple):
    """How the worker ended (a wait status), and the CPU time of all that was in the container."""

    status: int
    cpu_s: float
    peak_memory_bytes: int


def main(spec: dict[str, Any]) -> NoReturn:
    """Run the worker to its end and report."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))  # process 1 hears no signal that it doesn't listen to
    try:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        proofs.of_container(spec["read_only"])
    except (proofs.WallError, OSError) as error:
        _report({"refused": str(error)})
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    told, tell = os.pipe()
    worker = os.fork()
    if worker == 0:
        _be_worker(spec, tell)
    os.close(tell)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)  # the stream is the worker's alone: it must end with it
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # no look at this process's memory or descriptors from inside
    with os.fdopen(told, "rb") as file:
        refused = file.read().decode()
    ended = wait(worker, awake, time.monotonic() + spec["wall_s"])
    _report({"refused": refused} if refused else _told(ended))


def _be_worker(spec: dict[str, Any], tell: int) -> NoReturn:
    """Become the worker, with limits of its own. Says why where it can't."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the line to the host is not its own
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # where memory runs out the worker dies, and the launcher tells
        privileges.limit(spec, UNBOUNDED)
        os.execv(spec["argv"][0], spec["argv"])
    except OSError as error:
        os.write(tell, f"{spec['argv'][0]} can't be started in the container: {error}".encode())
    os._exit(1)


def wait(worker: int, awake: int, deadline: float) -> Ended:
    """Wait for the worker, the end of the host's line or the deadline; then end and reap whatever is left."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(awake, select.POLLIN)
    status, cpu_s, peak = signal.SIGKILL.value, 0.0, 0
    killed = False
    while True:
        try:
            pid, ending, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return Ended(status, cpu_s, peak)
        if pid:
            cpu_s += usage.ru_utime + usage.ru_stime
            peak = max(peak, usage.ru_maxrss * 1024)
            status = ending if pid == worker else status
        if (pid == worker or not _host_listens(poll, pid, awake, deadline)) and not killed:
            killed = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)


def _host_listens(poll: select.poll, reaped: int, awake: int, deadline: float) -> bool:
    """Sleep until something happens, unless something has just been reaped. False: the host is gone, or time is up."""
    if reaped:
        return True
    left = deadline - time.monotonic()
    for descriptor, _ in poll.poll(max(0.0, left) * 1000):
        if descriptor == 0 and not os.read(0, 4096):
            poll.unregister(0)
            return False
        if descriptor == awake:
            os.read(awake, 4096)
    return left > 0


def _told(ended: Ended) -> dict[str, Any]:
    return {
        "exit": os.WEXITSTATUS(ended.status) if os.WIFEXITED(ended.status) else None,
        "signal": os.WTERMSIG(ended.status) if os.WIFSIGNALED(ended.status) else None,
        "cpu_s": ended.cpu_s,
        "peak_memory_bytes": ended.peak_memory_bytes,
        "out_of_memory": ran_out_of_memory(),
        "walls": WALLS,
    }


def ran_out_of_memory() -> bool:
    """Say whether the kernel has killed something in this container for want of memory, where it can be seen."""
    for path in OUT_OF_MEMORY_COUNTERS:
        with contextlib.suppress(OSError):
            return any(line.split() > ["oom_kill", "0"] for line in _read(path).splitlines() if line.startswith("oom_kill "))
    return False


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _report(report: dict[str, Any]) -> NoReturn:
    with contextlib.suppress(OSError):  # the host may be gone
        os.write(2, b"\n" + json.dumps(report).encode() + b"\n")
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
