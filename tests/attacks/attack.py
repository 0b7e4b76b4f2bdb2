"""What a snippet is, and how it becomes a reward file."""

from __future__ import annotations

import textwrap
from typing import Literal, NamedTuple

Category = Literal["file", "secret", "network", "subprocess", "budget", "output", "tamper", "introspect"]

HEADER = """import ctypes, errno, os, sys, time
CANARY = {canary!r}
libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"

def won(*what):
    print("PWNED", *what, flush=True)

def no(*why):
    print("no:", *why, flush=True)

def called(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def raw(x86_64, aarch64, *arguments):
    number = x86_64 if X86 else aarch64
    words = [ctypes.c_long(x) if isinstance(x, int) else x for x in arguments]
    return called(libc.syscall(ctypes.c_long(number), *words))

def attack():
{body}

try:
    attack()
except (OSError, MemoryError, OverflowError, RuntimeError, ImportError, EOFError, ValueError) as error:
    no(type(error).__name__, error)
"""
REWARD = """
def reward(s, a):
    return {"x": s.episode_time_s * 0}
"""


class Attack(NamedTuple):
    """A snippet. `body` runs when the file is loaded; `reward` is the rest of the file.

    torch: whether it needs the real probe, with torch loaded; otherwise it runs in a box with the same walls and a light worker.
    cpu_s, wall_s: its box's limits. gap: words of a gap that the walls may declare; where they do, this goal is known to be open.
    through: whether to come through the probe with status ok is a success.
    """

    name: str
    category: Category
    tries: str
    body: str
    reward: str = REWARD
    torch: bool = False
    cpu_s: int = 10
    wall_s: float = 20.0
    gap: str = ""
    through: bool = False

    def source(self, canary: object) -> str:
        """Return the whole file, for one set of canaries."""
        body = textwrap.indent(textwrap.dedent(self.body).strip() or "pass", "    ")
        return HEADER.replace("{canary!r}", repr(canary)).replace("{body}", body) + textwrap.dedent(self.reward)

    def bare(self) -> str:
        """Return the file as a model would write it: what the snippet does, inside the reward, without the header's imports."""
        body = textwrap.indent(textwrap.dedent(self.body).strip() or "pass", "    ")
        if self.reward != REWARD:
            return f"import torch\n{textwrap.dedent(self.reward)}"
        return f'import torch\n\ndef reward(s, a):\n{body}\n    return {{"x": s.episode_time_s}}\n'


class Control(NamedTuple):
    """Honest code that the walls must let through. It ends with status ok, and prints `says` where that isn't empty."""

    name: str
    does: str
    source: str
    says: str = ""
