"""Our own scheduling at the size of a cluster: 1,000 nodes, 10,000 candidates, recorded durations, a clock that is made up.

    .venv/bin/python -m benchmarks.cluster_scale [--nodes 1000] [--candidates 10000] [--seed 0]

The loop, its threads, its journal on a disk and its archive are the real ones; a box takes no time but the simulated clock's.
Durations are drawn from the search trainings that `tests/recorded` holds. Prints the slots' use, what the host took for an
event (the machine's clock), and its memory, for

    halving     the default search's own round: all to half, the better half to the end
    waiting     the same as it would be without asking again for idle slots: all wait for the last one at the cut
    as named    all to the end, in the order of their names, as a rule without a cut does: nobody knows who takes long
    known       the same with the longest first: what a forecast would be worth at most
    in pieces   all to the end in pieces of a quarter, the longest first as soon as a piece of each was timed; that each piece
                starts a box of its own is not counted
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
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.scale import SOURCE, _run, _trial
from designer import __version__
from designer.archive import Archive
from designer.config import SearchConfig
from designer.display import Silent
from designer.executors import Job, JobResult, Limits, Progress
from designer.executors.at_most import AtMost
from designer.journal import CandidateProposed, Event, Journal, RunStarted, TrialsFinished
from designer.loop import Done, Loop
from designer.proposers.composer import Composer
from designer.records import Candidate, Status, Verb, Verdict
from designer.search import Action, Advance, Batch, Search, Stop
from designer.search.halving import Halving
from designer.seeds import search_seed
from designer.waiting import Idle, More, Tasks, nothing
from designer.workbench import Workbench, batch_folder

RECORDED = Path(__file__).parents[1] / "tests" / "recorded"
LIMITS = Limits(cpu_s=1, wall_s=1)
SHAPES = ("halving", "waiting", "as named", "known", "in pieces")
STACK_BYTES = 256 * 1024


class Clock:
    """Simulated time: it goes on when all boxes that can be at work are, to the end of the one that ends first.

    Where there are fewer jobs than nodes, it also waits for the host, which may have more: what the host takes is told apart.
    """

    def __init__(self, nodes: int) -> None:
        self.now = self.busy_s = 0.0
        self._nodes = nodes
        self._sleeping: list[tuple[float, int, threading.Event]] = []
        self._left = self._ended = self._seen = self._count = 0
        self._turn = threading.Lock()

    def given(self, jobs: int) -> None:
        """Take in that there are so many more jobs."""
        with self._turn:
            self._left += jobs

    def seen(self, ended: int) -> None:
        """Take in that the host knows of so many ended jobs and has given what it had to give."""
        with self._turn:
            self._seen = ended
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
        idle = self._left < self._nodes
        if self._sleeping and len(self._sleeping) == min(self._left, self._nodes) and not (idle and self._seen < self._ended):
            self.now, _, woken = heapq.heappop(self._sleeping)
            self._left -= 1
            self._ended += 1
            woken.set()


class SimulatedCluster:
    """Implements `Executor`: so many boxes at once, each as long as a recorded training."""

    name = "simulated"

    def __init__(self, clock: Clock, durations: list[float], seed: int) -> None:
        self.clock = clock
        self._durations, self._seed = durations, seed

    def whole_s(self, candidate: str) -> float:
        """Return how long a candidate trains to the end [s]."""
        return random.Random(f"{self._seed} {candidate}").choice(self._durations)

    def walls(self) -> str:
        return "nothing is run"

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        seconds = self.whole_s(folder.parent.name) * job.spec["share"]
        self.clock.work(seconds)
        return JobResult(Status.OK, "", {}, seconds, seconds, self.walls())

    def stop(self) -> None:
        """Nothing runs."""


class Pieces:
    """Implements `Search`: every candidate trains to the end, in so many pieces; each goes on without waiting for others."""

    name = "all in pieces"

    def __init__(self, names: list[str], pieces: int) -> None:
        self.names, self._piece = names, 1 / pieces

    def next(self, archive: Archive) -> Action:
        batches = []
        for name in self.names:
            trials = archive.trials_of(name, "search")
            since = trials[0].until if trials else 0.0
            if since < 1:
                batches.append(Batch(name, "search", (search_seed(0),), since=since, until=since + self._piece))
        return Advance(tuple(batches)) if batches else Stop(reason="all are trained", winner=None)


class OneRound:
    """Implements `Search`: halving's first round, without the finals. waits: nobody goes on before all are at the cut."""

    name = "a round of halving"

    def __init__(self, candidates: int, waits: bool) -> None:
        sizes = {"population": candidates, "rounds": 1, "cut": 0.5, "confirm": 0}
        self._halving, self._waits = Halving(SearchConfig.model_validate(sizes), ()), waits

    def next(self, archive: Archive) -> Action:
        action = self._halving.next(archive)
        if not isinstance(action, Advance) or action.batches[0].purpose == "final":
            return Stop(reason="the round is over", winner=None)
        begin = tuple(batch for batch in action.batches if not batch.since)
        return Advance(begin) if begin and self._waits else action


