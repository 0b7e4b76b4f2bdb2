"""Run a command as a user who owns nothing, when the tests are root's: python -m tests.ordinary_user COMMAND...

The interpreter may lie below a home that only root enters. Then the command sees, in a mount namespace of its own, an empty
folder in that home's place, with the interpreter's files in it and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from sandbox import kernel, mounts, namespaces

UID = 54321


def main(command: list[str]) -> None:
    """Become the user and run the command."""
    if os.getuid() == 0:
        kernel.call("unshare", namespaces.NEWNS)
        kernel.call("mount", b"none", b"/", None, mounts.MS_REC | mounts.MS_PRIVATE, None)
        for path in {sys.base_prefix, sys.prefix}:
            _make_reachable(path)
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
    os.execv(command[0], command)


def own(paths: Iterable[str]) -> None:
    """Give files and folders to the user, where the tests are root's."""
    for path in paths if os.getuid() == 0 else ():
        os.chown(path, UID, UID)


def _make_reachable(path: str) -> None:
    """Where a folder on the way can't be entered by everybody: replace it by one that can, and leads here only."""
    parts = os.path.realpath(path).split("/")
    closed = ["/".join(parts[:n]) for n in range(2, len(parts)) if not os.stat("/".join(parts[:n])).st_mode & 0o001]
    if not closed:
        return
    kept = os.open(path, os.O_PATH)
    kernel.call("mount", b"tmpfs", closed[0].encode(), b"tmpfs", 0, b"mode=755")
    os.makedirs(path)
    kernel.call("mount", f"/proc/self/fd/{kept}".encode(), path.encode(), None, mounts.MS_BIND | mounts.MS_REC, None)
    os.close(kept)


if __name__ == "__main__":
    main(sys.argv[1:])
