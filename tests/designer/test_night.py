"""A night without a person: clocks that jump, an end at a time of day, an endpoint that is away, signs of life, a notifier."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from designer import waiting
from designer.archive import Archive
from designer.assemble import make_loop
from designer.clocks import Clocks, TimeWatch, WorkClock
from designer.config import SearchConfig, load, to_toml
from designer.display import Silent
from designer.ending import resumable, told_at_the_end
from designer.errors import ConfigError, DiskError, InterruptedRunError, ModelUnreachableError
from designer.executors.fake import Fake
from designer.journal import TimeRead, TrialsFinished
from designer.live import LIVE, Live, Published, born, pulse_of
from designer.llm import Reply
from designer.llm.outage import LASTS_S, Outage
from designer.llm.patience import Patience, Setback
from designer.llm.scripted import Scripted
from designer.modelling import _interruptible
from designer.notifying import Notifier
from designer.run_until import with_end
from designer.search import Advance, Propose
from designer.stopping import Terminated, endings_heard
from designer.times import next_occurrence
from tests.designer.example_run import proposed, trained, trial
from tests.designer.small_run import reply, small_run
from tests.designer.test_halving import SEED, candidate, halving, scored
from tests.designer.test_loop import STARTED, remembered

HOUR_S = 3600.0


class Machine:
    """Three clocks that a test moves."""

    def __init__(self) -> None:
        self.awake_s, self.boot_s, self.wall_s = 100.0, 100.0, 1.8e9

    @property
    def clocks(self) -> Clocks:
        return Clocks(lambda: self.awake_s, lambda: self.boot_s, lambda: self.wall_s)

    def work(self, seconds: float) -> None:
        self.awake_s += seconds
        self.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        self.boot_s += seconds
        self.wall_s += seconds

    def set(self, seconds: float) -> None:
        self.wall_s += seconds


# Clocks -------------------------------------------------------------------------------------------------------------


def test_sleep_and_a_set_clock_are_noticed_once_and_work_is_not():
    machine = Machine()
    watch = TimeWatch(machine.clocks)
    machine.work(5 * HOUR_S)
    assert watch.noticed() == ""
    machine.sleep(3 * HOUR_S)
    assert watch.noticed() == "the machine slept for 3 h 00 min; that counts for nothing but --until"
    machine.set(-2 * HOUR_S)
    assert watch.noticed() == "the machine's clock was set back by 2 h 00 min"
    assert watch.noticed() == ""


def test_a_sleeping_machine_uses_no_budget_and_comes_nearer_to_its_end():
    machine = Machine()
    end = datetime.fromtimestamp(machine.wall_s + 8 * HOUR_S).astimezone().isoformat()
    clock = WorkClock(SearchConfig(budget="2h", until=end), Archive(), machine.clocks)
    with clock.training():
        machine.work(HOUR_S)
    machine.sleep(5 * HOUR_S)
    read = clock.read()
    assert (read.spent_s, read.training_s) == (HOUR_S, HOUR_S)
    assert read.left_s == pytest.approx(2 * HOUR_S)


def test_a_session_counts_on_from_what_the_one_before_read():
    machine = Machine()
    clock = WorkClock(SearchConfig(budget="2h"), Archive.of([TimeRead(spent_s=50.0, training_s=40.0)]), machine.clocks)
    with clock.training():
        machine.work(10.0)
    assert clock.read() == TimeRead(spent_s=60.0, training_s=50.0)


def test_trainings_that_are_not_over_count_when_the_clock_is_read_beside_them():
    """Else a pace of many trainings would be told from the time of the few before them."""
    machine = Machine()
    clock = WorkClock(SearchConfig(budget="2h"), Archive(), machine.clocks)
    with clock.training():
        machine.work(60.0)
        assert clock.read().training_s == 60.0
        machine.work(60.0)
    machine.work(10.0)
    assert clock.read().training_s == 120.0


def test_patience_is_not_used_up_by_sleep():
    """A laptop closed in a pause opens hours later: the call is asked again, not given up."""
    machine = Machine()
    answers = iter([Setback("no connection"), Reply(text="hello", model="m")])

    def pause(seconds: float) -> None:
        machine.work(seconds)
        machine.sleep(9 * HOUR_S)

    patience = Patience(total_s=100.0, sleep=pause, clock=machine.clocks.awake, answered=True)
    assert patience.ask("m", lambda _: next(answers)).text == "hello"


def test_pauses_grow_to_ten_minutes_when_an_endpoint_stays_away():
    machine, waits = Machine(), []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        machine.work(seconds)

    patience = Patience(total_s=6 * HOUR_S, sleep=pause, clock=machine.clocks.awake, answered=True)
    with pytest.raises(ModelUnreachableError, match="gave no answer"):
        patience.ask("m", lambda _: Setback("gone", no_contact=True))
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert waits[-1] == 600
    assert sum(waits) > 5.8 * HOUR_S
    assert len(waits) < 80


@pytest.mark.parametrize(
    ("now", "text", "then"),
    [
        ("2026-11-28T22:10:00", "07:30", "2026-11-29T07:30"),
        ("2026-11-28T03:10:00", "07:30", "2026-11-28T07:30"),
        ("2026-11-28T07:30:00", "7:30", "2026-11-29T07:30"),
        ("2026-12-31T23:59:00", "00:00", "2027-01-01T00:00"),
        ("2026-11-28T22:10:00", "2026-11-30T09:00", "2026-11-30T09:00"),
    ],
)
def test_a_time_of_day_is_the_next_one(now, text, then):
    found = next_occurrence(text, datetime.fromisoformat(now).astimezone())
    assert found.isoformat(timespec="minutes").startswith(then)
    assert found.tzinfo


def test_the_night_in_which_clocks_are_set_back_is_an_hour_longer(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        now = datetime(2026, 10, 24, 23, 0).astimezone()
        assert next_occurrence("07:00", now) - now == timedelta(hours=9)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["soon", "25:00", "7", "07:5", "07:60"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ConfigError, match=r"search.until = .* is no time"):
        load(None, {"search.until": text})


def test_a_run_keeps_its_end_as_a_moment(tmp_path):
    now = datetime(2026, 11, 28, 22, 0)
    kept = with_end(load(None, {"search.until": "07:30"}), now)
    assert kept.search.until.startswith("2026-11-29T07:30")
    (tmp_path / "c.toml").write_text(to_toml(kept))
    assert load(tmp_path / "c.toml", {}) == kept
    assert with_end(kept, now + timedelta(days=3)).search.until is None, "a replay of it has no end"


# An end at a time of day --------------------------------------------------------------------------------------------


def read(left_s: float, training_s: float = 40.0, spent_s: float = 10_000.0) -> TimeRead:
    """Four trainings took 10 s each; most of the time went by waiting for replies."""
    return TimeRead(spent_s=spent_s, training_s=training_s, left_s=left_s)


def test_a_round_is_begun_only_where_the_finals_still_end_in_time():
    """A round of 4 and finals of 2 x 2 are 8 trainings of 10 s."""
    events, search = scored(1.0, 2.0, 3.0, 4.0), halving(rounds=5)
    assert isinstance(search.next(Archive.of([*events, read(100.0)])), Propose)
    late = search.next(Archive.of([*events, read(85.0)]))
    assert late == Advance(tuple(halving_finals(search, events)))


def halving_finals(search, events):
    return halving(rounds=1).next(Archive.of(events)).batches


def test_a_round_that_has_begun_trains_as_many_as_leave_time_for_the_finals():
    begun = [*scored(1.0, 2.0, 3.0, 4.0), *(proposed(candidate(f"g02c{k:02d}")) for k in range(4))]
    search = halving(rounds=5)
    some = search.next(Archive.of([*begun, read(70.0)]))
    assert [batch.candidate for batch in some.batches] == ["g02c00", "g02c01"]
    none = search.next(Archive.of([*begun, read(45.0)]))
    assert {batch.purpose for batch in none.batches} == {"final"}


def test_without_one_whole_training_the_best_at_the_cut_goes_on_however_late_it_is():
    """Else there would be nothing to end with."""
    pieces = [
        event
        for k, fitness in enumerate((1.0, 3.0, 2.0, 0.5))
        for event in (
            proposed(candidate(f"g01c{k:02d}")),
            trained(trial(f"g01c{k:02d}", "search", SEED, fitness).model_copy(update={"until": 0.6})),
        )
    ]
    action = halving(cut=0.6).next(Archive.of([*pieces, read(-5.0, training_s=20.0)]))
    assert len(action.batches) == 1
    assert action.batches[0].since == 0.6


def test_an_end_that_has_passed_leaves_only_finals():
    action = halving(rounds=5).next(Archive.of([*scored(1.0, 2.0, 3.0, 4.0), read(-1.0)]))
    assert {batch.purpose for batch in action.batches} == {"final"}


def test_a_run_with_an_end_stops_before_it(tmp_path, monkeypatch):
    """Each training takes a minute of the test's clock; the run must be over in 45."""
    machine = Machine()
    end = datetime.fromtimestamp(machine.wall_s + 45 * 60).astimezone().isoformat()
    run = small_run(tmp_path, search={"rounds": 30, "until": (datetime.now() + timedelta(days=1)).isoformat()})
    run = run._replace(config=run.config.model_copy(update={"search": run.config.search.model_copy(update={"until": end})}))

    def minute(job):
        machine.work(60.0 if job.verb == "train" else 0.0)

    better = Scripted(lambda asked: reply(asked.key.round / 2 + asked.key.sample / 10))
    loop = make_loop(run, Fake(minute), Silent(), lambda line: None, better)
    loop.vigil.watch_with(machine.clocks, loop.bench)
    loop.record(STARTED)
    archive = loop.design(1)
    assert archive.finished.winner
    assert archive.finished.reason == "the time that is left allows no further round"
    assert archive.rounds[-1] >= 2
    assert machine.wall_s <= datetime.fromisoformat(end).timestamp()
    assert machine.wall_s > datetime.fromisoformat(end).timestamp() - 25 * 60, "the search got what was left"


