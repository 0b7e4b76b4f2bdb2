"""Two seconds after a run has ended, however it did, nothing of it is left on the machine but its folder."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.command import TINY, designer, only_run, stand_in, started, wait_for_line

GONE_S = 2.0
RUN = ("run", "half_cheetah_backward", *TINY)


class Left(NamedTuple):
    """What is there of a run: processes, temporary files, mounts; and the machine's network interfaces."""

    processes: list[str]
    files: list[str]
    mounts: list[str]
    interfaces: list[str]


def left(temporary: Path, known: frozenset[int] = frozenset()) -> Left:
    """Look for what belongs to a run: every process of its boxes has its temporary folder in its command or its variables."""
    processes = {process for process, said in everybody() if str(temporary).encode() in said}
    described = [text for process in sorted(processes | known) if (text := description(process))]
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(temporary) in line]
    # os.walk goes on where a folder ends while it is read: it is being removed.
    files = [os.path.relpath(os.path.join(at, n), temporary) for at, folders, own in os.walk(temporary) for n in folders + own]
    return Left(described, files, mounts, sorted(os.listdir("/sys/class/net")))


def description(process: int) -> str:
    """Say what a process is; "" where it has ended, also if nobody has asked how yet."""
    try:
        name, _, rest = Path(f"/proc/{process}/stat").read_text().partition("(")[2].rpartition(")")
        return "" if rest.split()[0] == "Z" else f"{process} {name} {Path(f'/proc/{process}/cmdline').read_bytes()[:300]!r}"
    except OSError:
        return ""


def everybody() -> Iterator[tuple[int, bytes]]:
    """List all processes with their commands and variables, as far as they may be read."""
    for place in Path("/proc").glob("[0-9]*"):
        said = b""
        for name in ("cmdline", "environ"):
            try:
                said += (place / name).read_bytes()
            except OSError:
                continue
        yield int(place.name), said


def descendants(root: int) -> frozenset[int]:
    """Return the processes below one, the warm process and its children among them."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {root}
    while more := {process for process, parent in parents.items() if parent in found} - found:
        found |= more
    return frozenset(found - {root})


def gone(temporary: Path, known: frozenset[int], interfaces: list[str]) -> Left:
    """Wait until nothing is left, two seconds at most; return what is."""
    deadline = time.monotonic() + GONE_S
    while (found := left(temporary, known)) != Left([], [], [], interfaces) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def test_run_that_ended_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    interfaces = left(temporary).interfaces
    worker = stand_in(tmp_path / "worker")
    ended = designer(*RUN, *worker, cwd=tmp_path, variables={"TMPDIR": str(temporary)})
    assert ended.code == 0, ended.err + ended.out
    assert gone(temporary, frozenset(), interfaces) == Left([], [], [], interfaces)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_run_that_was_killed_leaves_nothing(tmp_path: Path, temporary: Path, how: signal.Signals) -> None:
    interfaces = left(temporary).interfaces
    with started(*RUN, "--training.steps", "10000000", cwd=tmp_path, variables={"TMPDIR": str(temporary)}) as process:
        wait_for_line(process, "training")
        known = at_work(process, only_run(tmp_path / "runs"))
        before = left(temporary)
        process.send_signal(how)
        end(process)
    assert before.processes
    assert before.files
    assert gone(temporary, known, interfaces) == Left([], [], [], interfaces)


def at_work(process: subprocess.Popen[str], run: Path) -> frozenset[int]:
    """Wait until two trainings are in their boxes; return all processes below the run's."""
    deadline = time.monotonic() + 60
    while len(list(run.rglob("train/job.json"))) < 2 or len(descendants(process.pid)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return descendants(process.pid)


def end(process: subprocess.Popen[str]) -> None:
    """Read a command's output to its end, so that it doesn't wait with it."""
    process.communicate(timeout=60)
