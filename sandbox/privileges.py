"""What a box's process may do at most: whose it is, what it may use. Given up before the worker starts, for good."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox import kernel

# A user id that nobody has, another for every box, so that two of them have nothing in common.
FIRST_UNUSED_UID, UNUSED_UIDS = 2_000_000_000, 100_000_000
OPEN_FILES = 256
THREADS = 256


def unused_uid(launcher: int) -> int:
    """Return the user id that root gives to a box."""
    return FIRST_UNUSED_UID + launcher % UNUSED_UIDS


def can_become(uid: int) -> bool:
    """Say whether this root may take a user's id: a container may have no such user."""
    try:
        os.seteuid(uid)
    except OSError:
        return False
    os.seteuid(0)
    return True


def can_read(uid: int, paths: Iterable[str]) -> bool:
    """Say whether a user could read all these files and folders. Only root, who can become that user, may ask."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(uid)
    os.seteuid(uid)
    try:
        return all(os.access(p, os.R_OK | (os.X_OK if os.path.isdir(p) else 0), effective_ids=True) for p in paths)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def become(uid: int | None) -> None:
    """Give up every capability, and root's id where another is given."""
    with contextlib.suppress(PermissionError):  # only root has groups to give up; a user namespace forbids it
        os.setgroups([])
    if uid is not None:
        kernel.forget_capabilities()  # first: it takes one, and they go with root's id
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kernel.drop_capabilities()


def limit(spec: Mapping[str, Any], threads: int) -> None:
    """Set the resource limits, never above those that hold already. spec: cpu_s, memory_bytes, file_bytes."""
    limits = {
        resource.RLIMIT_FSIZE: spec["file_bytes"],
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CPU: spec["cpu_s"],
    }
    if sys.platform.startswith("linux"):
        limits |= {resource.RLIMIT_AS: spec["memory_bytes"], resource.RLIMIT_NPROC: threads, resource.RLIMIT_MSGQUEUE: 0}
    for which, wanted in limits.items():
        _, most = resource.getrlimit(which)
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        # One second more before the kill: the signal that comes first tells the end apart from a crash.
        spare = which == resource.RLIMIT_CPU and value != most
        resource.setrlimit(which, (value, value + 1 if spare else value))


def threads_of_user() -> int:
    """Count the threads that this user runs on the machine: they count for the limit where a box shares its user id."""
    count, own = 0, os.getuid()
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == own:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:  # it has ended meanwhile
            continue
    return count