# An endpoint that is away -------------------------------------------------------------------------------------------


class Away(Outage):
    """Away as soon as something was not answered at once."""

    lasts = True


def test_what_is_there_is_trained_while_the_endpoint_is_away(tmp_path, monkeypatch):
    monkeypatch.setattr(waiting, "PAUSE_S", 0.01)
    back = threading.Event()

    class Watching(Silent):
        def happened(self, event, archive):
            if isinstance(event, TrialsFinished) and len(archive.trials_of("g01c01", "search")) == 1:
                back.set()

    def answer(request):
        if request.key.sample == 2:
            assert back.wait(20), "nothing was trained while it was away"
        return reply(request.key.round + request.key.sample / 10)

    settings = {"search": {"rounds": 1}, "llm": {"parallel": 3}}
    run, whole = small_run(tmp_path / "away", **settings), small_run(tmp_path / "whole", **settings)
    loop = make_loop(run, Fake(), Watching(), lambda line: None, Scripted(answer))
    loop.vigil.outage = Away()
    loop.record(STARTED)
    assert loop.design(2).finished.winner
    other = make_loop(whole, Fake(), Silent(), lambda line: None, Scripted(answer))
    other.record(STARTED)
    other.design(2)
    screened = '"event": "screened"'  # what came late was compared with less
    assert [e for e in remembered(run) if screened not in e] == [e for e in remembered(whole) if screened not in e]


