"""Slurm as `slurm_jobs.py` asks it: submitit hands jobs in, `squeue` and `scontrol` say how they are, `scancel` ends them.

States are asked of the controller, not of the accounting that submitit asks (`sacct`): small sites have none.
"""

from __future__ import annotations

import getpass
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from designer.config import Config
from designer.errors import ConfigError, SandboxError
from designer.executors import Limits
from designer.executors.slurm_node import work

EXTRA = "pip install 'designer[slurm]'"
LOGS = "slurm"
ASK_EVERY_S = 5.0  # one question for all jobs: the controller is everybody's
COMMAND_S = 60.0
SPARE_MEMORY_MB, SPARE_MIN = 2048, 10
"""What a Slurm job asks for beyond its box: memory for the process around it, time for it to start and to tell."""
GONE = "GONE"


class Queue(Protocol):
    """Where jobs are handed in."""

    def submit(self, post: Path, wanted: Mapping[str, Any]) -> str:
        """Hand in a job that does what lies in `post`, and return its number. Raises SandboxError, ConfigError."""
        ...

    def ended(self, number: str) -> str:
        """Say how a job ended, in Slurm's word; "" while it waits or runs, or nobody can say."""
        ...

    def cancel(self, number: str) -> None: ...


class SlurmQueue:
    """Implements `Queue`."""

    def __init__(self, node_python: str | None) -> None:
        self._python = node_python
        self._asking = threading.Lock()
        self._listed: frozenset[str] = frozenset()
        self._listed_at = -float("inf")
        self._ended: dict[str, str] = {}

    def submit(self, post: Path, wanted: Mapping[str, Any]) -> str:
        submitit = imported()
        try:
            executor = submitit.SlurmExecutor(folder=post / LOGS, python=self._python)
            executor.update_parameters(**wanted)
            with self._asking:
                number = str(executor.submit(work, str(post)).job_id)
                self._listed |= {number}
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            raise SandboxError(f"Slurm takes no job: {error}") from error
        return number

    def ended(self, number: str) -> str:
        with self._asking:
            if time.monotonic() - self._listed_at > ASK_EVERY_S:
                said = _said(["squeue", "--noheader", "--user", getpass.getuser(), "--format", "%i"])
                if said is None:  # the controller is away: it will be back, and its jobs go on
                    return ""
                self._listed, self._listed_at = frozenset(said.split()), time.monotonic()
            if number in self._listed:
                return ""
            if number not in self._ended:
                self._ended[number] = _state(number)
            return self._ended[number]

    def cancel(self, number: str) -> None:
        _said(["scancel", number])


def wanted_of(config: Config, limits: Limits, name: str, gpus: bool) -> dict[str, Any]:
    """Return what a job asks of Slurm, as submitit names it. Raises ConfigError."""
    count = config.executor.gpus_per_job if gpus else 0.0
    if count != int(count):
        raise ConfigError(
            f"executor.gpus_per_job = {count:g}: Slurm gives whole GPUs. Ask for 1, or for a shard, where your site has them, "
            "with --executor.sbatch 'gres=shard:1'."
        )
    memory = limits.memory_bytes // 1024**2 + SPARE_MEMORY_MB
    wanted: dict[str, Any] = {
        "job_name": f"designer-{name}",
        "time": int(limits.wall_s / 60) + SPARE_MIN,
        "mem": f"{memory}MB",
        "cpus_per_task": 1,
        # A job that Slurm began anew by itself would write a second answer behind the first: a lost one is handed in again.
        "additional_parameters": {"no-requeue": True, **_further(config.executor.sbatch)},
    }
    return {**wanted, "gpus_per_node": int(count)} if count else wanted


def _further(options: str) -> dict[str, str | bool]:
    """Read 'partition=gpu exclusive' into names and values. Raises ConfigError."""
    try:
        parts = [part.lstrip("-").partition("=") for part in shlex.split(options)]
    except ValueError as error:
        raise ConfigError(f"executor.sbatch = {options!r} can't be read: {error}.") from None
    if bad := [name for name, _, _ in parts if not name.replace("-", "").replace("_", "").isalnum()]:
        raise ConfigError(f"executor.sbatch = {options!r}: {bad[0]!r} is no option. Write 'partition=gpu account=lab'.")
    return {name: value if equals else True for name, equals, value in parts}


def script(config: Config, post: Path, wanted: Mapping[str, Any]) -> str:
    """Return the script that `sbatch` is given for a job. Needs submitit and no Slurm. Raises ConfigError."""
    imported()
    from submitit.slurm import slurm

    python = config.executor.node_python or shlex.quote(sys.executable)
    command = f"{python} -u -m submitit.core._submit {shlex.quote(str(post / LOGS))}"
    text: str = slurm._make_sbatch_string(command=command, folder=post / LOGS, **wanted)
    return text


def partitions() -> Sequence[str]:
    """Say what Slurm has, a line a partition. Raises SandboxError."""
    said = _said(["sinfo", "--noheader", "--format", "%P: %D nodes of %c CPUs, %m MB, GPUs %G, %T"])
    if said is None:
        raise SandboxError("no Slurm answers here: `sinfo` is not installed, or its controller is away.")
    return said.splitlines()


def imported() -> Any:  # the module: without types where it isn't installed
    """Return submitit. Raises ConfigError."""
    if find_spec("submitit") is None:
        raise ConfigError(f"executor.backend = slurm needs submitit, and this Python has none. Type: {EXTRA}")
    import submitit

    return submitit


def _state(number: str) -> str:
    """Ask for the state of a job that is no longer listed. Slurm forgets it some minutes after its end."""
    said = _said(["scontrol", "--oneliner", "show", "job", number])
    if said is None:
        return GONE
    return next((word.removeprefix("JobState=") for word in said.split() if word.startswith("JobState=")), GONE)


def _said(command: Sequence[str]) -> str | None:
    """Return what one of Slurm's commands printed, or None where it failed or isn't there."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
