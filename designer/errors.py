"""Everything that can go wrong outside a candidate, as one tree.

    DesignerError                 what + the value + what to do; the command line prints it and exits with 2
    |-- InputError                the person can mend it by typing something else
    |   |-- ConfigError           an unknown or impossible setting
    |   |-- TaskError             an unknown task or world, a missing or broken fitness
    |   `-- RewardRefusedError    a reward that `check` refuses
    |-- RunError                  about a run folder
    |   |-- RunLockedError        another process writes it
    |   |-- RunBrokenError        its files don't fit together
    |   `-- InterruptedRunError   stopped by a person; it can be resumed
    |-- MachineError              this machine can't do what is asked
    |   |-- DiskError             read-only, full
    |   |-- WorkerMissingError    no worker environment, or a broken one
    |   `-- SandboxError          the sandbox itself failed (never the candidate in it)
    `-- ModelError                the language model's side
        |-- ModelKeyError         no key, or a refused one
        |-- ModelRefusedError     the endpoint refuses the request for good
        |   `-- ImagesRefusedError    because it holds pictures
        |-- ModelUnreachableError no answer after all retries
        |-- BudgetSpentError    a cap on calls, tokens or money: the run ends with its best so far
        `-- ReplyMissingError     a replayed run has no stored reply for this call

What a *candidate* does wrong is a `Status` in its record, never one of these.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DesignerError(Exception):
    """The root: its text is one or two sentences for a person."""


class InputError(DesignerError):
    pass


class ConfigError(InputError):
    pass


class TaskError(InputError):
    pass


class RewardRefusedError(InputError):
    pass


class RunError(DesignerError):
    pass


class RunLockedError(RunError):
    pass


class RunBrokenError(RunError):
    pass


class InterruptedRunError(RunError):
    """`signal`: the number of the one that stopped it, or 0."""

    signal: int = 0


class MachineError(DesignerError):
    pass


class DiskError(MachineError):
    pass


class WorkerMissingError(MachineError):
    pass


class SandboxError(MachineError):
    pass


class EngineAbsentError(SandboxError):
    """No container engine answers."""


class ModelError(DesignerError):
    pass


class ModelKeyError(ModelError):
    pass


class ModelRefusedError(ModelError):
    pass


class ImagesRefusedError(ModelRefusedError):
    pass


class ModelUnreachableError(ModelError):
    pass


class BudgetSpentError(ModelError):
    pass


class ReplyMissingError(ModelError):
    pass


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean X?" for the closest known name, or "" where none is close."""
    closest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {closest[0]}?" if closest else ""
