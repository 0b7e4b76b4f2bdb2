"""A process that is ready for jobs: torch imported, a world loaded. It forks one sealed child a job.

    host -> warm parent -> clerk (one a job) -> init -> child (sealed, then the job)

Importing costs more than many a job; here it is done once. The parent runs no candidate's code and reads none: for each
request it takes the job's open files from the host and forks a clerk. The clerk leaves the other children's namespaces where
the kernel lets it, forks the child, waits for it, and tells how it ended; init is process 1 of the child's own pid namespace.
The child reads its files, closes all but its stream, may from then on open nothing but what its Python reads, and write
nothing; then it seals itself and does what any worker does. So a child is a fresh box: it finds no trace of those before it,
and reaches none beside it. Parent, clerk and init can't be traced or read (not dumpable).

Usage: python -m sandbox.warm ROLE WORLD SEED IDLE_S, with a socket of packets as standard input. ROLE: `candidates` (probe,
train, train_together, explain) or `judges` (rollout, score, analyse, compare): what judges never comes from a process that
ran with candidates. SEED: of the probe's random play. A packet is JSON, {"files": names, "cpu_s", "memory_bytes"}, and
carries descriptors: the job's own line to the host, the ends of two pipes (stream, standard error), then the files. The host
kills the child by shutting the job's line, and reads from it, last, one line of JSON: how the child ended. The parent ends
with the host, or after IDLE_S with nothing to do.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import torch

from envs import worlds
from sandbox import kernel, landlock, places, privileges, seal
from sandbox.drawing import draw_nothing
from sandbox.namespaces import NEWUSER, VIEWS
from sandbox.output import Output
from sandbox.worker import VERBS, module_of, tell_failures

ROLES = {"candidates": ("probe", "train", "train_together", "explain"), "judges": ("rollout", "score", "analyse", "compare")}
MAX_REQUEST_BYTES = 64 * 1024
MAX_FILES = 64
LINE, STREAM, ERROR = range(3)
IDLE_REWARD = "import torch\n\n\ndef reward(s, a):\n    return {'effort': -torch.tanh(a).square().sum(-1)}\n"


class Request(NamedTuple):
    """A job to be done: its limits and the names of its files; descriptors as in the packet."""

    told: Mapping[str, Any]
    descriptors: Sequence[int]


class Ready:
    """What is made once for all children."""

    def __init__(self, role: str, world: str, seed: int) -> None:
        self.world = world
        for verb in ROLES[role]:
            importlib.import_module(VERBS[verb])
        self.rules = [landlock.Rule(path, landlock.READ) for path in _readable()]
        if role == "candidates":
            self._warm_up(seed)
        else:
            worlds.load(world)

    def _warm_up(self, seed: int) -> None:
        """Make the probe's transitions, and have loaded now what torch loads at its first use."""
        from sandbox import probe, train

        self._seed, self._play = seed, probe.random_play(self.world, seed)
        with open(os.devnull, "wb") as nobody:
            probe.judge(IDLE_REWARD, "reward", self._play, Output(nobody))
            settings = {"num_envs": 2, "horizon": 2, "minibatches": 1}
            job = {"world": self.world, "seeds": [0], "steps": 4, "fractions": [1.0], "settings": settings}
            reward = {"kind": "code", "entry": "reward"}
            train.run({**job, "reward": reward}, lambda _: IDLE_REWARD.encode(), Output(nobody))

    def do(self, job: Mapping[str, Any], files: Mapping[str, bytes], output: Output) -> None:
        """Run a verb. A probe for the seed that is ready costs no play."""
        if job["verb"] == "probe" and (job["world"], job["seed"]) == (self.world, self._seed):
            from sandbox import probe

            probe.judge(files["reward.py"].decode("utf-8"), job["entry"], self._play, output)
        else:
            importlib.import_module(module_of(job)).run(job, files.__getitem__, output)


