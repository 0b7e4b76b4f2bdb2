"""The seal: its filter decides as it should on both processors, its numbers are the kernel's, and sealed work goes on."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import seal, syscalls

pytestmark = pytest.mark.worker

X86, ARM = syscalls.MACHINES["x86_64"], syscalls.MACHINES["aarch64"]
BOTH = pytest.mark.parametrize("machine", [X86, ARM], ids=["x86_64", "aarch64"])
OWN_PID = 1234
NO, NONE = seal.REFUSE, seal.MISSING
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
# The header's names for calls that have another name on 64 bits.
OTHER_NAMES = {"fstatat": "newfstatat"}


def decided(machine: syscalls.Machine, number: int, *arguments: int, audit: int | None = None) -> int:
    """Run the filter on a call, as the kernel would."""
    words = [number, machine.audit if audit is None else audit, 0, 0]
    for argument in (*arguments, *[0] * (6 - len(arguments))):
        words += [argument & 0xFFFFFFFF, (argument >> 32) & 0xFFFFFFFF]
    code, at, accumulator = seal.program(machine, OWN_PID), 0, 0
    while True:
        operation, if_so, if_not, constant = code[at]
        at += 1
        match operation:
            case 0x20:
                accumulator = words[constant // 4]
            case 0x54:
                accumulator &= constant
            case 0x15:
                at += if_so if accumulator == constant else if_not
            case 0x35:
                at += if_so if accumulator >= constant else if_not
            case 0x06:
                return constant


def called(machine: syscalls.Machine, name: str, *arguments: int) -> int:
    return decided(machine, machine.numbers[name], *arguments)


@BOTH
def test_every_named_call_is_answered_as_its_list_says(machine):
    for names, answer in ((syscalls.FREE, seal.ALLOW), (syscalls.REFUSED, NO), (syscalls.MISSING, NONE)):
        for name in names:
            if name in machine.numbers:
                assert called(machine, name, -1, -1, -1) == answer, name


@BOTH
def test_call_that_nobody_named_does_not_exist(machine):
    named = set(machine.numbers.values())
    assert all(decided(machine, number) == NONE for number in range(600) if number not in named)


def test_no_call_is_in_two_lists_and_each_has_a_number():
    lists = (syscalls.FREE, syscalls.CHECKED, syscalls.REFUSED, syscalls.MISSING)
    names = [name for one in lists for name in one]
    assert len(names) == len(set(names))
    assert all(name in X86.numbers or name in ARM.numbers for name in names)


@BOTH
def test_other_processors_calls_kill_and_x32_does_not_exist(machine):
    assert decided(machine, machine.numbers["read"], audit=0x40000003) == seal.KILL_PROCESS
    assert decided(machine, 0x40000000 | machine.numbers["read"]) == NONE
    assert decided(machine, 0xFFFFFFFF) == NONE


@BOTH
@pytest.mark.parametrize(
    ("flags", "answer"),
    [
        (0x3D0F00, seal.ALLOW),  # what pthread_create asks for
        (0x11, NO),  # fork: SIGCHLD
        (0x4111, NO),  # vfork
        (0x10000, NO),  # a thread without the memory of its process
        (0x3D0F00 | 0x10000000, NO),  # a new user namespace
        (0x3D0F00 | 0x2000, NO),  # traced
    ],
)
def test_only_threads_can_be_made(machine, flags, answer):
    assert called(machine, "clone", flags) == answer


@BOTH
def test_signals_reach_nobody_else(machine):
    for name in ("kill", "tgkill"):
        assert called(machine, name, OWN_PID, 9) == seal.ALLOW
        assert {called(machine, name, pid, 9) for pid in (0, -1, 1, OWN_PID + 1)} == {NO}


@BOTH
def test_nothing_tells_of_other_processes(machine):
    for name in ("getpgid", "getsid", "sched_getparam", "sched_getscheduler", "sched_getaffinity"):
        assert {called(machine, name, pid) for pid in (0, OWN_PID)} == {seal.ALLOW}, name
        assert seal.ALLOW not in {called(machine, name, pid) for pid in (-1, 1, OWN_PID + 1)}, name
    assert called(machine, "getpriority", 0, OWN_PID) == seal.ALLOW
    assert {called(machine, "getpriority", *whose) for whose in ((0, 1), (1, 0), (2, 0))} == {NO}
    for name in ("clock_gettime", "clock_getres", "clock_nanosleep", "timer_create"):
        assert {called(machine, name, clock) for clock in range(12)} == {seal.ALLOW}, name
        assert {called(machine, name, (~pid << 3) | 2) for pid in (0, 1, 4_000_000)} == {NO}, name
    assert {called(machine, name, 0) for name in ("capget", "get_robust_list")} == {NO}


@BOTH
def test_limits_are_read_and_not_set(machine):
    assert called(machine, "prlimit64", 0, 7, 0, 0x7FFF00000000) == seal.ALLOW
    assert called(machine, "prlimit64", 0, 7, 0x7FFF00000000, 0) == NO
    assert called(machine, "prlimit64", 0, 7, 0x7FFF, 0) == NO
    assert called(machine, "prlimit64", 1, 7, 0, 0) == NO


@BOTH
def test_only_harmless_controls_are_left(machine):
    assert called(machine, "prctl", 15) == seal.ALLOW
    assert called(machine, "prctl", 4) == NO  # dumpable
    assert called(machine, "fcntl", 3, 1) == seal.ALLOW
    assert {called(machine, "fcntl", 3, command) for command in (8, 10, 15, 1024)} == {NO}  # owners, signals, leases
    assert called(machine, "ioctl", 0, 0x5401) == seal.ALLOW
    assert called(machine, "ioctl", 0, 0x5412) == NO  # typing into a terminal


@pytest.mark.parametrize("name", HEADERS)
def test_numbers_are_the_kernels(name):
    header = HEADERS[name]
    if not header.exists():
        pytest.skip(f"{header} is not installed (linux-libc-dev)")
    found = {}
    for line in header.read_text().splitlines():
        match = re.match(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", line)
        if match:
            found[OTHER_NAMES.get(match[1], match[1])] = int(match[2])
    own = syscalls.MACHINES[name].numbers
    assert {call: found.get(call, number) for call, number in own.items()} == own
    assert len(own.keys() & found.keys()) >= len(own) - 5, "a few calls are younger than the installed headers, no more"


def in_a_process(body: str) -> subprocess.CompletedProcess[str]:
    code = "import os, sys\nfrom sandbox import seal\n" + body
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_sealed_process_can_train():
    ended = in_a_process(
        "import torch, threading\nseal.apply()\n"
        "net = torch.nn.Linear(8, 1)\nadam = torch.optim.Adam(net.parameters())\n"
        "for _ in range(20):\n    adam.zero_grad(); net(torch.randn(64, 8)).square().mean().backward(); adam.step()\n"
        "torch.set_num_threads(2)\nprint(torch.isfinite(torch.randn(400, 400) @ torch.randn(400, 400)).all().item())\n"
    )
    assert (ended.stdout.strip(), ended.returncode) == ("True", 0), ended.stderr


def test_threads_that_ran_before_are_sealed_too():
    ended = in_a_process(
        "import threading, socket\nstart = threading.Event()\n"
        "def late():\n    start.wait()\n    try: socket.socket()\n    except PermissionError: print('refused')\n"
        "thread = threading.Thread(target=late)\nthread.start()\nseal.apply()\nstart.set()\nthread.join()\n"
    )
    assert ended.stdout.strip() == "refused", ended.stderr


def test_seal_can_not_be_put_on_twice_nor_taken_off():
    ended = in_a_process("seal.apply()\ntry: seal.apply()\nexcept seal.SealError as error: print(error)\n")
    assert "takes no seccomp filter" in ended.stdout, ended.stderr


def test_filter_that_lets_something_through_is_noticed():
    ended = in_a_process(
        "from sandbox import syscalls\nsyscalls.FREE = (*syscalls.FREE, 'memfd_create')\n"
        "try: seal.apply()\nexcept seal.SealError as error: print(error)\n"
    )
    assert "memfd_create got through" in ended.stdout, ended.stderr


def test_machine_without_a_filter_says_so(monkeypatch):
    monkeypatch.setattr(seal.kernel, "machine", lambda: None)
    with pytest.raises(seal.SealError, match="no seccomp filter for"):
        seal.apply()


def test_refusals_are_the_errors_that_programs_know():
    assert seal.REFUSE & 0xFFFF == errno.EPERM
    assert seal.MISSING & 0xFFFF == errno.ENOSYS
    assert os.strerror(errno.ENOSYS)
