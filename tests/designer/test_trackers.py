"""Trackers: the same points in every session, none handed over twice, and none that raises or hangs harms a run.

The real TensorBoard and wandb are in test_trackers_real.py, which needs the extras.
"""

from __future__ import annotations

import csv
import json
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from rich.console import Console

from designer.commands import carry_out
from designer.config import load
from designer.display import Silent
from designer.errors import ConfigError
from designer.executors.fake import Fake
from designer.journal import CallFinished, Journal
from designer.origin import MACHINE_SETTINGS
from designer.records import Trace
from designer.trackers.choosing import Named, trackers_of, trackers_that_work
from designer.trackers.files import Files
from designer.trackers.points import MAX_TEXT, Measured
from designer.trackers.tracking import NOTES, tracking
from tests.designer.example_run import WINNER, candidate, example_run, finished, proposed, rounds, trained, trial
from tests.designer.hostile import HOSTILE, shown
from tests.designer.small_run import small_run

EVENTS = finished()


def points_of(events):
    measured = Measured()
    return [point for at, event in enumerate(events) for point in measured.take(event, float(at))]


class Recorder:
    """A tracker that keeps what it gets. Where `begin` goes on from, and what goes wrong, is the test's."""

    def __init__(self, since=lambda run: run.handed_over, fails_at=None):
        self.since, self.fails_at = since, fails_at
        self.runs, self.points, self.ended = [], [], 0

    def begin(self, run):
        self.runs.append(run)
        return self.since(run)

    def track(self, points):
        if self.fails_at is not None and any(point.number >= self.fails_at for point in points):
            raise ValueError("the service says no\n" + HOSTILE)
        self.points += points

    def end(self):
        self.ended += 1


def session(run, tracker, events, said=None, **limits):
    """Have these further events happen while a tracker is there."""
    said = [] if said is None else said
    journal = Journal(run.journal, clock=lambda: 0.0)
    with tracking(run, Silent(), [Named("mine", tracker)], said.append, **limits) as tracked:
        for event in events:
            journal.append(event)
            tracked.happened(event, None)
    return said


# What is tracked -----------------------------------------------------------------------------------------------------


def test_points_are_numbered_alike_however_often_the_journal_is_read():
    whole = points_of(EVENTS)
    assert [point.number for point in whole] == list(range(len(whole)))
    for end in range(len(EVENTS)):
        part = points_of(EVENTS[:end])
        assert part == whole[: len(part)]


def test_names_are_those_of_the_page():
    page = (Path(__file__).parents[2] / "docs" / "trackers.md").read_text()
    usage = CallFinished(key="r01-init-s00-a0", model="m", prompt_tokens=3, completion_tokens=None, cost=0.5)
    found = points_of([*EVENTS[:-1], usage, EVENTS[-1]])
    tags = {point.tag for point in found}
    assert tags >= {
        "search/fitness",
        "search/best",
        f"final/{WINNER}",
        "final/human",
        "term/effort",
        "calls/cost",
        "run/winner",
    }
    for tag in tags:
        family = tag.partition("/")[0]
        general = "`final/NAME`" if family == "final" else "`term/NAME`" if family == "term" else f"`{tag}`"
        assert general in page, tag


def test_steps_of_the_run_add_up_and_those_of_a_training_are_its_own():
    found = points_of(EVENTS)
    fitness = [(point.step, point.value) for point in found if point.tag == "search/fitness"]
    assert fitness == [(300_000, 3.4), (900_000, 0.8), (1_200_000, 4.9)]  # 600,000 were the crashed one's
    best = [point.value for point in found if point.tag == "search/best"]
    assert best == [3.4, 3.4, 4.9]
    curve = [(p.step, p.value) for p in found if (p.series, p.tag) == (f"{WINNER}/search-s1", "fitness")]
    assert curve == [(60_000, pytest.approx(0.49)), (120_000, pytest.approx(1.96)), (180_000, pytest.approx(3.43)),
                     (240_000, pytest.approx(4.41)), (300_000, 4.9)]  # fmt: skip


