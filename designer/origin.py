"""Where a run was last at work: `origin.json` in its folder. On another machine, or with other versions, it says what differs.

A run folder holds all that a run needs, but for the worker's packages and the sandbox; so it goes on anywhere that has those.
What was trained before stays as it was. What is trained afterwards is the same training on another machine: its last digits
differ.
"""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from designer import __version__
from designer.config import Config
from designer.environments import environment_recipe
from designer.errors import WorkerMissingError
from designer.files import write_atomically
from designer.records import Record, digest

ORIGIN = "origin.json"
MACHINE_SETTINGS = (
    *("search.until", "worker.python", "executor.slots", "executor.shared", "sandbox.docker_host"),
    *("executor.backend", "executor.address", "executor.gpus_per_job", "executor.restarts"),
    *("executor.sbatch", "executor.posts", "executor.node_python"),
    *("disk.reserve_gb", "disk.prune", "llm.base_url", "llm.timeout_s", "llm.patience_s", "track"),
)
"""Settings that belong to a place and a time: they may be given anew when a run goes on. All others stay with the run."""


class Origin(Record):
    """Where a run is at work. packages: a hash of the locks that the worker's packages come from."""

    folder: str
    host: str
    cpu: str
    version: str
    packages: str


def here(folder: Path, config: Config) -> Origin:
    """Describe this place."""
    return Origin(
        folder=str(folder.resolve()),
        host=socket.gethostname(),
        cpu=f"{platform.machine()} {_cpu_model()}".strip(),
        version=__version__,
        packages=_packages(config),
    )


def settle(folder: Path, now: Origin) -> list[str]:
    """Say what has changed since the run was last at work, and note where it is now. Raises DiskError."""
    before = _read(folder / ORIGIN)
    if before != now:
        write_atomically(folder / ORIGIN, now.model_dump_json(indent=1))
    return list(changes(before, now)) if before else []


def changes(before: Origin, now: Origin) -> Iterator[str]:
    """Say what differs, one line each."""
    if before.host != now.host or before.folder != now.folder:
        yield f"the run was last at work in {before.folder} on {before.host}; it goes on in {now.folder} on {now.host}."
    if before.cpu != now.cpu:
        yield f"its trainings were made on {before.cpu}, from here on {now.cpu}: the same training differs in its last digits."
    if before.version != now.version:
        yield f"it was at work with designer {before.version}, this is {now.version}; prompts and worker's code are its own."
    if before.packages != now.packages:
        yield "the worker's packages are others than before: scores from before and after come from different software."


def _read(path: Path) -> Origin | None:
    try:
        return Origin.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _packages(config: Config) -> str:
    if config.worker.python:
        return str(config.worker.python)
    try:
        return digest([environment_recipe(config.worker.environment).wanted()])
    except WorkerMissingError:
        return ""


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
