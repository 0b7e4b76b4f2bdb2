"""Landlock: a wall that a process builds around itself, without privilege. Linux 5.13 or later, where it is switched on.

Nothing can be opened, made, removed or started but what a rule allows; with newer kernels no TCP, no abstract socket and no
signal leaves either. It doesn't cover what touches no content (stat, chdir, chmod): the seal refuses chmod and its like.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Iterable
from typing import NamedTuple

from sandbox import kernel

CREATE_RULESET_VERSION, RULE_PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_DIR, MAKE_REG, REFER, TRUNCATE, IOCTL_DEV = 1 << 7, 1 << 8, 1 << 13, 1 << 14, 1 << 15
FIRST_RIGHTS = (1 << 13) - 1
ADDED_RIGHTS = {2: REFER, 3: TRUNCATE, 5: IOCTL_DEV}
OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
NETWORK = 1 | 2  # bind and connect TCP, since version 4
SCOPES = 1 | 2  # abstract unix sockets and signals, since version 6

READ = READ_FILE | READ_DIR
START = READ | EXECUTE
USE_DEVICE = READ_FILE | WRITE_FILE
WRITE_FILES = READ | WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE
WRITE_FOLDERS = WRITE_FILES | MAKE_DIR | REMOVE_DIR | REFER


class Rule(NamedTuple):
    """What may be done with a file, or with everything in a folder. A path that doesn't exist is skipped."""

    path: str
    rights: int


def version() -> int:
    """Return the kernel's Landlock version, 0 where there is none."""
    try:
        return kernel.call("landlock_create_ruleset", None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def enclose(rules: Iterable[Rule]) -> bool:
    """Allow this process and its children what the rules say and nothing else, for good. Returns False where there is none."""
    found = version()
    if not found:
        return False
    handled = FIRST_RIGHTS | sum(rights for since, rights in ADDED_RIGHTS.items() if found >= since)
    words = (handled, *([NETWORK] if found >= 4 else []), *([SCOPES] if found >= 6 else []))
    attributes = struct.pack(f"{len(words)}Q", *words)
    ruleset = kernel.call("landlock_create_ruleset", attributes, len(attributes), 0)
    for rule in rules:
        _add(ruleset, rule, handled)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.call("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)
    return True


def _add(ruleset: int, rule: Rule, handled: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):  # what can't be reached needs no rule
        place = os.open(rule.path, os.O_PATH | os.O_CLOEXEC)
        try:
            is_folder = stat.S_ISDIR(os.fstat(place).st_mode)
            rights = rule.rights & handled & (~0 if is_folder else OF_A_FILE)
            kernel.call("landlock_add_rule", ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
        finally:
            os.close(place)
