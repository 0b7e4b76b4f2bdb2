"""Raise the walls around the process that becomes the worker, from the inside, and try each of them."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from sandbox import bubblewrap, kernel, landlock, mounts, places, privileges, proofs
from sandbox.landlock import Rule

NO_DISK_LIMIT = "total disk use is not bounded"
MANY_FILES = "the number of files in the scratch folder is not bounded"
NAMES_SEEN = "names, sizes and dates of files can be seen"
STILL_ROOT = (
    "it runs as root without capabilities, since only root can read its files, and the number of threads is not bounded"
)
NO_LANDLOCK = "this kernel has no Landlock"


class Standing(NamedTuple):
    """What stands around a worker, what that leaves open, and how many threads it may have."""

    walls: list[str]
    gaps: list[str]
    threads: int = privileges.THREADS


class _Folders(NamedTuple):
    """The box's own places on the machine: an empty folder, the scratch folder, a file that must stay out of sight."""

    root: str
    scratch: str
    canary: str

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> _Folders:
        return cls(*(os.path.join(spec["folder"], name) for name in ("root", "scratch", "canary")))


def isolate(spec: Mapping[str, Any], uid: int, tell: int) -> Standing:
    """Take a root file system of one's own inside fresh namespaces, then give up every right. Raises OSError, WallError."""
    folders = _Folders.of(spec)
    programs = places.of_worker(spec["argv"][0])
    files = places.of(spec["files"])
    owner = uid if os.getuid() == 0 and privileges.can_become(uid) else None
    scratch_owner = (owner, owner) if owner is not None else (os.getuid(), os.getgid())
    mounts.enter(mounts.Root(folders.root, programs, files, folders.scratch, spec["file_bytes"], scratch_owner))
    gaps = list[str]()
    if owner is not None and not privileges.can_read(owner, _to_be_read(spec, programs)):
        os.chown(folders.scratch, 0, 0)
        owner, gaps = None, [STILL_ROOT]
    privileges.become(owner)
    return _alone(["namespaces"], gaps, folders, _rules(programs, files), tell)


def let_bwrap_isolate(spec: Mapping[str, Any], tell: int) -> NoReturn:
    """Have bwrap make the namespaces and the root; the launcher starts again in there and calls `finish_in_bwrap`."""
    programs, files = places.of_worker(spec["argv"][0]), places.of(spec["files"])
    bubblewrap.start(spec, programs, files, _Folders.of(spec).scratch, tell)


def finish_in_bwrap(spec: Mapping[str, Any], tell: int) -> Standing:
    """Raise the walls that bwrap doesn't know. Raises OSError, WallError."""
    rules = _rules(places.of_worker(spec["argv"][0]), places.of(spec["files"]))
    privileges.become(None)
    return _alone(["namespaces (bwrap)"], [MANY_FILES], _Folders.of(spec), rules, tell)


def _alone(walls: list[str], gaps: list[str], folders: _Folders, rules: list[Rule], tell: int) -> Standing:
    """Try the namespaces, and raise Landlock inside them."""
    _tie_to_launcher(tell)
    os.chdir(folders.scratch)
    proofs.of_namespaces(folders.canary)
    if landlock.enclose([*rules, Rule("/proc", landlock.READ), Rule(folders.scratch, landlock.WRITE_FOLDERS)]):
        proofs.of_landlock("/", folders.canary)
        walls = [*walls, "landlock"]
    return Standing(walls, gaps)


def enclose(spec: Mapping[str, Any], uid: int, tell: int) -> Standing:
    """Without namespaces: Landlock is the file-system wall, and there is no box without it. Raises OSError, WallError."""
    folders = _Folders.of(spec)
    programs = places.of_worker(spec["argv"][0])
    files = places.of(spec["files"])
    gaps, owner = [NO_DISK_LIMIT, NAMES_SEEN], None
    threads = privileges.THREADS
    if os.getuid() == 0:
        if privileges.can_become(uid) and privileges.can_read(uid, [*_to_be_read(spec, programs), spec["folder"]]):
            owner = uid
            os.chown(folders.scratch, uid, uid)
        else:
            gaps.append(STILL_ROOT)
    else:
        threads += privileges.threads_of_user()
    privileges.become(owner)
    _tie_to_launcher(tell)
    os.chdir(folders.scratch)
    rules = [*_rules(programs, files), *(Rule(path, landlock.READ) for path in places.PROC_WITHOUT_PROCESSES)]
    if not landlock.enclose([*rules, Rule(folders.scratch, landlock.WRITE_FILES)]):
        raise proofs.WallError("this kernel has no Landlock (Linux 5.13), so nothing would keep files from the worker")
    proofs.of_landlock("/", folders.canary)
    return Standing(["landlock"], gaps, threads)


def _rules(programs: places.Places, files: places.Places) -> list[Rule]:
    return [
        *(Rule(path, landlock.START) for path in programs.read),
        *(Rule(path, landlock.READ) for path in files.read),
        *(Rule(path, landlock.USE_DEVICE) for path in places.DEVICES),
    ]


def _to_be_read(spec: Mapping[str, Any], programs: places.Places) -> list[str]:
    """Return what shows, looked at from the outside, whether a worker can read what it needs."""
    inside = [os.path.join(folder, name) for folder in spec["files"] for name in os.listdir(folder)]
    return [spec["argv"][0], *programs.read, *spec["files"], *inside]


def _tie_to_launcher(tell: int) -> None:
    """Die with the launcher, also if it has died just now: then nobody listens at the other end of the pipe."""
    kernel.die_with_parent(signal.SIGKILL)
    poll = select.poll()
    poll.register(tell, 0)
    if poll.poll(0):
        os._exit(1)
