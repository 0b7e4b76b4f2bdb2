"""A process that is ready to probe: everything imported, the transitions made. It forks one sealed child a candidate.

    host -> warm parent -> clerk (one a candidate) -> child (sealed, then the candidate's code)

The parent runs no candidate's code and reads none: it takes the eight bytes that announce a request and forks a clerk. The
clerk reads the request, forks the child, and carries what the child says to the host as one frame that it doesn't look into.
The child speaks as any worker does: first that it is sealed, last its result. The seal keeps it from the clerk, the parent
and other children; parent and clerk can't be traced or read (not dumpable), and none of their descriptors is left to it.

Usage: python -m sandbox.warm WORLD SEED CPU_S WALL_S IDLE_S; CPU_S and WALL_S are a child's. Requests on standard input: the
length (8 bytes, big-endian) and JSON, {"source", "entry"}. Answers, in order, on what was standard output: a frame `ready`,
then a frame `answer` a request: a line of JSON (how the child ended, what it used, how long its stream is), its stream, its
standard error. It ends at the end of its input, or after IDLE_S without a request.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import struct
import sys
import time
from typing import Any, NamedTuple, NoReturn

import torch

from sandbox import kernel, seal
from sandbox.drawing import draw_nothing
from sandbox.output import Output
from sandbox.probe import Play, judge, random_play
from sandbox.worker import tell_failures

MAX_REQUEST_BYTES = 4 * 1024**2
MAX_STREAM_BYTES = 8 * 1024**2
MAX_ERROR_BYTES = 64 * 1024
IDLE_REWARD = "import torch\n\n\ndef reward(s, a):\n    return {'effort': -torch.tanh(a).square().sum(-1)}\n"


class Said(NamedTuple):
    """What came out of a child, and why it was killed ("" where it ended by itself)."""

    stream: bytes
    error: bytes
    complaint: str


class Limits(NamedTuple):
    """What a child may use, in seconds."""

    cpu_s: int
    wall_s: float


def main(world: str, seed: int, limits: Limits, idle_s: float) -> None:
    """Make everything ready, then answer requests one after the other."""
    output = Output.take_stdout()
    draw_nothing()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    torch.set_num_threads(1)
    play = random_play(world, seed)
    with open(os.devnull, "wb") as nobody:
        judge(IDLE_REWARD, "reward", play, Output(nobody))  # what is loaded late is loaded now, once for all
    gc.collect()
    gc.freeze()  # a child's collections leave the shared pages alone
    output.write("ready", b"")
    while length := _announced(idle_s):
        clerk = os.fork()
        if clerk == 0:
            _be_clerk(length, play, limits, output)
        _, status = os.waitpid(clerk, 0)
        if status:
            return  # the line to the host may hold half an answer


def _announced(idle_s: float) -> int:
    """Wait for a request. Returns its length, 0 where no more will come."""
    ready, _, _ = select.select([0], [], [], idle_s)
    head = _read_exactly(8) if ready else b""
    length = int(struct.unpack(">Q", head)[0]) if len(head) == 8 else 0
    return length if length <= MAX_REQUEST_BYTES else 0


def _read_exactly(length: int) -> bytes:
    parts = []
    while length:
        part = os.read(0, length)
        if not part:
            return b""
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _be_clerk(length: int, play: Play, limits: Limits, output: Output) -> NoReturn:
    """Read a request, have a child answer it, send the answer."""
    request: dict[str, Any] = json.loads(_read_exactly(length))
    stream, stream_end = os.pipe()
    error, error_end = os.pipe()
    deadline = time.monotonic() + limits.wall_s
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))
        _be_child(request, play, stream_end, error_end)
    os.close(stream_end)
    os.close(error_end)
    said = _listen(stream, error, deadline)
    status, cpu_s, complaint = _ended(child, deadline, said.complaint)
    how = {
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "cpu_s": cpu_s,
        "complaint": complaint,
        "stream_bytes": len(said.stream),
    }
    output.write("answer", json.dumps(how).encode() + b"\n" + said.stream + said.error)
    os._exit(0)


def _be_child(request: dict[str, Any], play: Play, stream_end: int, error_end: int) -> NoReturn:
    """Keep two descriptors, seal, and probe."""
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(error_end, 1)
        os.dup2(error_end, 2)
        os.dup2(stream_end, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        output = Output(os.fdopen(3, "wb"))

        def work() -> None:
            seal.apply()
            output.seal(True)
            judge(request["source"], request["entry"], play, output)

        tell_failures(work, output)
        sys.stdout.flush()
        os._exit(0)
    finally:
        os._exit(1)


def _listen(stream: int, error: int, deadline: float) -> Said:
    """Read both pipes to their ends, up to what may be said and until the deadline."""
    kept = {stream: bytearray(), error: bytearray()}
    left = {stream, error}
    complaint = ""
    while left and not complaint:
        ready, _, _ = select.select(list(left), [], [], max(0.0, deadline - time.monotonic()))
        for descriptor in ready:
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                left.discard(descriptor)
            kept[descriptor] += chunk
        del kept[error][MAX_ERROR_BYTES:]
        if len(kept[stream]) > MAX_STREAM_BYTES:
            complaint = "the box sent more bytes than it may"
        elif not ready:
            complaint = "timed out"
    return Said(bytes(kept[stream][:MAX_STREAM_BYTES]), bytes(kept[error]), complaint)


def _ended(child: int, deadline: float, complaint: str) -> tuple[int, float, str]:
    """Wait for the child's end, or make one. Returns its wait status, its CPU time, and why it was killed."""
    while not complaint:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            return status, usage.ru_utime + usage.ru_stime, ""
        if time.monotonic() > deadline:
            complaint = "timed out"
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    return status, usage.ru_utime + usage.ru_stime, complaint


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Limits(int(sys.argv[3]), float(sys.argv[4])), float(sys.argv[5]))
