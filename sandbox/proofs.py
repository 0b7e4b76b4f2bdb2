"""Try the walls from inside, once they stand and before anything else runs: a wall that isn't there must not be reported."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable

from sandbox import kernel

UNREACHABLE = ("192.0.2.1", 9)  # an address kept for documentation (RFC 5737)


class WallError(Exception):
    """A wall was raised and doesn't hold: one sentence."""


def of_namespaces(canary: str) -> None:
    """Prove that this process is alone, sees none of the machine's files, can't write its own root, and has no network."""
    if os.getpid() != 1:
        raise WallError("the box's first process is not process 1: the pid namespace is missing")
    if os.path.isdir("/proc/self") and any(name.isdigit() and name != "1" for name in os.listdir("/proc")):
        raise WallError("the box sees other processes in /proc")
    if os.path.exists(canary):
        raise WallError(f"the box sees {canary}, a file of the machine")
    _must_fail(lambda: os.close(os.open("/written", os.O_CREAT | os.O_WRONLY)), "the box can write its own root")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        _must_fail(lambda: alone.connect(UNREACHABLE), "the box reaches a network")


def of_landlock(folder: str, canary: str) -> None:
    """Prove that nothing opens that no rule allows: a folder, and a file where it is still to be seen."""
    for path in (folder, canary):
        try:
            os.close(os.open(path, os.O_RDONLY))
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno == errno.EACCES:
                continue
        raise WallError(f"Landlock stands, but {path} can be opened")


def of_container(read_only: Iterable[str]) -> None:
    """Prove that this process is alone and nobody of importance, can't write what it only reads, and has no network."""
    if os.getpid() != 1:
        raise WallError("the launcher is not process 1: the container shares the machine's processes")
    if os.getuid() == 0:
        raise WallError("the container runs as root")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        _must_fail(lambda: alone.connect(UNREACHABLE), "the container reaches a network")
    for path in read_only:
        if not _is_read_only(path):
            raise WallError(f"{path} is not mounted read-only in the container")
    if kernel.has_capabilities() or _sets_of_capabilities() != {0}:
        raise WallError("the container holds capabilities")


def _is_read_only(path: str) -> bool:
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return True
    with open("/proc/self/mounts") as mounts:  # not every runtime tells it in a mount's flags
        return any(line.split()[1] == path and "ro" in line.split()[3].split(",") for line in mounts)


def _sets_of_capabilities() -> set[int]:
    with open("/proc/self/status") as status:
        return {int(line.split()[1], 16) for line in status if line.startswith(("CapBnd:", "CapAmb:"))}


def _must_fail(attempt: object, complaint: str) -> None:
    assert callable(attempt)
    try:
        attempt()
    except OSError:
        return
    raise WallError(complaint)
