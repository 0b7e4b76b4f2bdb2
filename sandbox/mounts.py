"""A root of its own for a box: a small, read-only tree that holds what the worker reads, a scratch folder, and nothing else.

It needs a mount namespace and, in it, the right to mount: root's, or that of a user namespace. Linux 5.12 or later.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import NamedTuple

from sandbox import kernel
from sandbox.places import DEVICES, Places

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 1, 4096, 16384, 1 << 18
MNT_DETACH = 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC = 1, 2, 4, 8
AT_RECURSIVE = 0x8000
ROOT_OPTIONS = "size=1m,nr_inodes=4096,mode=755"
SCRATCH_INODES = 1000


class Root(NamedTuple):
    """What a box's file system holds.

    at: an empty folder to build it on. programs: what may be executed or mapped as code. files: what is only read (the
    worker's code, the job). scratch: where the only writable folder comes; owner: whose it is, as (user, group).
    """

    at: str
    programs: Places
    files: Places
    scratch: str
    scratch_bytes: int
    owner: tuple[int, int]


def enter(root: Root) -> None:
    """Build the tree and make it this process's root; the old one is gone for it and its children. Raises OSError."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", root.at, "tmpfs", MS_NOSUID | MS_NODEV, ROOT_OPTIONS)
    for path in root.programs.read:
        _bind(root.at, path, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV)
    for path in root.files.read:
        _bind(root.at, path, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC)
    for link, target in (*root.programs.links, *root.files.links):
        _link(root.at, link, target)
    for device in DEVICES:
        _bind(root.at, device, ATTR_NOSUID | ATTR_NOEXEC)
    _mount_scratch(root)
    _mount_proc(root.at)
    os.chdir(root.at)
    kernel.call("pivot_root", b".", b".")
    kernel.call("umount2", b".", MNT_DETACH)
    os.chdir("/")
    _restrict("/", ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC, 0)


def _bind(at: str, path: str, attributes: int) -> None:
    """Show a file or folder of the machine at the same place in the tree."""
    target = at + path
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o444))
    _mount(path, target, None, MS_BIND | MS_REC)
    _restrict(target, attributes, AT_RECURSIVE)


def _link(at: str, link: str, target: str) -> None:
    if not os.path.lexists(at + link):
        os.makedirs(os.path.dirname(at + link), exist_ok=True)
        os.symlink(target, at + link)


def _mount_scratch(root: Root) -> None:
    os.makedirs(root.at + root.scratch, exist_ok=True)
    user, group = root.owner
    options = f"size={root.scratch_bytes},nr_inodes={SCRATCH_INODES},mode=700,uid={user},gid={group}"
    _mount("tmpfs", root.at + root.scratch, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)


def _mount_proc(at: str) -> None:
    """Show the box's own processes. A container may forbid it: then there is no /proc, which a worker can do without."""
    os.makedirs(f"{at}/proc", exist_ok=True)
    try:
        _mount("proc", f"{at}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    except PermissionError:
        return


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    kernel.call("mount", source.encode(), target.encode(), kind.encode() if kind else None, flags, options.encode())


def _restrict(path: str, attributes: int, flags: int) -> None:
    """Set attributes of a mount, and of all below it with AT_RECURSIVE."""
    wanted = struct.pack("4Q", attributes, 0, 0, 0)
    buffer = ctypes.create_string_buffer(wanted, len(wanted))
    kernel.call("mount_setattr", kernel.AT_FDCWD, path.encode(), flags, buffer, len(wanted))
