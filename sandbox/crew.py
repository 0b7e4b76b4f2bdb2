"""Who does a warm process's jobs: for each one a clerk, an init and a child, forked from it, who wait for the job beforehand.

Forking a process with torch and a world in it takes its time, and a job needs three forks. So the next three are made while
the last job goes on. The clerk leaves the other children's namespaces where the kernel lets it, forks the child,
waits for it, and tells how it ended; init is process 1 of the child's own pid namespace. The child takes its files, closes all
but its stream, may from then on open nothing but what its Python reads, and write nothing; then it seals itself and does what
any worker does.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import resource
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np

from sandbox import kernel, landlock, privileges, seal
from sandbox.namespaces import NEWUSER, VIEWS
from sandbox.output import Output
from sandbox.worker import module_of, tell_failures

MAX_REQUEST_BYTES = 64 * 1024
MAX_FILES = 64
LINE, STREAM, ERROR = range(3)


class Request(NamedTuple):
    """A job to be done, as it came in a packet. told: JSON, its limits and the names of its files."""

    told: bytes
    descriptors: Sequence[int]


class Worker(Protocol):
    """What is ready in the process that is forked. rules: what a child may open."""

    rules: list[landlock.Rule]

    def do(self, job: Mapping[str, Any], files: Mapping[str, bytes], output: Output) -> None:
        """Run a job's verb."""


class Crew:
    """The clerks of a warm process: those at work, and one who waits with its child for the next job."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._at_work: set[int] = set()
        self._next = self._hire()

    def do(self, request: Request) -> None:
        """Hand a job over, and have the next one's crew made. The request's descriptors are closed here."""
        try:
            self._next.take(request)
        except OSError:  # it ended while it waited
            self._next.close()
            self._next = self._hire()
            self._next.take(request)
        for descriptor in request.descriptors:
            os.close(descriptor)
        self._at_work.add(self._next.clerk)
        self._next.close()
        self._next = self._hire()

    def at_work(self) -> bool:
        """Forget the clerks that have ended; say whether one is at a job."""
        with contextlib.suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                self._at_work.discard(pid)
        return bool(self._at_work)

    def _hire(self) -> _Waiting:
        to_clerk, clerks = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        to_child, childs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        clerk = os.fork()
        if clerk == 0:
            to_clerk.close()
            to_child.close()
            _be_clerk(clerks, childs, self._worker)
        clerks.close()
        childs.close()
        return _Waiting(clerk, to_clerk, to_child)


class _Waiting(NamedTuple):
    """A clerk and its child, and the sockets that they wait at."""

    clerk: int
    to_clerk: socket.socket
    to_child: socket.socket

    def take(self, request: Request) -> None:
        """Hand a job over. Raises OSError."""
        socket.send_fds(self.to_child, [request.told], request.descriptors[STREAM:])
        socket.send_fds(self.to_clerk, [b"job"], request.descriptors[LINE:STREAM])

    def close(self) -> None:
        self.to_clerk.close()
        self.to_child.close()


def _be_clerk(to_me: socket.socket, to_child: socket.socket, worker: Worker) -> NoReturn:
    """Make a child, wait for its job, and tell how it ended."""
    try:
        kernel.die_with_parent(signal.SIGKILL)
        alone = _leave_the_others()
        child = os.fork()
        if child == 0:
            kernel.die_with_parent(signal.SIGKILL)
            to_me.close()
            if alone:
                _be_init()
            _be_child(to_child, worker, alone)
        to_child.close()
        os.closerange(0, 2)
        _, lines, _, _ = socket.recv_fds(to_me, 16, 1)
        if lines:
            os.write(lines[0], json.dumps(_watched(child, lines[0])).encode() + b"\n")
    finally:
        os._exit(0)


def _leave_the_others() -> bool:
    """Enter namespaces that no other child is in. False where the kernel doesn't let one who has them already."""
    try:
        kernel.call("unshare", NEWUSER | VIEWS)
    except OSError:
        return False
    return True


def _be_init() -> None:
    """Be process 1: start the child, in which this returns, and end when it does."""
    child = os.fork()
    if child == 0:
        return
    os.closerange(0, 256)
    _, status = os.waitpid(child, 0)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _watched(child: int, line: int) -> dict[str, Any]:
    """Wait for the child's end, or end it when the host shuts the line. Returns how it ended."""
    ends = os.pidfd_open(child)
    ready, _, _ = select.select([ends, line], [], [])
    if ends not in ready:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    return {
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_memory_bytes": usage.ru_maxrss * 1024,
    }


def _be_child(to_me: socket.socket, worker: Worker, alone: bool) -> NoReturn:
    """Wait for a job, keep one descriptor, seal, and do it."""
    try:
        data, descriptors, _, _ = socket.recv_fds(to_me, MAX_REQUEST_BYTES, MAX_FILES)
        if not data:
            os._exit(0)  # the warm process has ended
        told = json.loads(data)
        _limit(told, alone)
        stream, error, *opened = descriptors
        files = {name: _content(descriptor) for name, descriptor in zip(told["files"], opened, strict=True)}
        kept = os.dup(stream)  # above those that are replaced now
        os.dup2(error, 1)
        os.dup2(1, 2)
        os.dup2(kept, 3)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.closerange(4, 256)
        output = Output(os.fdopen(3, "wb"))
        job = json.loads(files["job.json"])

        def work() -> None:
            _draw_anew()
            importlib.import_module(module_of(job))  # there already, but for another trainer's
            landlock.enclose(worker.rules)
            seal.apply()
            output.seal(True)
            worker.do(job, files, output)

        tell_failures(work, output)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    finally:
        os._exit(1)


def _draw_anew() -> None:
    """Seed the global generators: a world that draws from them unseeded must not draw the same in every job."""
    random.seed()
    np.random.seed()


def _limit(told: Mapping[str, Any], alone: bool) -> None:
    """Set what the child may use. It writes no file, so that there is nothing to be found by others."""
    resource.setrlimit(resource.RLIMIT_CPU, (told["cpu_s"], told["cpu_s"] + 1))
    resource.setrlimit(resource.RLIMIT_AS, (told["memory_bytes"], told["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if alone:  # threads are counted for each user namespace: those of the others are not its own
        resource.setrlimit(resource.RLIMIT_NPROC, (privileges.THREADS, privileges.THREADS))


def _content(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()
