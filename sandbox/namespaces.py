"""Namespaces: views of the machine that a box has for itself. Entered by the launcher; its children live in them."""

from __future__ import annotations

import os

from sandbox import kernel

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
VIEWS = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET
NOBODY = 65534


def enter() -> None:
    """Leave the machine's mounts, network (for an empty one), ipc, host name and, for children, process ids.

    Root needs nothing else; who isn't root gets a user namespace first. Raises OSError where the kernel forbids it.
    """
    try:
        kernel.call("unshare", VIEWS)
    except PermissionError:
        user, group = os.geteuid(), os.getegid()
        kernel.call("unshare", NEWUSER | VIEWS)
        _map("setgroups", "deny")
        # A root without the right to make namespaces is nobody inside.
        _map("uid_map", f"{user or NOBODY} {user} 1")
        _map("gid_map", f"{group or NOBODY} {group} 1")


def _map(name: str, text: str) -> None:
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)
