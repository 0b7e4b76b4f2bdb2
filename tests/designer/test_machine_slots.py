"""Several runs on one machine share its slots: never more boxes than slots, none lost to a kill -9, holders shown."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from designer.display import Silent
from designer.errors import InterruptedRunError
from designer.executors import Job, Limits
from designer.executors.fake import Fake
from designer.executors.resumable import Resumable
from designer.live import Published
from designer.machine_slots import MachineSlots, Sharing, held_slots, slots_folder
from designer.showing import show_run, show_runs
from designer.standing import slot_lines
from designer.terminal import console
from designer.text import one_line
from tests.designer.small_run import small_run
from tests.designer.test_loop import attempt

HOLDER = """import sys
from pathlib import Path
from designer.machine_slots import MachineSlots
with MachineSlots(Path(sys.argv[1]), 1).one(Path(sys.argv[2]), "train g01c00"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path, run: Path) -> subprocess.Popen[str]:
    """Start a process that holds the one slot until it is killed or its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_all_runs_together_have_no_more_boxes_than_slots(tmp_path):
    """Three runs, each allowed two boxes, over two slots."""
    at_work, most, turn = 0, 0, threading.Lock()

    def works(job):
        nonlocal at_work, most
        with turn:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.002)
        with turn:
            at_work -= 1

    runs = [small_run(tmp_path / str(k), search={"rounds": 1}) for k in range(3)]

    def go(run) -> None:
        fake = Fake(works)
        shared = Sharing(fake, MachineSlots(tmp_path / "slots", 2), run.folder)
        attempt(run, shared)

    threads = [threading.Thread(target=go, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
    assert all(run.archive().finished.winner for run in runs)
    assert held_slots(tmp_path / "slots") == []


def test_a_slot_held_by_another_process_is_waited_for_and_freed_by_kill_9(tmp_path):
    folder = tmp_path / "slots"
    with holder(folder, tmp_path / "runs" / "other") as process:
        (held,) = held_slots(folder)
        assert (held.pid, held.job, Path(held.run).name) == (process.pid, "train g01c00", "other")
        waited: list[int | None] = []

        def wait() -> None:
            with MachineSlots(folder, 1).one(tmp_path, "probe") as slot:
                waited.append(slot)

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.3)
        assert waited == []
        process.kill()
        thread.join(10)
    assert waited == [0]
    assert held_slots(folder) == []


def test_no_child_of_a_run_keeps_its_slot(tmp_path):
    """A box that outlives a killed host for a moment must not hold what the host held."""
    with MachineSlots(tmp_path, 1).one(tmp_path, "train"):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        assert held_slots(tmp_path) == []
        with MachineSlots(tmp_path, 1).one(tmp_path, "train") as slot:
            assert slot == 0
    finally:
        child.kill()
        child.wait()


def test_a_run_that_is_stopped_waits_no_longer(tmp_path):
    run = small_run(tmp_path)
    with holder(tmp_path / "slots", tmp_path) as process:
        machine = MachineSlots(tmp_path / "slots", 1)
        sharing = Sharing(Fake(), machine, run.folder)
        threading.Timer(0.1, sharing.stop).start()
        with pytest.raises(InterruptedRunError, match="waited for a slot"), machine.one(run.folder, "train"):
            pass
        process.kill()


def test_whoever_waits_is_told_for_whom(tmp_path, monkeypatch):
    monkeypatch.setattr("designer.machine_slots.TELL_AFTER_S", 0.0)
    said: list[str] = []
    with holder(tmp_path / "slots", tmp_path / "20261128-night") as process:
        machine = MachineSlots(tmp_path / "slots", 1, said.append)
        threading.Timer(0.5, machine.stop).start()
        with pytest.raises(InterruptedRunError), machine.one(tmp_path / "mine", "train"):
            pass
        process.kill()
    assert said == ["all 1 slots of this machine are held, also by 20261128-night: waiting"]


def test_a_stored_result_needs_no_slot(tmp_path):
    machine, fake = MachineSlots(tmp_path / "slots", 1), Fake()
    executor = Resumable(Sharing(fake, machine, tmp_path))
    job = Job("probe", {}, {"reward.py": b""}, Limits(cpu_s=1, wall_s=1))
    first = executor.run(job, tmp_path / "probe", lambda _: None)
    machine.stop()  # it would raise rather than wait
    with holder(tmp_path / "slots", tmp_path) as process:
        assert executor.run(job, tmp_path / "probe", lambda _: None) == first
        process.kill()
    assert len(fake.jobs) == 1


def test_a_folder_that_can_not_be_made_shares_nothing_and_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    said: list[str] = []
    with MachineSlots(tmp_path / "file" / "slots", 1, said.append).one(tmp_path, "train") as slot:
        assert slot is None
    assert "are not shared" in said[0]


def test_locks_lie_in_the_runtime_folder_or_the_cache(tmp_path):
    assert slots_folder({"DESIGNER_SLOTS": str(tmp_path)}) == tmp_path
    assert slots_folder({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "designer" / "slots"
    assert slots_folder({"XDG_RUNTIME_DIR": "/not/there", "XDG_CACHE_HOME": "/c"}) == Path("/c/designer/slots")


def test_show_lists_runs_with_their_state_and_who_holds_the_slots(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("DESIGNER_SLOTS", str(tmp_path / "slots"))
    run = small_run(tmp_path / "runs")
    with holder(tmp_path / "slots", run.folder) as process, Published(Silent(), run.folder).beating():
        deadline = time.monotonic() + 10
        while not (run.folder / "live.json").exists():
            assert time.monotonic() < deadline
        show_runs(tmp_path / "runs", console())
        process.kill()
    out = capsys.readouterr().out
    assert f"at work: between two steps (process {os.getpid()})" in out
    assert f"  0: {run.folder}: train g01c00, for 0 s (process {process.pid})" in out
    show_run(run, console())
    told = " ".join(capsys.readouterr().out.split())
    assert "state: stopped in order at" in told
    assert f"Go on with: designer run {run.folder}" in told
    assert slot_lines(tmp_path / "slots") == []


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_show_lists_runs_in_readable_lines_on_any_terminal(tmp_path, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("DESIGNER_SLOTS", str(tmp_path / "slots"))
    run = small_run(tmp_path / "runs")
    show_runs(tmp_path / "runs", console())
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert sum(str(run.folder) in line for line in lines) == 1
    assert sum(one_line(run.task.text, 50) in line for line in lines) == 1
    assert sum("not finished" in line for line in lines) == 1
    assert all(len(line) <= columns or str(run.folder) in line for line in lines)
