"""Run `designer` as a person does: a process of its own, in a folder of its own, with a real or a stand-in worker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.designer.cheetah_table import cheetah_table

ROOT = Path(__file__).resolve().parents[2]
TINY = (
    *("--training.steps", "4096", "--search.rounds", "1", "--search.population", "2", "--search.final-seeds", "2"),
    *("--evaluation.episodes", "2", "--evaluation.checkpoints", "1", "--clips", "false"),
    *("--llm.critic", "0", "--llm.analyst", "false", "--cached-baselines", "false"),
)
SECRET = "sk-do-not-write-this-down-0123456789"

TAKE_OVER = """import os
import sys
from pathlib import Path

if "sandbox.worker" in sys.orig_argv:
    import stand_in_worker

    stand_in_worker.main(Path(sys.orig_argv[-1]))
    os._exit(0)
"""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def command(arguments: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "designer.cli", *(str(argument) for argument in arguments)]


def environment(**changes: str) -> dict[str, str]:
    """The variables of a person without a key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **changes}


def designer(*arguments: str | Path, cwd: Path, variables: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end."""
    ended = subprocess.run(
        command(arguments), cwd=cwd, env=environment(**(variables or {})), capture_output=True, text=True, timeout=240,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Ended(ended.returncode, ended.stdout, ended.stderr)


class Started(subprocess.Popen[str]):
    """A command that is to be stopped. A test that fails before doing so leaves none behind."""

    def __exit__(self, *about: object) -> None:
        self.kill()
        super().__exit__(*about)  # type: ignore[arg-type]


def started(*arguments: str | Path, cwd: Path, variables: Mapping[str, str] | None = None) -> Started:
    """Start a command that is to be stopped."""
    return Started(
        command(arguments), cwd=cwd, env=environment(**(variables or {})), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def stand_in(folder: Path) -> tuple[str, str]:
    """Make a worker environment that trains nothing, and return the flags that choose it.

    It is this Python, with a `sitecustomize` that takes over where the worker is started: nothing else gets into a box.
    """
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("stand_in_worker.py"), packages / "stand_in_worker.py")
    (packages / "table.json").write_text(cheetah_table().model_dump_json())
    (packages / "sitecustomize.py").write_text(TAKE_OVER)
    python = Path(sys.executable).resolve()
    (folder / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "python").symlink_to(python)
    return "--worker.python", str(folder / "bin" / "python")


def only_run(parent: Path) -> Path:
    """Return the one run folder in `parent`."""
    (folder,) = [path for path in parent.iterdir() if path.is_dir()]
    return folder


def wait_for_line(process: subprocess.Popen[str], start: str) -> str:
    """Read a command's output up to a line."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(start):
            return line
    raise AssertionError(f"the command ended before it said {start!r}: {process.stderr.read() if process.stderr else ''}")


def processes_of(folder: Path) -> list[int]:
    """List the processes whose command line names a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found
