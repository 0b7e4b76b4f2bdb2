"""Whose is a container: a label names the machine and the process, so that what a dead one left can be told from what works."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

from designer.executors.engine import ENDED, Engine, Kept

OWNER = "designer.owner"
RUN = "designer.job"


def own_label() -> str:
    """Return the label of this process: machine, process id, when it was started."""
    return f"{_machine()} {os.getpid()} {_born(os.getpid())}"


def sweep(engine: Engine) -> int:
    """Remove the containers whose process is dead, and return how many. Raises SandboxError."""
    left = [kept for kept in engine.containers(OWNER) if is_orphan(kept)]
    for kept in left:
        engine.remove(kept.id)
    return len(left)


def is_orphan(kept: Kept) -> bool:
    """Say whether nobody waits for a container any more. Another machine's counts once it has ended."""
    machine, _, process = kept.labels.get(OWNER, "").partition(" ")
    if machine != _machine():
        return kept.state in ENDED
    pid, _, born = process.partition(" ")
    return not pid.isdigit() or not _lives(int(pid)) or _born(int(pid)) != born


def _machine() -> str:
    """Name this machine since it was started, and the process ids that count here: a container has its own."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    return platform.node().replace(" ", "-") or "here"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _born(pid: int) -> str:
    """Return when a process was started, in clock ticks since the machine was: ids are used again. "" where nobody tells."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""
