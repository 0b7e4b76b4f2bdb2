"""Our own scheduling at the size of a cluster: 1,000 nodes, 10,000 candidates, recorded durations, a clock that is made up.

    .venv/bin/python -m benchmarks.cluster_scale [--nodes 1000] [--candidates 10000] [--seed 0]

The loop, its threads, its journal on a disk and its archive are the real ones; a box takes no time but the simulated clock's.
Durations are drawn from the search trainings that `tests/recorded` holds. Three shapes: all train to the end at once, in the
order of their names; the same with the longest first, which nobody can know before: what a forecast would be worth at most; and
all train to half and the better half goes on, which waits for the last one in between. Prints the slots' use, what the host
took for an event (the machine's clock), and its memory.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import platform
import random
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.scale import SOURCE, _run, _trial
from designer import __version__
from designer.archive import Archive
from designer.display import Silent
from designer.executors import Job, JobResult, Limits, Progress
from designer.executors.at_most import AtMost
from designer.journal import CandidateProposed, Event, Journal, RunStarted, TrialsFinished
from designer.loop import Loop
from designer.proposers.composer import Composer
from designer.records import Candidate, Status, Verb, Verdict
from designer.search import Action, Advance, Batch, Stop
from designer.seeds import search_seed
from designer.workbench import Workbench, batch_folder

RECORDED = Path(__file__).parents[1] / "tests" / "recorded"
LIMITS = Limits(cpu_s=1, wall_s=1)
SHAPES = (
    ("all to the end", 1.0, False),
    ("all to the end, longest first", 1.0, True),
    ("all to half, the better half on", 0.5, False),
)
STACK_BYTES = 256 * 1024


class Clock:
    """Simulated time: it goes on when all boxes that can be at work are, to the end of the one that ends first."""

    def __init__(self) -> None:
        self.now = self.busy_s = 0.0
        self._sleeping: list[tuple[float, int, threading.Event]] = []
        self._expected = self._count = 0
        self._turn = threading.Lock()

    def expect(self, boxes: int) -> None:
        """Say how many boxes can be at work from now on, at most."""
        with self._turn:
            self._expected = boxes
            self._go_on()

    def work(self, seconds: float) -> None:
        """Be a box for so long."""
        woken = threading.Event()
        with self._turn:
            self.busy_s += seconds
            self._count += 1
            heapq.heappush(self._sleeping, (self.now + seconds, self._count, woken))
            self._go_on()
        woken.wait()

    def _go_on(self) -> None:
        if self._sleeping and len(self._sleeping) >= self._expected:
            self.now, _, woken = heapq.heappop(self._sleeping)
            woken.set()


class SimulatedCluster:
    """Implements `Executor`: so many boxes at once, each as long as a recorded training."""

    name = "simulated"

    def __init__(self, clock: Clock, durations: list[float], nodes: int, seed: int) -> None:
        self.clock, self.nodes = clock, nodes
        self._durations, self._seed = durations, seed
        self._left = 0
        self._turn = threading.Lock()

    def begin(self, jobs: int) -> None:
        """Say how many jobs come now."""
        self._left = jobs
        self.clock.expect(min(self.nodes, jobs))

    def whole_s(self, candidate: str) -> float:
        """Return how long a candidate trains to the end [s]."""
        return random.Random(f"{self._seed} {candidate}").choice(self._durations)

    def walls(self) -> str:
        return "nothing is run"

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        seconds = self.whole_s(folder.parent.name) * job.spec["share"]
        self.clock.work(seconds)
        with self._turn:
            self._left -= 1
            left = self._left
        self.clock.expect(min(self.nodes, left))
        return JobResult(Status.OK, "", {}, seconds, seconds, self.walls())

    def stop(self) -> None:
        """Nothing runs."""


class AllAtOnce:
    """Implements `Search`: every candidate trains, to the end, or to half and the better half on."""

    name = "all at once"

    def __init__(self, names: list[str], cut: float) -> None:
        self.names, self._cut = names, cut

    def next(self, archive: Archive) -> Action:
        seeds = (search_seed(0),)
        trials = {name: archive.trials_of(name, "search") for name in self.names}
        if any(not found for found in trials.values()):
            return Advance(batches=tuple(Batch(name, "search", seeds, until=self._cut) for name in self.names))
        if self._cut < 1 and all(found[-1].until < 1 for found in trials.values()):
            best = sorted(self.names, key=lambda name: -trials[name][-1].scores[-1].fitness)[: len(self.names) // 2]
            return Advance(batches=tuple(Batch(name, "search", seeds, since=self._cut) for name in best))
        return Stop(reason="all are trained", winner=None)


class Simulation(Loop):
    """The loop, with a training that the simulated cluster does and whose scores are made up."""

    cluster: SimulatedCluster

    def advance(self, batches: tuple[Batch, ...], slots: int) -> None:
        self.cluster.begin(len(batches))
        super().advance(batches, slots)

    def train_and_judge(self, batch: Batch) -> TrialsFinished:
        share = batch.until - batch.since
        self.bench.executor.run(Job("train", {"share": share}, {}, LIMITS), Path(batch_folder(batch)), lambda _: None)
        worth = random.Random(batch.candidate).random()
        return TrialsFinished(trials=(_trial(batch.candidate, batch.seeds[0], worth, batch.until),), walls="none")


def main() -> None:
    """Print a row for each shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    durations = recorded()
    threading.stack_size(STACK_BYTES)
    spread = f"{len(durations)} recorded durations, {min(durations):.0f} to {max(durations):.0f} s"
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, ", end="")
    print(f"designer {__version__}; {asked.nodes} nodes, {asked.candidates} candidates, {spread}, seed {asked.seed}\n")
    print("| shape | slot use | simulated time | trainings | host, CPU ms an event | host, ms an event | memory |")
    print("|---|---|---|---|---|---|---|")
    for name, cut, longest_first in SHAPES:
        print(f"| {name} | {simulated(asked.nodes, asked.candidates, cut, longest_first, durations, asked.seed)} |", flush=True)


