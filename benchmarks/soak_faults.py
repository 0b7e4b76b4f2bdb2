"""What the soak does to a run: signals, a full disk, an endpoint that goes away, clocks that jump, a torn journal line."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.soak_endpoint import Endpoint

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
DISK_MB = 192
RESERVE_GB = 0.02


class Place(NamedTuple):
    """Where a soak works. small: a file system of DISK_MB, or a plain folder where nobody may mount one."""

    small: Path
    temporary: Path
    clock: Path
    mounted: bool

    @property
    def runs(self) -> Path:
        return self.small / "runs"


def descendants(pid: int) -> list[int]:
    """List all processes below one."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except (OSError, IndexError):
            continue
    found, left = [], [pid]
    while left:
        found += (below := parents.get(left.pop(), []))
        left += below
    return found


def kill_host(process: subprocess.Popen[str], place: Place, endpoint: Endpoint, draw: random.Random) -> None:
    process.kill()


def end_host(process: subprocess.Popen[str], place: Place, endpoint: Endpoint, draw: random.Random) -> None:
    process.send_signal(draw.choice([signal.SIGTERM, signal.SIGHUP, signal.SIGINT]))


def kill_worker(process: subprocess.Popen[str], place: Place, endpoint: Endpoint, draw: random.Random) -> None:
    if found := descendants(process.pid):
        try:
            os.kill(draw.choice(found), signal.SIGKILL)
        except ProcessLookupError:
            return


def fill_disk(process: subprocess.Popen[str], place: Place, endpoint: Endpoint, draw: random.Random) -> None:
    """Take what the disk has, down to nothing or to half of what the run keeps free, for some seconds."""
    if not place.mounted:
        return
    left = draw.choice([0, int(RESERVE_GB * 1024**3 / 2)])
    fill = place.small / "fill"
    size = shutil.disk_usage(place.small).free - left
    with open(fill, "wb") as file, suppress(OSError):  # the run may take some of it meanwhile
        os.posix_fallocate(file.fileno(), 0, max(1, size))
    _wait(process, 8)
    fill.unlink()


def lose_endpoint(process: subprocess.Popen[str], place: Place, endpoint: Endpoint, draw: random.Random) -> None:
    endpoint.down()
    _wait(process, draw.uniform(3, 20))
    endpoint.up()


def set_clock(process: subprocess.Popen[str], place: Place, endpoint: Endpoint, draw: random.Random) -> None:
    """Set the run's time of day hours forward or back, while it works."""
    place.clock.write_text(f"{draw.choice(['+', '-'])}{draw.randint(1, 48)}h\n")
    _wait(process, 5)


def halt(process: subprocess.Popen[str], place: Place, endpoint: Endpoint, draw: random.Random) -> None:
    """Stop the host for some seconds, as a busy machine or a sleep does."""
    process.send_signal(signal.SIGSTOP)
    time.sleep(draw.uniform(1, 5))
    process.send_signal(signal.SIGCONT)


Fault = Callable[[subprocess.Popen[str], Place, Endpoint, random.Random], None]
FAULTS: dict[str, Fault] = {
    "kill -9 of the host": kill_host,
    "a signal to the host": end_host,
    "kill -9 of a worker": kill_worker,
    "full disk": fill_disk,
    "endpoint down": lose_endpoint,
    "clock set": set_clock,
    "host halted": halt,
}


def tear_journal(run: Path, draw: random.Random) -> bool:
    """Leave half a line at the journal's end, as a power cut does. Says whether it did."""
    journal = run / "journal.jsonl"
    if draw.random() < 0.5 or not journal.exists():
        return False
    last = journal.read_bytes().splitlines()[-1]
    with open(journal, "ab") as file:
        file.write(last[: draw.randrange(1, len(last))])
    return True


def _wait(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait so long, or for the end of the process."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
