"""Run a command as a user who owns nothing, when the tests are root's: python -m tests.ordinary_user COMMAND...

The interpreter or the checkout may lie below a folder that only root enters. Then the command sees, in a mount namespace of its
own, an empty folder in that one's place, with the interpreter's files and the checkout's in it and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

from sandbox import kernel, mounts, namespaces

UID = 54321


def main(command: list[str]) -> None:
    """Become the user and run the command."""
    if os.getuid() == 0:
        kernel.call("unshare", namespaces.NEWNS)
        kernel.call("mount", b"none", b"/", None, mounts.MS_REC | mounts.MS_PRIVATE, None)
        here = os.getcwd()
        _make_reachable({os.path.realpath(path): os.open(path, os.O_PATH) for path in (sys.base_prefix, sys.prefix, here)})
        os.chdir(here)
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
    os.execv(command[0], command)


def own(paths: Iterable[str]) -> None:
    """Give files and folders to the user, where the tests are root's."""
    for path in paths if os.getuid() == 0 else ():
        os.chown(path, UID, UID)


def _make_reachable(folders: Mapping[str, int]) -> None:
    """Where a folder on the way to one can't be entered by everybody: replace it by one that can, and leads to these only.

    folders: their paths, and descriptors that were opened before.
    """
    hidden = [path for path in sorted(folders) if _replaced(path)]
    for path in hidden:  # those further out first
        os.makedirs(path, exist_ok=True)
        kernel.call(
            "mount", f"/proc/self/fd/{folders[path]}".encode(), path.encode(), None, mounts.MS_BIND | mounts.MS_REC, None
        )
    for opened in folders.values():
        os.close(opened)


def _replaced(path: str) -> bool:
    """Put an empty folder in the place of a closed one on the way, unless that was done; say whether the path is hidden now."""
    parts = path.split("/")
    for place in ("/".join(parts[:n]) for n in range(2, len(parts))):
        if not os.path.exists(place):
            return True
        if not os.stat(place).st_mode & 0o001:
            kernel.call("mount", b"tmpfs", place.encode(), b"tmpfs", 0, b"mode=755")
            return True
    return not os.path.exists(path)


if __name__ == "__main__":
    main(sys.argv[1:])
