"""Start an embedded box, read what is reported of it, end it. `sandbox/box.py` is the launcher."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from designer.errors import SandboxError
from designer.executors import Limits
from designer.executors.boxed import box_environment

KILL_GRACE_S = 1.0


class Box(Protocol):
    """A worker at work behind its walls, however it was started."""

    out: IO[bytes]
    """Its frames."""
    err: IO[bytes]

    def kill(self) -> None:
        """End it and all that it started."""
        ...

    def wait(self) -> Mapping[str, Any]:
        """Return how it ended, as sandbox/box.py reports it; {} where a warm process ended before, and `launcher_exit` where
        a launcher did."""
        ...

    def close(self) -> None:
        """Let go of its streams."""
        ...


class ColdBox:
    """A `Box` with a launcher of its own, and the pipe that this one's report comes through."""

    def __init__(self, process: subprocess.Popen[bytes], report: IO[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process, self.out, self.err = process, process.stdout, process.stderr
        self._report = report

    def kill(self) -> None:
        """Let the launcher clear its box, then make sure."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(KILL_GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def wait(self) -> Mapping[str, Any]:
        self.process.wait()
        line = self._report.read(8192)
        report: Mapping[str, Any] = json.loads(line) if line else {"launcher_exit": self.process.returncode}
        return report

    def close(self) -> None:
        with self.process, self._report:
            pass


def launch(
    python: Path,
    code: Path,
    box: Path,
    kind: str,
    worker: Sequence[str],
    also: Sequence[Path],
    limits: Limits,
    stdin: int,
    children: int = 1,
) -> ColdBox:
    """Start a worker in a box. Raises SandboxError.

    python: the worker's interpreter. code: what it may import. box: an empty folder of this box. kind: of walls, as in
    box.py. worker: the arguments behind the interpreter. also: more folders that it may read. children: how many jobs it does
    at once, each with as many threads as a box may have.
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
        "children": children,
        "parent": os.getpid(),
        "report_fd": write_end,
    }
    try:
        process = subprocess.Popen(
            [str(python), "-s", "-P", "-S", "-m", "sandbox.box", json.dumps(spec)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=box_environment(str(code), str(box / "scratch"), limits.devices),
            cwd=box / "scratch",
            pass_fds=(write_end,),
            start_new_session=True,
        )
    except OSError as error:
        os.close(read_end)
        raise SandboxError(f"the box can't be started: {error}. Is {python} a working Python?") from error
    finally:
        os.close(write_end)
    return ColdBox(process, os.fdopen(read_end, "rb"))


def _lay_out(box: Path) -> None:
    """Make what the launcher wants to find: mount points, and a file that the worker must not be able to open."""
    for name in ("root", "scratch"):
        (box / name).mkdir()
    (box / "canary").write_text("a file of the machine\n")
    box.chmod(0o711)
