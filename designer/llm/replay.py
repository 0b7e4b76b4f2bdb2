"""Answer from the replies that another run stored: no key, no network, no cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from designer.errors import ReplyMissingError
from designer.llm import CallKey, Reply, Request
from designer.llm.store import read_exchange


class Replay:
    """Plays the stored replies of a run's llm folder, by the call's place in the run. Implements `LLM`.

    `on_changed(key, stored_hash, request_hash)` is told where the prompt is not the one that was answered.
    """

    def __init__(
        self,
        folder: Path,
        on_changed: Callable[[CallKey, str, str], None] = lambda key, stored, asked: None,
        name: str = "replay",
    ) -> None:
        self.name = name
        self._folder = folder
        self._on_changed = on_changed

    def complete(self, request: Request) -> Reply:
        """Return the reply stored for this call. Raises ReplyMissingError."""
        exchange = read_exchange(self._folder, request.key)
        if exchange is None:
            raise ReplyMissingError(
                f"no stored reply {request.key} in {self._folder}. The replayed run never made this call: "
                "replay with the same settings, or name a model that can answer."
            )
        if exchange.request_hash != request.digest:
            self._on_changed(request.key, exchange.request_hash, request.digest)
        return exchange.reply
