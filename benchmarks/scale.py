"""How long a run of 10,000 candidates takes to read, to search in, to show and to report. Nothing is trained.

    .venv/bin/python -m benchmarks.scale [CANDIDATES]

The journal is made up: rounds of 16, half of each paused at half of its training, the best two on three seeds.
"""

from __future__ import annotations

import io
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from designer import __version__
from designer.archive import Archive
from designer.config import Config
from designer.journal import CandidateProposed, Event, Journal, RunStarted, TrialsFinished, read
from designer.records import (
    ActionTable,
    Candidate,
    Expression,
    Score,
    StateField,
    StateTable,
    Status,
    Task,
    Trace,
    Trial,
    Verb,
    Verdict,
)  # fmt: skip
from designer.review.report import write_report
from designer.runs import Run
from designer.search.rules import BUILT_IN, make_search
from designer.seeds import confirm_seeds, search_seed
from designer.showing import show_run

T = TypeVar("T")
POPULATION = 16
SOURCE = (
    "def reward(s, a):\n    weight = {weight}\n    return {{'run': weight * s.speed, 'effort': -0.01 * a.square().sum(-1)}}\n"
)


def main(candidates: int) -> None:
    """Print one row for each thing that was timed."""
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {platform.system()}, ", end="")
    print(f"Python {platform.python_version()}, designer {__version__}; {candidates} candidates\n")
    print("| what | CPU seconds |\n|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        run = _run(Path(scratch), candidates)
        _write(run, candidates)
        events = timed(f"read the journal ({run.journal.stat().st_size / 1e6:.0f} MB)", lambda: read(run.journal))
        archive = timed("fold it into an archive", lambda: Archive.of(stamped.event for stamped in events))
        for rule in BUILT_IN:
            search = make_search(run.config.search.model_copy(update={"rule": rule}), ())
            timed(f"`next` of {rule}", lambda search=search: search.next(archive))  # type: ignore[misc]
        timed("`show`", lambda: show_run(run, Console(file=io.StringIO())))
        timed("`report`", lambda: write_report(run))


def timed(what: str, do: Callable[[], T]) -> T:
    """Do it once and print how much CPU time it took: a busy machine changes that little."""
    started = time.process_time()
    result = do()
    print(f"| {what} | {time.process_time() - started:.2f} |", flush=True)
    return result


def _run(folder: Path, candidates: int) -> Run:
    field = StateField(
        name="speed", shape=(), unit="m/s", frame="world", kind="velocity", sentence="Speed.", low=(0,), high=(1,)
    )
    action = ActionTable(names=("push",), low=(-1,), high=(1,), sentence="A push.")
    table = StateTable(
        **{"world": "made_up", "gymnasium_id": "", "summary": "", "fields": (field,), "action": action, "dt_s": 0.05},
        **{"episode_steps": 1000, "observation_dim": 3, "ranges_from": "nothing"},
    )
    fitness = Expression(text="mean(speed)", tree={})
    task = Task(name="t", text="Be fast.", world="made_up", fitness=fitness, fitness_origin="given", steps=100_000)
    sizes = {"population": POPULATION, "rounds": candidates // POPULATION + 1, "cut": 1.0, "confirm": 0}
    return Run(folder, task, table, Config.model_validate({"search": sizes}))


def _write(run: Run, candidates: int) -> None:
    """Write a journal line by line without waiting for the disk each time."""
    lines = Path(run.folder / "one.jsonl")
    journal = Journal(lines, clock=lambda: 0.0)
    with run.journal.open("wb") as file:
        for event in _events(candidates):
            file.write(journal.line(event))


def _events(candidates: int) -> Iterator[Event]:
    yield RunStarted(task="t", config="{}", proposer="made up", sandbox="none", fitness="given", version=__version__)
    for number in range(candidates):
        round_, sample = number // POPULATION + 1, number % POPULATION
        name, worth = f"g{round_:02d}c{sample:02d}", (number * 7919 % 1000) / 1000
        parents = (f"g{round_ - 1:02d}c00",) if round_ > 1 and sample % 2 else ()
        yield CandidateProposed(
            candidate=Candidate(
                **{"id": name, "round": round_, "sample": sample, "verb": Verb.MUTATE if parents else Verb.INIT},
                **{"parents": parents, "proposer": "made up", "why": "", "source": SOURCE.format(weight=worth)},
            ),
            verdict=Verdict(status=Status.OK),
        )
        until = 0.5 if sample % 2 else 1.0
        seeds = (search_seed(0), *(confirm_seeds(0, 2) if sample in (0, 2) else ()))
        yield TrialsFinished(trials=tuple(_trial(name, seed, worth, until) for seed in seeds), walls="none")


def _trial(name: str, seed: int, worth: float, until: float) -> Trial:
    scores = tuple(
        Score(fraction=share, fitness=worth * share + seed % 7 / 1000, success=None, episode_s=50.0, episodes=20)
        for share in (0.2, 0.4, 0.5, 0.6, 0.8, 1.0)
        if share <= until
    )
    traces = (Trace(name="run", mean=tuple(0.1 * k for k in range(10)), low=0.0, high=1.0),)
    return Trial(
        **{"candidate": name, "purpose": "search", "seed": seed, "status": Status.OK, "steps": 100_000, "until": until},
        **{"scores": scores, "traces": traces, "folder": f"candidates/{name}/search"},
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
