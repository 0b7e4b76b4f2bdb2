"""A real run, killed with SIGKILL in the middle of a training, goes on to the end that it would have come to."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from designer.journal import read
from tests.e2e.command import TINY, designer, only_run, processes_of, started, wait_for_line

RUN = ("run", "half_cheetah_backward", *TINY, "--search.finalists", "1")
TIMES = ("train_cpu_s", "wall_s")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    ended = designer(*RUN, cwd=folder)
    assert ended.code == 0, ended.err + ended.out
    return only_run(folder / "runs")


@pytest.fixture(scope="module")
def resumed(tmp_path_factory) -> Path:
    """A run that was killed while its first two trainings were at work, and gone on with."""
    folder = tmp_path_factory.mktemp("killed")
    process = started(*RUN, cwd=folder)
    with process:
        wait_for_line(process, "training human")
        run = only_run(folder / "runs")
        wait_until(lambda: trained_now(run))
        process.kill()
    wait_until(lambda: not processes_of(run))
    assert len(read(run / "journal.jsonl")) == 5, "a start and two candidates, nothing trained yet"
    ended = designer("run", run, cwd=folder)
    assert ended.code == 0, ended.err + ended.out
    return run


def wait_until(holds, within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def trained_now(run: Path) -> bool:
    """Say whether the first two training jobs, the baselines', have been given to boxes."""
    return all(any((run / "candidates" / name).rglob("train/job.json")) for name in ("human", "sparse"))


def events(run: Path) -> list[dict]:
    """Return a journal's events without times, sorted."""
    found = [json.loads(line)["event"] for line in (run / "journal.jsonl").read_bytes().splitlines()]
    for event in found:
        for trial in event.get("trials", ()):
            for name in TIMES:
                del trial[name]
    return sorted(found, key=lambda event: json.dumps([event["event"], event.get("candidate"), event.get("trials")]))


def numbers(value: object) -> list[float]:
    """Return all numbers in a JSON value, in order."""
    if isinstance(value, dict):
        return [number for inner in value.values() for number in numbers(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [value] if isinstance(value, int | float) else []


def words(value: object) -> object:
    """Return a JSON value with every number replaced by 0."""
    if isinstance(value, dict):
        return {key: words(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [words(inner) for inner in value]
    return 0 if isinstance(value, float) else value


def test_resumed_run_has_the_same_journal(uninterrupted, resumed):
    whole, again = events(uninterrupted), events(resumed)
    assert words(again) == words(whole)
    assert numbers(again) == pytest.approx(numbers(whole), abs=1e-6)


def test_resumed_run_has_the_same_winner_and_a_report(uninterrupted, resumed):
    ends = [read(run / "journal.jsonl")[-1].event.winner for run in (uninterrupted, resumed)]
    assert ends[0] is not None
    assert ends[0] == ends[1]
    assert (resumed / "report.html").stat().st_size > 1000


def test_no_process_and_no_trajectories_are_left(uninterrupted, resumed):
    for run in (uninterrupted, resumed):
        assert processes_of(run) == []
        assert list(run.rglob("trajectories.safetensors")) == []
