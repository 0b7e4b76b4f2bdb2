"""Snippets that try to break out of a box, to exhaust it or to fool what reads its output. NEVER run one outside a box.

Each is a reward file in the contract's form. They go straight to the box, past the static check. A snippet reaches its goal if it
prints a line that starts with PWNED, or if one of the canaries around the box shows it (`canaries.py`): a secret that comes out,
a file that was changed, a connection, a process that was harmed or left behind. One that was stopped says so: "no: ...".
"""

from __future__ import annotations

from tests.attacks import budget, file, introspect, network, output, secret, subprocess, tamper
from tests.attacks.attack import Attack, Control
from tests.attacks.controls import CONTROLS

ATTACKS: tuple[Attack, ...] = (
    *file.ATTACKS,
    *secret.ATTACKS,
    *network.ATTACKS,
    *subprocess.ATTACKS,
    *budget.ATTACKS,
    *output.ATTACKS,
    *tamper.ATTACKS,
    *introspect.ATTACKS,
)

__all__ = ["ATTACKS", "CONTROLS", "Attack", "Control"]
