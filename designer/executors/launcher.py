"""Start the launcher of an embedded box, read what it reports, end it. `sandbox/box.py` is the launcher."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from designer.errors import SandboxError
from designer.executors import Limits
from designer.executors.boxed import box_environment

KILL_GRACE_S = 1.0


class Launched(NamedTuple):
    """A box that runs: its launcher, with the worker's standard streams, and the pipe that its report comes through."""

    process: subprocess.Popen[bytes]
    report: IO[bytes]


def launch(
    python: Path, code: Path, box: Path, kind: str, worker: Sequence[str], also: Sequence[Path], limits: Limits, stdin: int
) -> Launched:
    """Start a worker in a box. Raises SandboxError.

    python: the worker's interpreter. code: what it may import. box: an empty folder of this box. kind: of walls, as in
    box.py. worker: the arguments behind the interpreter. also: more folders that it may read.
    """
    _lay_out(box)
    read_end, write_end = os.pipe()
    spec = {
        "argv": [str(python), "-s", "-P", *worker],
        "wall": kind,
        "bwrap": shutil.which("bwrap") or "",
        "cpu_s": limits.cpu_s,
        "memory_bytes": limits.memory_bytes,
        "file_bytes": limits.file_bytes,
        "folder": str(box),
        "files": [str(code), *(str(folder) for folder in also)],
        "parent": os.getpid(),
        "report_fd": write_end,
    }
    try:
        process = subprocess.Popen(
            [str(python), "-s", "-P", "-S", "-m", "sandbox.box", json.dumps(spec)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=box_environment(str(code), str(box / "scratch")),
            cwd=box / "scratch",
            pass_fds=(write_end,),
            start_new_session=True,
        )
    except OSError as error:
        os.close(read_end)
        raise SandboxError(f"the box can't be started: {error}. Is {python} a working Python?") from error
    finally:
        os.close(write_end)
    return Launched(process, os.fdopen(read_end, "rb"))


def _lay_out(box: Path) -> None:
    """Make what the launcher wants to find: mount points, and a file that the worker must not be able to open."""
    for name in ("root", "scratch"):
        (box / name).mkdir()
    (box / "canary").write_text("a file of the machine\n")
    box.chmod(0o711)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Let the launcher clear its box, then make sure."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(KILL_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def read_report(file: IO[bytes]) -> Mapping[str, Any]:
    """Return what the launcher said at its end, {} where it was killed."""
    line = file.read(8192)
    report: Mapping[str, Any] = json.loads(line) if line else {}
    return report