def main(role: str, world: str, seed: int, idle_s: float) -> None:
    """Make everything ready, then start a child for every request."""
    if not landlock.version():
        return  # children would share the box's scratch folder
    draw_nothing()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    torch.set_num_threads(1)
    ready = Ready(role, world, seed)
    if not _a_child_can_make(ready):
        return  # a world that writes files needs a box with a scratch folder
    gc.collect()
    gc.freeze()  # a child's collections leave the shared pages alone
    line = socket.socket(fileno=0)
    line.send(b"ready")
    while (request := _next_request(line, idle_s)) is not None:
        if os.fork() == 0:
            _be_clerk(request, ready)
        for descriptor in request.descriptors:
            os.close(descriptor)


def _a_child_can_make(ready: Ready) -> bool:
    """Say whether the world can be made by one who may write nothing, as a child is: some write themselves a model first."""
    child = os.fork()
    if child == 0:
        try:
            landlock.enclose(ready.rules)
            worlds.make(ready.world, 1)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _next_request(line: socket.socket, idle_s: float) -> Request | None:
    """Wait for a request. None where no more will come, or none came for long and nobody is at work."""
    while not select.select([line], [], [], idle_s)[0]:
        if not _clerks():
            return None
    data, descriptors, _, _ = socket.recv_fds(line, MAX_REQUEST_BYTES, MAX_FILES)
    _clerks()
    return Request(json.loads(data), descriptors) if data else None


def _clerks() -> bool:
    """Forget the clerks that have ended; say whether others live."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _be_clerk(request: Request, ready: Ready) -> NoReturn:
    """Start a child, and tell how it ended."""
    try:
        kernel.die_with_parent(signal.SIGKILL)
        alone = _leave_the_others()
        child = os.fork()
        if child == 0:
            kernel.die_with_parent(signal.SIGKILL)
            if alone:
                _be_init()
            _be_child(request, ready, alone)
        line = request.descriptors[LINE]
        for descriptor in (0, 1, *request.descriptors[LINE + 1 :]):
            os.close(descriptor)  # the pipes end with the child
        os.write(line, json.dumps(_watched(child, line)).encode() + b"\n")
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


def _be_child(request: Request, ready: Ready, alone: bool) -> NoReturn:
    """Take the job, keep one descriptor, seal, and do it."""
    try:
        _limit(request.told)
        if alone:  # threads are counted for each user namespace: those of the others are not its own
            resource.setrlimit(resource.RLIMIT_NPROC, (privileges.THREADS, privileges.THREADS))
        opened = request.descriptors[ERROR + 1 :]
        files = {name: _content(descriptor) for name, descriptor in zip(request.told["files"], opened, strict=True)}
        stream = os.dup(request.descriptors[STREAM])  # above those that are replaced now
        os.dup2(request.descriptors[ERROR], 1)
        os.dup2(1, 2)
        os.dup2(stream, 3)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.closerange(4, 256)
        output = Output(os.fdopen(3, "wb"))
        job = json.loads(files["job.json"])

        def work() -> None:
            importlib.import_module(module_of(job))  # there already, but for another trainer's
            landlock.enclose(ready.rules)
            seal.apply()
            output.seal(True)
            ready.do(job, files, output)

        tell_failures(work, output)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    finally:
        os._exit(1)


def _limit(told: Mapping[str, Any]) -> None:
    """Set what the child may use. It writes no file, so that there is nothing to be found by others."""
    resource.setrlimit(resource.RLIMIT_CPU, (told["cpu_s"], told["cpu_s"] + 1))
    resource.setrlimit(resource.RLIMIT_AS, (told["memory_bytes"], told["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _content(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _readable() -> list[str]:
    """Return what a child may open: what its Python imports from, and nothing of other processes."""
    code = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [*places.of_worker(sys.executable).read, *code, *places.DEVICES, *places.PROC_WITHOUT_PROCESSES]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
