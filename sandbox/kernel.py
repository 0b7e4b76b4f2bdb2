"""Kernel calls that Python's standard library has no function for, through ctypes. Linux, 64 bit. Each raises OSError."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache

from sandbox import syscalls

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
AT_FDCWD = -100
CAPABILITY_VERSION_3 = 0x20080522


@cache
def machine() -> syscalls.Machine | None:
    """Return this machine's system calls, or None where they are not known here."""
    fits = sys.platform.startswith("linux") and sys.byteorder == "little" and ctypes.sizeof(ctypes.c_void_p) == 8
    return syscalls.MACHINES.get(os.uname().machine) if fits else None


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def call(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call by its name. Bytes and arrays are passed by address."""
    known = machine()
    if known is None or name not in known.numbers:
        raise OSError(errno.ENOSYS, f"{name} is not known for this machine")
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(_libc().syscall(ctypes.c_long(known.numbers[name]), *passed))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    call("prctl", option, value, 0, 0, 0)


def die_with_parent(signal: int) -> None:
    """Ask for a signal when the parent dies. It is forgotten when the user id changes."""
    prctl(PR_SET_PDEATHSIG, signal)


def forget_capabilities() -> None:
    """Empty the set that programs can get capabilities from, a root's too."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # EINVAL: the last one was passed. EPERM: there is nothing to drop them with, nor to get them by
            return


def drop_capabilities() -> None:
    """Give up every capability, and the ways to get one."""
    forget_capabilities()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    call("capset", _capability_header(), bytes(24))


def has_capabilities() -> bool:
    """Say whether this process holds any capability, or could raise one."""
    sets = ctypes.create_string_buffer(24)
    call("capget", _capability_header(), sets)
    return any(sets.raw)


def _capability_header() -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4), 8)
