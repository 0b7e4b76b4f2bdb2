"""The seal: a seccomp filter that a process puts on itself after its imports, before it runs code that it doesn't trust.

From then on it is one process for good, with the files that it may open and nothing else: no sockets, no programs, no
other processes, no mounts, no privileges, no memory that its address-space limit doesn't count. Threads go on working.
The filter is an allow-list (`syscalls.py`) and holds for every thread. It needs no privilege and can't be taken off.
Any executor's worker can use it: inside a container it stands beside the container's own walls.

    seal.apply()      # raises SealError where the machine can't, or where the filter turns out not to hold
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable, Sequence

from sandbox import kernel, syscalls

SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC = 1, 1
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
REFUSE, MISSING = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
X32_BIT = 0x40000000

# What a thread has, and what no thread may ask for: namespaces (0x7E020080), a tracer, a vfork, a pidfd.
THREAD = 0x00010000 | 0x00000800 | 0x00000100
NO_THREAD = 0x7E020080 | 0x00002000 | 0x00004000 | 0x00001000

PRCTL = (15, 16, 0x53564D41)  # set and get a thread's name, name a memory area
IOCTL = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # is it a terminal, its size, bytes waiting, non-blocking, close on exec
OWN_CLOCKS = 16  # clocks have small numbers; those of another process's or thread's time are negative
FCNTL = (0, 1, 2, 3, 4, 1030, 1032, 1034)  # duplicate, flags, size of a pipe, seals; no owner, no signal, no lock

Instruction = tuple[int, int, int, int]


class SealError(Exception):
    """This process could not be sealed: one sentence why."""


def apply() -> None:
    """Seal this process and all its threads for good, and try that it holds. Raises SealError."""
    machine = kernel.machine()
    if machine is None:
        raise SealError(f"there is no seccomp filter for {sys.platform} on {os.uname().machine}")
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program(machine, os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    try:
        kernel.drop_capabilities()
        if kernel.has_capabilities():  # asked now: sealed, it could ask about others too
            raise SealError("capabilities are left")
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # its own files in /proc, to read or write its memory say, become root's
        thread = kernel.call("seccomp", SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, header)
    except OSError as error:
        raise SealError(f"the kernel takes no seccomp filter ({error.strerror})") from None
    if thread:
        raise SealError(f"thread {thread} could not be sealed")
    _try_the_seal()


def program(machine: syscalls.Machine, own_pid: int) -> list[Instruction]:
    """Return the filter's instructions."""
    code = [_load(4), *_unless_equal(machine.audit, KILL_PROCESS), _load(0), (0x35, 0, 1, X32_BIT), _return(MISSING)]
    answers = ((syscalls.FREE, ALLOW), (syscalls.REFUSED, REFUSE), (syscalls.MISSING, MISSING))
    for names, answer in answers:
        code += [step for name in names if name in machine.numbers for step in _if_equal(machine.numbers[name], answer)]
    for name, check in _checks(own_pid).items():
        code += [(0x15, 0, len(check), machine.numbers[name]), *check]
    return [*code, _return(MISSING)]


def _checks(own_pid: int) -> dict[str, list[Instruction]]:
    """Return what decides about a call by its arguments: each list ends the filter."""
    to_itself = [_argument(0), *_if_equal(own_pid, ALLOW), _return(REFUSE)]
    of_itself = [_argument(0), *_if_equal(0, ALLOW), *_if_equal(own_pid, ALLOW)]  # of others it would say that they exist
    own_clock = [_argument(0), (0x35, 0, 1, OWN_CLOCKS), _return(REFUSE), _return(ALLOW)]
    only_read = [_argument(2), *_unless_equal(0, REFUSE), _load(36), *_unless_equal(0, REFUSE)]
    return {
        "clone": [_argument(0), (0x54, 0, 0, THREAD | NO_THREAD), *_if_equal(THREAD, ALLOW), _return(REFUSE)],
        "prctl": _one_of(0, PRCTL),
        "ioctl": _one_of(1, IOCTL),
        "fcntl": _one_of(1, FCNTL),
        "kill": to_itself,
        "tgkill": to_itself,
        "getpgid": [*of_itself, _return(REFUSE)],
        "getsid": [*of_itself, _return(REFUSE)],
        "sched_getparam": [*of_itself, _return(REFUSE)],
        "sched_getscheduler": [*of_itself, _return(REFUSE)],
        "sched_getaffinity": [*of_itself, _return(MISSING)],  # asked for threads too: C libraries do without this answer
        "getpriority": [_argument(0), *_unless_equal(0, REFUSE), _argument(1), *of_itself[1:], _return(REFUSE)],
        "clock_gettime": own_clock,
        "clock_getres": own_clock,
        "clock_nanosleep": own_clock,
        "timer_create": own_clock,
        "prlimit64": [*only_read, _argument(0), *_if_equal(0, ALLOW), *_if_equal(own_pid, ALLOW), _return(REFUSE)],
    }


def _one_of(argument: int, values: Iterable[int]) -> list[Instruction]:
    return [_argument(argument), *[step for value in values for step in _if_equal(value, ALLOW)], _return(REFUSE)]


def _load(offset: int) -> Instruction:
    """Load a word of struct seccomp_data: the call's number at 0, the processor at 4, the arguments from 16."""
    return (0x20, 0, 0, offset)


def _argument(index: int) -> Instruction:
    return _load(16 + 8 * index)


def _if_equal(value: int, answer: int) -> Sequence[Instruction]:
    return (0x15, 0, 1, value & 0xFFFFFFFF), _return(answer)


def _unless_equal(value: int, answer: int) -> Sequence[Instruction]:
    return (0x15, 1, 0, value & 0xFFFFFFFF), _return(answer)


def _return(answer: int) -> Instruction:
    return (0x06, 0, 0, answer)


def _try_the_seal() -> None:
    """Try what must be refused. Every call is one that fails without a filter too, but with another error, or does nothing."""
    tries: dict[str, tuple[int | None, ...]] = {
        "socket": (-1, -1, -1),
        "execve": (None, None, None),
        "clone": (0x800, 0, 0, 0, 0),
        "kill": (os.getppid(), 0),
        "unshare": (0,),
        "memfd_create": (None, 0),
        "ptrace": (-1, 0, 0, 0),
        "mount": (None, None, None, 0, None),
        "symlinkat": (None, -1, None),
    }
    for name, arguments in tries.items():
        try:
            kernel.call(name, *arguments)
        except OSError as error:
            if error.errno == errno.EPERM:
                continue
        raise SealError(f"the seccomp filter stands, but {name} got through")
