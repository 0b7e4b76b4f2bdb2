"""What is learnt of a model at run time: parameters that its endpoint refused. Kept in the run: nothing is learnt twice."""

from __future__ import annotations

import threading
from pathlib import Path

from pydantic import RootModel, ValidationError

from designer.errors import DiskError, RunBrokenError
from designer.files import write_atomically


class _Refused(RootModel[dict[str, tuple[str, ...]]]):
    """Parameters by "model at address"."""


class Capabilities:
    """Parameters that an endpoint refused for a model, in memory and, where a file is named, in it. May be shared by threads.

    Whose they are is told by `whom`, an address without secrets and a model: another model, or the same one elsewhere, is asked
    anew.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._refused: dict[str, tuple[str, ...]] | None = None
        self._turn = threading.Lock()

    def refused(self, whom: str) -> tuple[str, ...]:
        """Return the names of what was refused. Raises DiskError, RunBrokenError."""
        with self._turn:
            return self._known().get(whom, ())

    def refuse(self, whom: str, parameter: str) -> None:
        """Leave a parameter out from now on. Raises DiskError, RunBrokenError."""
        with self._turn:
            known = self._known()
            known[whom] = tuple(sorted({*known.get(whom, ()), parameter}))
            if self._path is not None:
                write_atomically(self._path, _Refused(known).model_dump_json(indent=1))

    def _known(self) -> dict[str, tuple[str, ...]]:
        if self._refused is None:
            self._refused = _read(self._path) if self._path is not None else {}
        return self._refused


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    try:
        return dict(_Refused.model_validate_json(path.read_bytes()).root)
    except FileNotFoundError:
        return {}
    except ValidationError:
        raise RunBrokenError(f"{path} does not list refused parameters. Delete it: they will be learnt again.") from None
    except OSError as error:
        raise DiskError(f"can't read {path}: {error.strerror}.") from error
