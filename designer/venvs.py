"""Makes a virtual environment from hashed locks, once: a second call finds its stamp and does nothing.

It needs nothing but the standard library, since it also makes the environment that the rest of `designer` runs in:
`python3 -m designer.venvs --folder .venv --project . scripts/host.lock`.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from designer.errors import DesignerError, WorkerMissingError

STAMP = "designer-stamp.json"  # written last: an environment without it was never finished
BUILDING = ".building"  # flocked while somebody builds; the only file that clearing an environment leaves

Say = Callable[[str], None]
Run = Callable[[Sequence[str], Say], str]


class Recipe(NamedTuple):
    """What an environment is made of.

    locks: hashed lock files, installed in this order and without looking for further dependencies.
    cpu: a lock that is tried first: smaller builds, which not every machine's index has. The locks then keep them.
    cuda: a lock that is installed too where the torch that came in asks for CUDA libraries.
    project: a checkout to install in editable form, or None.
    frozen: nothing in it will change any more, so bytecode need not be checked against its source.
    takes: how long the first build takes, in words for a person.
    """

    folder: Path
    locks: tuple[Path, ...]
    cpu: Path | None = None
    cuda: Path | None = None
    project: Path | None = None
    frozen: bool = False
    takes: str = "about a minute"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def wanted(self) -> dict[str, str]:
        """Return the sha256 of everything that goes in, by file name."""
        project = self.project / "pyproject.toml" if self.project else None
        sources = [source for source in (*self.locks, self.cpu, self.cuda, project) if source]
        return {source.name: hashlib.sha256(source.read_bytes()).hexdigest() for source in sources}


def run_command(command: Sequence[str], say: Say) -> str:
    """Run a command, passing on the lines about large downloads; return its output.

    Raises WorkerMissingError with the end of the output where the command fails.
    """
    tail: deque[str] = deque(maxlen=200)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            tail.append(line)
            if line.strip().startswith("Downloading ") and line.rstrip().endswith(("MB)", "GB)")):
                say(f"  {line.strip().lower()[:1]}{line.strip()[1:]}")
    if process.returncode:
        end = "".join(list(tail)[-12:]).rstrip()
        raise WorkerMissingError(f"`{' '.join(command)}` failed with exit status {process.returncode}:\n{end}")
    return "".join(tail)


def is_current(recipe: Recipe) -> bool:
    """Say whether the environment was finished and was made from these very files, here."""
    have = _read_stamp(recipe.folder)
    return have is not None and recipe.python.exists() and recipe.wanted().items() <= have.items()


def make(recipe: Recipe, say: Say = print, run: Run = run_command) -> Path:
    """Make the environment, or what is missing of it, and return its Python.

    An environment that was made from other locks, at another place, or by a build that was killed is made anew.
    Raises WorkerMissingError where a step fails; the next call then starts afresh.
    """
    with _only_builder(recipe.folder, say):
        have = _read_stamp(recipe.folder)
        wanted = recipe.wanted()
        if have is None or _is_outdated(have, wanted) or not _runs(recipe.python, run):
            have = {}
        if wanted.items() <= have.items():
            return recipe.python
        started = time.monotonic()
        say(f"Adding to {recipe.folder} ..." if have else f"Making {recipe.folder} ({recipe.takes}, once) ...")
        (recipe.folder / STAMP).unlink(missing_ok=True)
        if not have:
            _create_empty(recipe, say, run)
        _install(recipe, {name for name in wanted if have.get(name) != wanted[name]}, say, run)
        _write_stamp(recipe.folder, have | wanted)
        say(f"  done in {time.monotonic() - started:.0f} s")
    return recipe.python


def _is_outdated(have: dict[str, str], wanted: dict[str, str]) -> bool:
    """Say whether a lock changed since. A changed project is only installed again; a new lock goes on top."""
    return any(have.get(name, sha) != sha for name, sha in wanted.items() if name != "pyproject.toml")


def _runs(python: Path, run: Run) -> bool:
    """Say whether an environment's Python finds its packages: after an upgrade of the system's it doesn't."""
    try:
        run([str(python), "-I", "-c", "import pip"], print)
    except (OSError, WorkerMissingError):
        return False
    return True


