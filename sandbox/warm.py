"""A process that is ready for jobs: torch imported, a world loaded. It forks one sealed child a job.

    host -> warm parent -> clerk (one a job) -> init -> child (sealed, then the job)

Importing costs more than many a job; here it is done once. The parent runs no candidate's code and reads none: for each
request it takes the job's open files from the host and hands them to a clerk and its child (`sandbox/crew.py`), who are there
before the job is. So a child is a fresh box: it finds no trace of those before it, and reaches none beside it. Parent, clerk
and init can't be traced or read (not dumpable).

Usage: python -m sandbox.warm ROLE WORLD SEED IDLE_S, with a socket of packets as standard input. ROLE: `candidates` (probe,
train, train_together, explain) or `judges` (rollout, score, analyse, compare): what judges never comes from a process that
ran with candidates. SEED: of the probe's random play. A packet is JSON, {"files": names, "cpu_s", "memory_bytes"}, and
carries descriptors: the job's own line to the host, the ends of two pipes (stream, standard error), then the files. The host
kills the child by shutting the job's line, and reads from it, last, one line of JSON: how the child ended. The parent ends
with the host, or after IDLE_S with nothing to do.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import socket
import sys
from collections.abc import Mapping
from typing import Any

import torch

from envs import worlds
from sandbox import huge_pages, kernel, landlock, places
from sandbox.crew import MAX_FILES, MAX_REQUEST_BYTES, Crew, Request
from sandbox.drawing import draw_nothing
from sandbox.output import Output
from sandbox.worker import VERBS, module_of

ROLES = {"candidates": ("probe", "train", "train_together", "explain"), "judges": ("rollout", "score", "analyse", "compare")}
IDLE_REWARD = "import torch\n\n\ndef reward(s, a):\n    return {'effort': -torch.tanh(a).square().sum(-1)}\n"


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
    if len(os.listdir("/proc/self/task")) > 1:
        return  # a fork has one thread: what the world's own ones hold or do would be missing
    gc.collect()
    gc.freeze()  # a child's collections leave the shared pages alone
    huge_pages.collapse()
    line = socket.socket(fileno=0)
    crew = Crew(ready)
    line.send(b"ready")
    while (request := _next_request(line, idle_s, crew)) is not None:
        crew.do(request)


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


def _next_request(line: socket.socket, idle_s: float, crew: Crew) -> Request | None:
    """Wait for a request. None where no more will come, or none came for long and nobody is at work."""
    while not select.select([line], [], [], idle_s)[0]:
        if not crew.at_work():
            return None
    data, descriptors, _, _ = socket.recv_fds(line, MAX_REQUEST_BYTES, MAX_FILES)
    crew.at_work()
    return Request(data, descriptors) if data else None


def _readable() -> list[str]:
    """Return what a child may open: what its Python imports from, and nothing of other processes."""
    code = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [*places.of_worker(sys.executable).read, *code, *places.DEVICES, *places.PROC_WITHOUT_PROCESSES]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
