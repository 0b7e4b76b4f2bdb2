"""Keep every exchange with a model before it is used: cache, audit trail, replay and test fixture in one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from designer.errors import DiskError, RunBrokenError
from designer.files import write_atomically
from designer.llm import LLM, CallKey, Reply, Request
from designer.records import Record


class Exchange(Record):
    """A request and its answer, as stored. `request_hash` is the request's digest; `asked` names who was asked."""

    request: Request
    request_hash: str
    asked: str
    reply: Reply


class Stored:
    """An LLM whose every answer is stored as <folder>/<key>.json. Implements `LLM`.

    A stored answer is returned without asking: nothing is bought twice, even where the request has changed since
    (then `on_changed(key, stored_hash, request_hash)` is told). A call that was in flight at a crash is asked again.

    `on_started(request)` is told before the model is asked, and may refuse. `on_finished(request, reply)` is told whenever a
    reply is handed over, a stored one included (a crash may have come between storing and telling): it ignores a key
    that it knows.
    """

    def __init__(
        self,
        llm: LLM,
        folder: Path,
        on_started: Callable[[Request], None],
        on_finished: Callable[[Request, Reply], None],
        on_changed: Callable[[CallKey, str, str], None] = lambda key, stored, asked: None,
    ) -> None:
        self.name = llm.name
        self._llm = llm
        self._folder = folder
        self._on_started = on_started
        self._on_finished = on_finished
        self._on_changed = on_changed

    def complete(self, request: Request) -> Reply:
        """Return the stored answer, or ask and store. Raises DiskError, RunBrokenError and what the model raises."""
        exchange = read_exchange(self._folder, request.key)
        if exchange is None:
            self._on_started(request)
            reply = self._llm.complete(request)
            exchange = Exchange(request=request, request_hash=request.digest, asked=self.name, reply=reply)
            write_exchange(self._folder, exchange)
        elif exchange.request_hash != request.digest:
            self._on_changed(request.key, exchange.request_hash, request.digest)
        self._on_finished(request, exchange.reply)
        return exchange.reply


def read_exchange(folder: Path, key: CallKey) -> Exchange | None:
    """Return what is stored for a call, or None. Raises RunBrokenError where the file is not an exchange."""
    path = folder / f"{key}.json"
    try:
        return Exchange.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise RunBrokenError(f"{path} is not a stored reply. Delete it to ask the model again.") from None
    except OSError as error:
        raise DiskError(f"can't read {path}: {error.strerror}.") from error


def write_exchange(folder: Path, exchange: Exchange) -> None:
    """Store an exchange so that a crash leaves the whole file or none. Raises DiskError."""
    write_atomically(folder / f"{exchange.request.key}.json", exchange.model_dump_json(indent=1))