def test_second_half_of_a_paused_training_adds_only_what_is_new():
    whole = trial("g01c00", "search", 1, 3.0)
    half = whole.model_copy(update={"until": 0.4, "steps": 120_000, "scores": whole.scores[:2]})
    found = points_of([proposed(candidate("g01c00")), trained(half), trained(whole)])
    assert [p.step for p in found if p.tag == "fitness"] == [60_000, 120_000, 180_000, 240_000, 300_000]
    assert [p.step for p in found if p.tag == "search/fitness"] == [300_000]
    assert len([p for p in found if p.tag == "term/effort"]) == 10


def test_texts_are_capped_and_a_term_may_be_called_anything(tmp_path):
    made = candidate("g01c00", why=HOSTILE * 50, source=f'"""{HOSTILE}"""\n' * 200, proposer=HOSTILE)
    done = trial("g01c00", "search", 1, 3.0).model_copy(
        update={"traces": (Trace(name=HOSTILE[:60], mean=(0.0, 1.0), low=0.0, high=1.0),)}
    )
    run = example_run(tmp_path / "run", [proposed(made), trained(done)])
    with tracking(run, Silent(), [Named("files", Files())], lambda line: None):
        pass
    texts = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    for point in texts:
        assert not shown(f"{point['series']}{point['tag']}{point['value']}".replace("\n", ""))
        assert len(str(point["value"])) <= MAX_TEXT + 10
        assert point["tag"].replace("/", "").replace("_", "").isalnum()
    table = (run.folder / "metrics.csv").read_text()
    assert "IGNORE" not in table
    assert not shown(table.replace("\r\n", ""))


# Sessions ------------------------------------------------------------------------------------------------------------


def test_resumed_run_hands_over_no_point_twice(tmp_path):
    run = example_run(tmp_path / "run", rounds()[:3])
    first, second = Recorder(), Recorder()
    session(run, first, rounds()[3:6])
    session(run, second, rounds()[6:])
    assert first.points + second.points == [
        p._replace(at=q.at) for p, q in zip(points_of(rounds()), first.points + second.points, strict=True)
    ]
    assert second.runs[0].handed_over == len(first.points)
    assert (first.ended, second.ended) == (1, 1)


def test_kill_between_note_and_tracker_loses_and_never_doubles(tmp_path):
    """A tracker that dies while it takes points stands for a kill there."""
    run = example_run(tmp_path / "run", rounds()[:3])
    held = len(points_of(rounds()[:3]))
    killed, after = Recorder(fails_at=held), Recorder()
    session(run, killed, rounds()[3:5])
    session(run, after, rounds()[5:])
    numbers = [point.number for point in killed.points + after.points]
    assert len(numbers) == len(set(numbers))
    assert after.points[0].number > held


def test_tracker_may_ask_for_the_whole_run_anew(tmp_path):
    run = example_run(tmp_path / "run", rounds())
    session(run, Recorder(), [])
    anew = Recorder(since=lambda run: 0)
    session(run, anew, [])
    assert [point.number for point in anew.points] == list(range(len(points_of(rounds()))))