def recorded() -> list[float]:
    """Return how long the search trainings of the recorded runs took, were they whole [s]."""
    events = [json.loads(line)["event"] for path in RECORDED.glob("*/journal.jsonl") for line in path.open()]
    trials = [trial for event in events for trial in event.get("trials", ()) if trial["purpose"] == "search"]
    return sorted(trial["wall_s"] / trial["until"] for trial in trials if trial["status"] == "ok")


def simulated(nodes: int, candidates: int, cut: float, longest_first: bool, durations: list[float], seed: int) -> str:
    """Do one search and return its row."""
    with tempfile.TemporaryDirectory() as scratch:
        run = _run(Path(scratch), 16)
        clock = Clock()
        cluster = SimulatedCluster(clock, durations, nodes, seed)
        bench = Workbench(run.task, run.table, run.config, AtMost(cluster, nodes), run.folder)
        names = [f"g01c{number:05d}" for number in range(candidates)]
        archive = Archive.of(opening(names))
        names.sort(key=lambda name: -cluster.whole_s(name) if longest_first else 0)
        loop = Simulation(bench, AllAtOnce(names, cut), Composer("step"), Journal(run.journal, time.time), archive, Silent())
        loop.cluster = cluster
        began, cpu = time.monotonic(), time.process_time()
        loop.design(nodes)
        events = run.journal.read_bytes().count(b"\n")
        took, cpu = time.monotonic() - began, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    use = clock.busy_s / (nodes * clock.now)
    host = f"{1000 * cpu / events:.2f} | {1000 * took / events:.2f}"
    return f"{use:.3f} | {clock.now:.0f} s | {events - 1} | {host} | {memory:.0f} MB"


def opening(names: list[str]) -> Iterator[Event]:
    """Yield the events of a run whose candidates are all there."""
    yield RunStarted(task="t", config="{}", proposer="made up", sandbox="none", fitness="given", version=__version__)
    for number, name in enumerate(names):
        candidate = Candidate(
            id=name, round=1, sample=number, verb=Verb.INIT, proposer="made up", why="", source=SOURCE.format(weight=number)
        )
        yield CandidateProposed(candidate=candidate, verdict=Verdict(status=Status.OK))


if __name__ == "__main__":
    main()