def test_waiting_ends_when_only_the_finals_fit(tmp_path, monkeypatch):
    """Replies of round 2 never come; at the end there is a winner of round 1, in time."""
    monkeypatch.setattr(waiting, "PAUSE_S", 0.01)
    machine = Machine()
    end = datetime.fromtimestamp(machine.wall_s + 40 * 60).astimezone().isoformat()
    run = small_run(tmp_path, search={"rounds": 3, "confirm": 0}, llm={"parallel": 3})
    run = run._replace(config=run.config.model_copy(update={"search": run.config.search.model_copy(update={"until": end})}))
    outage = Away()

    class Endpoint:
        name = "m"

        def complete(self, request):
            if request.key.round == 1:
                return Scripted(lambda asked: reply(2.0 + asked.key.sample)).complete(request)

            while True:
                machine.work(60.0)
                _interruptible(threading.Event(), outage)(0.02)

    def minute(job):
        machine.work(60.0 if job.verb == "train" else 0.0)

    loop = make_loop(run, Fake(minute), Silent(), lambda line: None, Endpoint())
    loop.vigil.outage = outage
    loop.vigil.watch_with(machine.clocks, loop.bench)
    loop.record(STARTED)
    archive = loop.design(2)
    assert archive.finished.reason == "the model's endpoint was away until there was time left for the finals only"
    assert archive.finished.winner.startswith("g01")


def test_an_endpoint_is_away_after_a_minute_and_back_with_an_answer():
    machine = Machine()
    outage = Outage(machine.clocks.awake)
    outage.setback()
    machine.work(LASTS_S - 1)
    outage.setback()
    assert not outage.lasts
    machine.work(1)
    assert outage.lasts
    outage.answered()
    assert not outage.lasts


# Signs of life ------------------------------------------------------------------------------------------------------


def test_a_run_shows_that_it_lives_while_its_loop_waits_and_how_it_ended(tmp_path):
    with Published(Silent(), tmp_path).beating():
        deadline = time.monotonic() + 10
        while pulse_of(tmp_path).state != "alive":
            assert time.monotonic() < deadline
    assert pulse_of(tmp_path).state == "ended"
    assert pulse_of(tmp_path).live.ended == "finished"
    with pytest.raises(DiskError), Published(Silent(), tmp_path).beating():
        raise DiskError("full")
    assert pulse_of(tmp_path).live.ended == "stopped: DiskError"
    assert list(tmp_path.glob(".live*")) == []


