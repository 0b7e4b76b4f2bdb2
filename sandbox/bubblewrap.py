"""bwrap as the maker of namespaces, for a user who may make none where bwrap may: it is setuid, or a profile allows it.

It takes `mounts.py`'s and `namespaces.py`'s place and nothing else: this launcher goes on inside, as process 1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NoReturn

from sandbox.places import DEVICES, Places


def start(spec: Mapping[str, Any], programs: Places, files: Places, scratch: str, tell: int) -> NoReturn:
    """Become bwrap, with this launcher inside. `tell`: the descriptor that it goes on to talk through. Raises OSError."""
    os.set_inheritable(tell, True)
    inside = json.dumps({**spec, "wall": "inside bwrap", "tell": tell})
    launcher = [spec["argv"][0], "-s", "-P", "-S", "-m", "sandbox.box", inside]
    os.execv(spec["bwrap"], [*arguments(spec["bwrap"], spec["file_bytes"], programs, files, scratch), "--", *launcher])


def arguments(bwrap: str, scratch_bytes: int, programs: Places, files: Places, scratch: str) -> list[str]:
    """Return bwrap's command line, without the program: everything unshared, the same tree as in mounts.py."""
    command = [bwrap, "--unshare-all", "--as-pid-1", "--die-with-parent", "--new-session"]
    for path in (*programs.read, *files.read):
        command += ["--ro-bind", path, path]
    for link, target in (*programs.links, *files.links):
        command += ["--symlink", target, link]
    for device in DEVICES:
        command += ["--dev-bind", device, device]
    command += ["--proc", "/proc", "--perms", "0700", "--size", str(scratch_bytes), "--tmpfs", scratch]
    return [*command, "--remount-ro", "/", "--chdir", scratch]