class Simulation(Loop):
    """The loop, with a training that the simulated cluster does and whose scores are made up."""

    cluster: SimulatedCluster

    def trainings(self, batches: tuple[Batch, ...]) -> list[partial[TrialsFinished]]:
        self.cluster.clock.given(len(batches))
        return super().trainings(batches)

    def _together(self, slots: int, tasks: Tasks[Done], idle: Idle | None = None, more: More[Done] = nothing) -> None:
        def asked() -> Tasks[Done]:
            further = more()
            self.cluster.clock.seen(self.ended)
            return further

        super()._together(slots, tasks, idle, asked)

    ended = 0

    def record(self, event: Event) -> None:
        super().record(event)
        self.ended += isinstance(event, TrialsFinished)

    def train_and_judge(self, batch: Batch) -> TrialsFinished:
        share, folder = batch.until - batch.since, Path(batch_folder(batch))
        took_s = self.bench.executor.run(Job("train", {"share": share}, {}, LIMITS), folder, lambda _: None).wall_s
        worth = random.Random(batch.candidate).random()
        trial = _trial(batch.candidate, batch.seeds[0], worth, batch.until)
        return TrialsFinished(trials=(trial.model_copy(update={"wall_s": took_s / share * batch.until}),), walls="none")


def main() -> None:
    """Print a row for each shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    asked = parser.parse_args()
    durations = recorded()
    threading.stack_size(STACK_BYTES)
    spread = f"{len(durations)} recorded durations, {min(durations):.0f} to {max(durations):.0f} s"
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, ", end="")
    print(f"designer {__version__}; {asked.nodes} nodes, {asked.candidates} candidates, {spread}, seed {asked.seed}\n")
    print("| shape | slot use | simulated time | trainings | host, CPU ms an event | host, ms an event | memory |")
    print("|---|---|---|---|---|---|---|")
    for shape in asked.shapes.split(","):
        print(f"| {shape} | {simulated(asked.nodes, asked.candidates, shape, durations, asked.seed)} |", flush=True)


def recorded() -> list[float]:
    """Return how long the search trainings of the recorded runs took, were they whole [s]."""
    events = [json.loads(line)["event"] for path in RECORDED.glob("*/journal.jsonl") for line in path.open()]
    trials = [trial for event in events for trial in event.get("trials", ()) if trial["purpose"] == "search"]
    return sorted(trial["wall_s"] / trial["until"] for trial in trials if trial["status"] == "ok")


def searching(shape: str, names: list[str], whole_s: Callable[[str], float]) -> Search:
    """Return the search of a shape."""
    if shape in ("halving", "waiting"):
        return OneRound(len(names), waits=shape == "waiting")
    known = sorted(names, key=lambda name: -whole_s(name)) if shape == "known" else names
    return Pieces(known, 4 if shape == "in pieces" else 1)


def simulated(nodes: int, candidates: int, shape: str, durations: list[float], seed: int) -> str:
    """Do one search and return its row."""
    with tempfile.TemporaryDirectory() as scratch:
        run = _run(Path(scratch), 16)
        clock = Clock(nodes)
        cluster = SimulatedCluster(clock, durations, seed)
        bench = Workbench(run.task, run.table, run.config, AtMost(cluster, nodes), run.folder)
        names = [f"g01c{number:02d}" for number in range(candidates)]
        search, archive = searching(shape, names, cluster.whole_s), Archive.of(opening(names))
        loop = Simulation(bench, search, Composer("step"), Journal(run.journal, time.time), archive, Silent())
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