def wrote(folder: Path, **changes) -> None:
    with Published(Silent(), folder).beating():
        pass
    live = Live.model_validate_json((folder / LIVE).read_bytes()).model_copy(update={"ended": "", **changes})
    (folder / LIVE).write_text(live.model_dump_json())


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "alive"),
        ({"born": "1"}, "dead"),  # another process has its number now
        ({"boot": "before"}, "dead"),
        ({"host": "elsewhere"}, "elsewhere"),
        ({"beat_s": -1e6}, "silent"),
        ({"ended": "finished"}, "ended"),
    ],
)
def test_a_dead_run_is_told_from_a_live_one(tmp_path, changes, state):
    wrote(tmp_path, **changes)
    assert pulse_of(tmp_path).state == state


def test_a_killed_process_is_dead_and_an_empty_folder_unknown(tmp_path):
    assert pulse_of(tmp_path).state == "unknown"
    code = """import sys, time
from pathlib import Path
from designer.display import Silent
from designer.live import Published
with Published(Silent(), Path(sys.argv[1])).beating():
    print("on", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        deadline = time.monotonic() + 10
        while pulse_of(tmp_path).state != "alive":
            assert time.monotonic() < deadline
        process.kill()
    assert pulse_of(tmp_path).state == "dead"


def test_a_name_with_brackets_hides_no_birth():
    assert born(os.getpid()).isdigit()
    assert born(2**22 + 1) == ""


# Being stopped, and telling somebody --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_like_ctrl_c(tmp_path, number):
    run, words = small_run(tmp_path), f"stopped by {number.name}. Nothing finished is lost. Go on with"
    with pytest.raises(InterruptedRunError, match=words) as ended, endings_heard(), resumable(run):
        signalled(number)
    assert ended.value.signal == number


def signalled(number: int) -> None:
    """Send this process a signal and wait for what comes of it."""
    os.kill(os.getpid(), number)
    time.sleep(5)


def test_a_hang_up_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with endings_heard():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
        with pytest.raises(Terminated), endings_heard():
            signalled(signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


WRITES = "import json, os, sys; json.dump([sys.stdin.read(), os.environ['DESIGNER_END'], sys.argv[1:]], open(sys.argv[1], 'w'))"


def notifier(said: list[str], *arguments: object, limit_s: float = 30.0) -> Notifier:
    quoted = " ".join(f"'{argument}'" for argument in (sys.executable, "-c", *arguments))
    return Notifier(quoted, said.append, limit_s)


def test_the_notifier_gets_the_verdict_and_no_shell(tmp_path):
    said: list[str] = []
    run, file = small_run(tmp_path), tmp_path / "told $(touch x); a.json"
    with told_at_the_end(run, notifier(said, WRITES.replace("'", '"'), file)):
        pass
    text, end, words = json.loads(file.read_text())
    assert text.startswith(f"{run.folder.name}: Make the half-cheetah run backward.\n")
    assert (end, words, said) == ("finished", [str(file)], [])


def test_the_notifier_hears_why_a_run_stopped_but_not_of_ctrl_c(tmp_path):
    said: list[str] = []
    run, file = small_run(tmp_path), tmp_path / "told.json"
    writes = notifier(said, WRITES.replace("'", '"'), file)
    stopped = InterruptedRunError("stopped")
    stopped.signal = signal.SIGINT
    with pytest.raises(InterruptedRunError), told_at_the_end(run, writes):
        raise stopped
    assert not file.exists()
    with pytest.raises(DiskError), told_at_the_end(run, writes):
        raise DiskError("the disk is full")
    assert json.loads(file.read_text())[:2] == [f"{run.folder.name}: the disk is full\n", "stopped"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('import sys; sys.exit("no network")', "ended with 1: no network"),
        ("import time; time.sleep(60)", "was ended after 0 s"),
    ],
)
def test_a_failing_notifier_fails_no_run(tmp_path, code, words):
    said: list[str] = []
    with told_at_the_end(small_run(tmp_path), notifier(said, code, limit_s=0.5 if "sleep" in code else 30.0)):
        pass
    assert words in said[0]
    Notifier("/not/there x", said.append).tell(tmp_path, "finished", "")
    assert "can't be started: No such file" in said[1]


def test_a_notifier_that_is_no_command_is_refused_before_the_run():
    with pytest.raises(ConfigError, match="--notify"):
        Notifier("mail 'me", print)