def _create_empty(recipe: Recipe, say: Say, run: Run) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise WorkerMissingError(
            f"{sys.executable} (Python {version}) can't make virtual environments: its module ensurepip is missing. "
            f"On Debian or Ubuntu type: sudo apt install python{version}-venv"
        )
    for entry in recipe.folder.iterdir():
        if entry.name == BUILDING:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    run([sys.executable, "-I", "-m", "venv", str(recipe.folder)], say)


def _install(recipe: Recipe, missing: set[str], say: Say, run: Run) -> None:
    pip = [str(recipe.python), "-I", "-m", "pip", "--no-input", "--disable-pip-version-check"]
    # Bytecode is compiled afterwards, on all cores.
    install = [*pip, "install", "--no-deps", "--no-compile", "--progress-bar", "off"]
    locks = [lock for lock in recipe.locks if lock.name in missing]
    if recipe.cpu and locks:
        # pip alone would take the index's build: it ranks files whose hash the index states above local ones.
        with suppress(WorkerMissingError):
            run([*install, "--require-hashes", "-r", str(recipe.cpu)], say)
    for lock in locks:
        say(f"  installing {lock.name}")
        run([*install, "--require-hashes", "-r", str(lock)], say)
    if recipe.cuda and recipe.cuda.name in missing and _torch_asks_for_cuda(recipe, say, run):
        say(f"  installing {recipe.cuda.name}: this torch uses CUDA, several GB")
        run([*install, "--require-hashes", "-r", str(recipe.cuda)], say)
    if recipe.project:
        run([*install, "--no-build-isolation", "--no-index", "-e", str(recipe.project)], say)
    run([*pip, "check"], say)
    if locks:
        say("  compiling")
        mode = "UNCHECKED_HASH" if recipe.frozen else "TIMESTAMP"
        run([str(recipe.python), "-I", "-c", _COMPILE.format(mode=mode)], say)


_COMPILE = """import compileall, py_compile, sysconfig
mode = py_compile.PycInvalidationMode.{mode}
compileall.compile_dir(sysconfig.get_path('purelib'), quiet=2, workers=0, invalidation_mode=mode)"""
_REQUIREMENTS = "import importlib.metadata as m; print('\\n'.join(m.requires('torch') or ()))"


def _torch_asks_for_cuda(recipe: Recipe, say: Say, run: Run) -> bool:
    requirements = run([str(recipe.python), "-I", "-c", _REQUIREMENTS], say).splitlines()
    return any(requirement.startswith(("nvidia-", "cuda-")) for requirement in requirements)


@contextmanager
def _only_builder(folder: Path, say: Say) -> Iterator[None]:
    """Hold the environment's lock, waiting for another process that builds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / BUILDING).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process is making {folder}; waiting for it ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_stamp(folder: Path) -> dict[str, str] | None:
    """Return the sha256 of what an environment was made of, by file name; None: it was moved, or never finished."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return None
    return dict(stamp["made_of"]) if stamp["folder"] == str(folder.resolve()) else None


def _write_stamp(folder: Path, made_of: dict[str, str]) -> None:
    stamp = {"folder": str(folder.resolve()), "made_of": made_of}
    draft = folder / f"{STAMP}.draft"
    draft.write_text(json.dumps(stamp, indent=1))
    draft.replace(folder / STAMP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make an environment; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m designer.venvs", description="Make a virtual environment.")
    parser.add_argument("locks", nargs="+", type=Path, help="hashed lock files, in order")
    parser.add_argument("--folder", required=True, type=Path, help="where the environment goes")
    parser.add_argument("--cpu", type=Path, help="a lock that is tried first")
    parser.add_argument("--cuda", type=Path, help="a lock for where torch asks for CUDA")
    parser.add_argument("--project", type=Path, help="a checkout to install in editable form")
    parser.add_argument("--frozen", action="store_true", help="nothing in it will change any more")
    asked = parser.parse_args(arguments)
    extra = {"cpu": asked.cpu, "cuda": asked.cuda, "project": asked.project}
    try:
        make(Recipe(asked.folder.resolve(), tuple(asked.locks), **extra, frozen=asked.frozen))
    except DesignerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
