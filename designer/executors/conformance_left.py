"""Conformance, third part: what is left of a box, and of the process that had asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from designer.config import to_toml
from designer.errors import InterruptedRunError
from designer.executors.conformance import GONE_S, LIMITS, Bench, BrokenError, Check, NotCheckableError, job, within
from designer.executors.conformance_walls import JOB_FILE, both, meet
from designer.records import Status
from designer.scratch import PREFIX

BEGAN = "import time\nBEGAN = time.time()\n"

# Leaves processes behind, before the seal, in every way there is; MARKER is in their command lines.
LEAVE = """
import os, subprocess, sys, time
sleeper = [sys.executable, "-S", "-c", "import time; time.sleep(60)", JOB["marker"]]
started = 0
def leave(**how):
    global started
    try:
        subprocess.Popen(sleeper, **how)
        started += 1
    except OSError:
        pass
leave()
leave(start_new_session=True)
leave(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sleeper[0], sleeper)
    os._exit(0)
open(JOB["marker"], "w").close()
"""


def no_process_is_left(bench: Bench) -> str:
    _processes_visible()
    ends = {
        "a result": "output.result('ok')",
        "an exit": "import os\nos._exit(1)",
        "the wall limit": "import time\ntime.sleep(60)",
    }
    for name, end in ends.items():
        marker = uuid.uuid4().hex
        limits = LIMITS.model_copy(update={"wall_s": 4.0})
        bench.run(f"output.progress(started=started)\n{end}\n", JOB_FILE + LEAVE, limits, marker=marker)
        _require_gone(bench, marker, f"after {name}")
    return f"after {', '.join(ends)}: no process, file or mount within {GONE_S:.0f} s, of four started before the seal"


def nothing_is_left_of_a_killed_host(bench: Bench) -> str:
    if getattr(bench.provider, "outlives", False):
        return _found_again(bench)
    _processes_visible()
    for how in (signal.SIGKILL, signal.SIGTERM):
        marker = uuid.uuid4().hex
        code = bench.code("output.progress(started=started)\nimport time\ntime.sleep(60)\n", JOB_FILE + LEAVE)
        _kill_a_host(bench, code, marker, how)
        _require_gone(bench, f"{marker}+", f"after {how.name} to the host")
    return "after SIGKILL and SIGTERM to the process that ran them, no process of a box within 2 s"


def _found_again(bench: Bench) -> str:
    """A box that outlives its host must be found by who asks for the same job again, and not be started a second time."""
    marker = uuid.uuid4().hex
    code = bench.code("import time\noutput.progress(started=1)\ntime.sleep(4)\noutput.result('ok', began=BEGAN)\n", BEGAN)
    killed_at = _kill_a_host(bench, code, marker, signal.SIGKILL)
    ended = bench.provider.executor(code).run(job(marker=f"{marker}+"), bench.job_folder, lambda _: None)
    bench.require(ended.status is Status.OK, f"{ended.status}: {ended.error}")
    bench.require(ended.content["began"] < killed_at, "the job was started a second time")
    return "a job went on without the killed process that had asked for it, and who asked again got its result"


def stop_ends_every_box(bench: Bench) -> str:
    running = threading.Barrier(3)
    executor = bench.provider.executor(bench.code("output.progress(a=1)\nimport time\ntime.sleep(60)\n"))
    raised: list[str] = []

    def one(name: str) -> None:
        try:
            executor.run(job(), bench.folder / name, lambda _: meet(running))
        except InterruptedRunError:
            raised.append(name)

    def stop() -> None:
        meet(running)
        executor.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    started = time.monotonic()
    both(one, ("a", "b"))
    stopper.join()
    bench.require(sorted(raised) == ["a", "b"], f"InterruptedRunError came from {raised}")
    try:
        executor.run(job(), bench.folder / "c", lambda _: None)
    except InterruptedRunError:
        return f"two boxes were ended, {time.monotonic() - started:.1f} s from their start; none was started afterwards"
    raise BrokenError("a box was started after stop()")


def _processes_visible() -> None:
    if not Path("/proc/self/cmdline").exists():
        raise NotCheckableError("this machine has no /proc to look for processes in")


def _require_gone(bench: Bench, marker: str, when: str) -> None:
    """Wait a little until no process, mount or temporary file of a box is left. Raises BrokenError with what is."""
    if not within(lambda: not _left(marker)):
        raise BrokenError(f"left {GONE_S:.0f} s {when}: {_left(marker)}")


def _kill_a_host(bench: Bench, code: Path, marker: str, how: signal.Signals) -> float:
    """Start a host with one box, end it while the box works, and return when that was [s since 1970]."""
    (bench.folder / "config.toml").write_text(to_toml(bench.config))
    places = [str(path) for path in (bench.folder / "config.toml", code, bench.job_folder)]
    host = [sys.executable, "-m", "designer.executors.conformance_host", *places, marker]
    with subprocess.Popen(host, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.send_signal(how)
    bench.require(said == "running\n", f"the host said {said!r}")
    return time.time()


def _mounts() -> list[str]:
    mounts = Path("/proc/self/mounts")
    return mounts.read_text().splitlines() if mounts.exists() else []


def _left(marker: str) -> Mapping[str, list[str]]:
    """Name the processes that have the marker as an argument, the files of its name, and the mounts of scratch folders."""
    processes = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in place.read_bytes().split(b"\0"):
                processes.append(place.parent.name)
        except OSError:
            continue
    scratch = Path(tempfile.gettempdir(), PREFIX)
    # os.walk goes on where a folder is removed under its feet.
    found_in = [(at, {*folders, *files}) for top in scratch.parent.glob(f"{PREFIX}*") for at, folders, files in os.walk(top)]
    left = {
        "processes": processes,
        "files": [at for at, names in found_in if marker in names],
        "mounts": [line for line in _mounts() if str(scratch) in line],
    }
    return {name: found for name, found in left.items() if found}


CHECKS = (
    Check("no process is left behind", no_process_is_left),
    Check("nothing outlives a killed host", nothing_is_left_of_a_killed_host),
    Check("stop() ends every box", stop_ends_every_box),
)