def test_files_of_a_killed_session_are_written_anew(tmp_path):
    run = example_run(tmp_path / "run", rounds()[:5])
    (run.folder / "metrics.jsonl").write_text('{"torn')
    session(run, Files(), rounds()[5:])
    numbers = [json.loads(line)["number"] for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert numbers == list(range(len(points_of(rounds()))))
    with open(run.folder / "metrics.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(row["number"]) for row in table] == [p.number for p in points_of(rounds()) if not isinstance(p.value, str)]


# What goes wrong -----------------------------------------------------------------------------------------------------


def test_tracker_that_raises_is_switched_off_with_a_line(tmp_path):
    tracker = Recorder(fails_at=0)
    said = session(example_run(tmp_path / "run", rounds()), tracker, [EVENTS[-1]])
    assert len(said) == 1
    assert said[0].startswith("the tracker mine is switched off: ValueError: the service says no")
    assert "goes on" in said[0]
    assert not shown(said[0])
    assert tracker.ended == 0


def test_tracker_that_leaves_the_program_leaves_alone(tmp_path):
    def leave(run):
        raise SystemExit("log in first")

    (line,) = session(example_run(tmp_path / "run", rounds()), Recorder(since=leave), [])
    assert "log in first" in line


@pytest.mark.parametrize("where", ["begin", "track", "end"])
def test_tracker_that_hangs_is_switched_off_and_left_alone(tmp_path, where):
    freed = threading.Event()

    class Hanging(Recorder):
        def begin(self, run):
            return freed.wait() and 0 if where == "begin" else 0

        def track(self, points):
            return freed.wait() if where == "track" else None

        def end(self):
            return freed.wait() if where == "end" else None

    try:
        said = session(example_run(tmp_path / "run", rounds()), Hanging(), [EVENTS[-1]], longest_end_s=0.05)
        assert len(said) == 1
        assert "left alone" in said[0]
        said = session(example_run(tmp_path / "r2", rounds()), Hanging(), EVENTS[-2:], longest_call_s=-1.0, longest_end_s=0.05)
        assert len(said) == 1
    finally:
        freed.set()


def test_a_whole_run_is_tracked_and_its_trackers_failures_change_nothing(tmp_path):
    ends = []
    for name, broken in (("plain", False), ("broken", True)):
        run = small_run(tmp_path / name)
        trackers = [Named("broken", Recorder(fails_at=5))] if broken else []
        with open(tmp_path / "said", "w") as file:
            carry_out(run, Fake(), Console(file=file, width=200), trackers=trackers)
        assert ("the tracker broken is switched off" in (tmp_path / "said").read_text()) == broken
        lines = (run.folder / "metrics.jsonl").read_text().splitlines()
        told = [json.loads(line) for line in lines]
        assert told[-1]["tag"] == "run/winner"
        ends.append(sorted((p["series"], p["tag"], p["step"], str(p["value"])) for p in told if "/" in p["series"]))
        with open(tmp_path / "again", "w") as file:
            carry_out(run, Fake(), Console(file=file), trackers=trackers)
        again = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
        assert [p["number"] for p in again] == [p["number"] for p in told]
    assert ends[0] == ends[1]


# Which there are -----------------------------------------------------------------------------------------------------


def test_unknown_tracker_gets_the_closest_name():
    with pytest.raises(ConfigError, match="Did you mean tensorboard"):
        trackers_of("tensorbord")
    with pytest.raises(ConfigError, match="module:Class"):
        trackers_of("comet")


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
@pytest.mark.skipif(find_spec("wandb") is not None, reason="the extras are installed")
def test_missing_extra_is_told_with_what_to_type(name):
    with pytest.raises(ConfigError, match=rf"pip install 'designer\[{name}\]'"):
        trackers_of(name)
    said = []
    assert [named.name for named in trackers_that_work(name, said.append)] == ["files"]
    assert "pip install" in said[0]


def test_tracker_of_ones_own_comes_by_path_or_by_an_entry_point(tmp_path, monkeypatch):
    (tmp_path / "my_tracker.py").write_text(
        "class Mine:\n    pass\n\n\nclass Broken:\n    def __init__(self):\n        raise OSError('no')\n"
    )
    info = tmp_path / "my_tracker-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: my_tracker\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[designer.trackers]\nmine = my_tracker:Mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = trackers_of("mine, my_tracker:Mine")
    assert [type(named.tracker).__name__ for named in made] == ["Mine", "Mine"]
    for broken in ("my_tracker:None_", "my_tracker:Broken", "no_such_module:X"):
        with pytest.raises(ConfigError, match="can't be made"):
            trackers_of(broken)


def test_a_resumed_run_may_be_given_trackers():
    assert "track" in MACHINE_SETTINGS
    assert load(None, {"track": "wandb"}).track == "wandb"
    assert NOTES not in ("candidates", "llm", "code", "task")
