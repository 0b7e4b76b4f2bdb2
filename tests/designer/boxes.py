"""Boxes for tests: the real launcher and the real worker around a made-up verb, without torch, and a host to kill."""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

from designer.executors import Job, Limits
from designer.executors.embedded import Embedded

ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits(cpu_s=20, wall_s=30, memory_bytes=2 * 1024**3)

# Leaves processes behind in every way there is, and goes on once all of them run. MARKER is in their command lines.
# A sealed worker can't do that: these tests are of the box below the seal, for workers without it (`unsealed`).
GRANDCHILDREN = """
import os, subprocess, sys, time

sleeper = [sys.executable, "-c", "import os, time; open(f'up-{os.getpid()}', 'w').close(); time.sleep(60)", job["marker"]]
subprocess.Popen(sleeper)
subprocess.Popen(sleeper, start_new_session=True)
subprocess.Popen(sleeper, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.execv(sleeper[0], sleeper)
    os._exit(0)
while len(os.listdir(".")) < 4:
    time.sleep(0.01)
output.progress(running=len(os.listdir(".")))
"""

NO_SEAL = """class SealError(Exception):
    pass


def apply():
    pass
"""


def worker_code(folder: Path, verb: str, sealed: bool = True) -> Path:
    """Make a code folder whose `probe` verb is `verb`: the body of run(job, files, output).

    sealed: whether its seal is the real one, or one that does nothing (and is believed).
    """
    shutil.copytree(ROOT / "sandbox", folder / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    if not sealed:
        (folder / "sandbox" / "seal.py").write_text(NO_SEAL)
    (folder / "sandbox" / "probe.py").write_text("def run(job, files, output):\n" + textwrap.indent(verb, "    "))
    return folder


def executor(folder: Path, verb: str, namespaces: bool = True, sealed: bool = True) -> Embedded:
    """The made-up verb is no real probe: a warm box would not be one either."""
    return Embedded(Path(sys.executable), worker_code(folder, verb, sealed), namespaces, warm=False)


def job(limits: Limits = LIMITS, **spec: object) -> Job:
    return Job("probe", spec, {"reward.py": b""}, limits)


def marked(marker: str) -> Iterator[int]:
    """List the processes that have the marker as an argument."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (place / "cmdline").read_bytes().split(b"\0"):
                yield int(place.name)
        except OSError:
            continue


def all_gone(marker: str, within_s: float) -> bool:
    """Wait until no process has the marker."""
    deadline = time.monotonic() + within_s
    while any(marked(marker)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def main() -> None:
    """Be a host: run one box whose code lies in a folder, and say how it ended. Started by tests, to be killed.

    The box's marker is the given one and a +, so that it isn't in the host's own command line.
    """
    code, folder, marker, namespaces = sys.argv[1:]
    host = Embedded(Path(sys.executable), Path(code), namespaces == "namespaces", warm=False)
    ended = host.run(job(marker=f"{marker}+"), Path(folder), lambda numbers: print("progress", dict(numbers), flush=True))
    print(ended.status, ended.content, flush=True)


if __name__ == "__main__":
    main()
