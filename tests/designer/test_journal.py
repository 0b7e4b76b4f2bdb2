"""The journal: what was appended is read back, a torn tail is forgiven, anything else is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from designer.errors import DiskError, RunBrokenError, RunLockedError
from designer.journal import CallStarted, Journal, RunFinished, RunStarted, locked, read

STARTED = RunStarted(task="t", config="{}", proposer="p", sandbox="s", fitness="f", version="0")
FINISHED = RunFinished(reason="done", winner=None)


def journal(path: Path) -> Journal:
    return Journal(path, clock=lambda: 12.5)


def test_events_are_read_back_in_order(tmp_path):
    path = tmp_path / "journal.jsonl"
    for event in (STARTED, CallStarted(key="r01", request="ab"), FINISHED):
        journal(path).append(event)
    assert [stamped.event for stamped in read(path)] == [STARTED, CallStarted(key="r01", request="ab"), FINISHED]
    assert {stamped.at for stamped in read(path)} == {12.5}


def test_an_event_is_on_the_disk_before_the_run_goes_on(tmp_path, monkeypatch):
    path, seen = tmp_path / "journal.jsonl", []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append((os.fstat(descriptor).st_ino, path.read_bytes())))
    journal(path).append(FINISHED)
    assert seen == [(path.stat().st_ino, path.read_bytes())]


def test_missing_journal_is_an_empty_one(tmp_path):
    assert read(tmp_path / "journal.jsonl") == []


@pytest.mark.parametrize("kept", [1, 20, -2, -1])
def test_torn_tail_is_ignored_on_read_and_cut_before_writing(tmp_path, kept):
    path = tmp_path / "journal.jsonl"
    journal(path).append(STARTED)
    whole = path.read_bytes()
    journal(path).append(FINISHED)
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:kept])
    assert [stamped.event for stamped in read(path)] == [STARTED]
    assert path.read_bytes() != whole, "reading must not write"
    journal(path).mend()
    assert path.read_bytes() == whole
    journal(path).append(FINISHED)
    assert [stamped.event for stamped in read(path)] == [STARTED, FINISHED]


def test_mending_a_whole_or_missing_journal_changes_nothing(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal(path).mend()
    assert not path.exists()
    journal(path).append(STARTED)
    before = path.read_bytes()
    journal(path).mend()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "line",
    [
        b"{broken",
        b"\xff\xfe",
        b'{"at":1,"event":{"event":"walked_away"}}',
        b'{"at":NaN,"event":{"event":"run_finished","reason":"","winner":null}}',
        b'{"at":1,"event":{"event":"run_finished","reason":"","winner":null,"extra":1}}',
    ],
)
def test_broken_line_in_the_middle_is_named(tmp_path, line):
    path = tmp_path / "journal.jsonl"
    journal(path).append(STARTED)
    path.write_bytes(path.read_bytes() + line + b"\n" + path.read_bytes())
    with pytest.raises(RunBrokenError, match=r"journal\.jsonl line 2 can't be read"):
        read(path)


def test_full_disk_is_a_disk_error(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.symlink_to("/dev/full")
    with pytest.raises(DiskError, match="the disk is full"):
        journal(path).append(STARTED)


def test_line_that_does_not_fit_leaves_nothing_half_written(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal(path).append(STARTED)
    before = path.read_bytes()
    script = (
        "import resource, sys; from pathlib import Path; from designer.errors import DiskError\n"
        "from designer.journal import Journal, RunFinished\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 10},) * 2)\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try: Journal(Path(sys.argv[1]), lambda: 0.0).append(RunFinished(reason='x' * 100, winner=None))\n"
        "except DiskError as error: print('disk error:', error)"
    )
    told = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("disk error:")
    assert path.read_bytes() == before


def test_journal_in_a_place_that_can_not_be_written_is_a_disk_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="Not a directory"):
        journal(tmp_path / "file" / "journal.jsonl").append(STARTED)


HOLD = (
    "import sys; from pathlib import Path; from designer.journal import locked\n"
    "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def test_second_holder_is_told_the_pid_of_the_first(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunLockedError, match=f"process {holder.pid}\\b"), locked(tmp_path):
            pass
        holder.stdin.close()
        holder.wait()
    with locked(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_lock_of_a_killed_process_is_free(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
    with locked(tmp_path):
        pass


def test_lock_is_given_up_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass


def test_lock_on_a_full_disk_is_a_disk_error(tmp_path):
    (tmp_path / "lock").symlink_to("/dev/full")
    with pytest.raises(DiskError), locked(tmp_path):
        pass


def test_every_event_is_one_line_whatever_it_holds(tmp_path):
    path = tmp_path / "journal.jsonl"
    odd = RunFinished(reason='two\nlines, "quotes", \u2028 and \x00', winner=None)
    journal(path).append(odd)
    assert path.read_bytes().count(b"\n") == 1
    assert json.loads(path.read_bytes())["event"]["reason"] == odd.reason
    assert [stamped.event for stamped in read(path)] == [odd]
