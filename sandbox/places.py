"""Which of the machine's files a worker needs to see: its interpreter, that one's packages, and the system's libraries."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import NamedTuple

SYSTEM = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/alternatives"),
    *("/usr/share/glvnd", "/usr/share/egl", "/usr/share/drirc.d", "/usr/share/libdrm", "/usr/share/zoneinfo", "/etc/glvnd"),
    "/sys/devices/system/cpu",
)
OF_A_PREFIX = ("pyvenv.cfg", "lib", "lib32", "lib64")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
# Where there is no /proc of the box's own, the machine's must not be seen: other processes' environments are in there.
PROC_WITHOUT_PROCESSES = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat")


class Places(NamedTuple):
    """Real paths to be read, none of them below another, and the symbolic links that lead to them: (link, target)."""

    read: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def of_worker(python: str) -> Places:
    """Return what a worker started as `python` (absolute) reads whatever its job is."""
    return of([python, *(f"{prefix}/{name}" for prefix in _prefixes(python) for name in OF_A_PREFIX), *SYSTEM])


def of(paths: Iterable[str]) -> Places:
    """Return where these absolute paths lead, and the links on the way. What doesn't exist is left out."""
    found, links = set[str](), dict[str, str]()
    for path in paths:
        real = _follow(path, links)
        if os.path.exists(real):
            found.add(real)
    read = tuple(sorted(path for path in found if not any(is_below(path, other) for other in found)))
    return Places(read, tuple(link for link in sorted(links.items()) if not any(is_below(link[0], r) for r in read)))


def is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _prefixes(python: str) -> list[str]:
    """Return the worker environment's folder, if it is one, and that of the Python it was made from (this one's)."""
    own = os.path.dirname(os.path.dirname(python))
    made = [own] if os.path.exists(f"{own}/pyvenv.cfg") else []
    return [*made, sys.base_prefix, sys.base_exec_prefix, os.path.dirname(os.path.dirname(os.path.realpath(python)))]


def _follow(path: str, links: dict[str, str]) -> str:
    """Walk a path, noting every symbolic link on the way. Returns where it leads."""
    done, left = "/", [part for part in path.split("/") if part]
    for _ in range(400):  # more than any path has parts; a loop of links ends here
        if not left:
            return done
        step = os.path.join(done, left.pop(0))
        if not os.path.islink(step):
            done = os.path.normpath(step)
            continue
        target = os.readlink(step)
        links[step] = target
        reached = os.path.join(done, target).split("/")
        done, left = "/", [part for part in os.path.normpath("/".join(reached)).split("/") if part] + left
    return done
