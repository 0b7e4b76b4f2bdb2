"""What can be chosen as a sandbox: a maker of executors that the conformance suite can examine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from designer.executors import Executor


class Provider(Protocol):
    """One way to make boxes. A third party's is named as `module:name`, a callable that takes a Config and returns this.

    name: what `sandbox.provider` calls it. isolates: False where nothing keeps a box from the machine.
    """

    name: str
    isolates: bool

    def executor(self, code: Path) -> Executor:
        """Return an executor that gives its boxes the worker's code in this folder."""
        ...

    def broken(self, code: Path) -> Mapping[str, Executor]:
        """Return executors that can't work, by what they lack: each must raise a MachineError, never blame the job."""
        ...

    def leftovers(self) -> Sequence[str]:
        """Name what of this process's boxes is still there, besides processes, mounts and temporary files."""
        ...
