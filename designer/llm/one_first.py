"""Let the first call of a round through alone, so that the others find its shared beginning in the endpoint's cache."""

from __future__ import annotations

import threading

from designer.llm import LLM, Reply, Request


class OneFirst:
    """Wraps an `LLM`. Calls of one round and role wait until the first of them has ended, well or not."""

    def __init__(self, llm: LLM) -> None:
        self.name = llm.name
        self._llm = llm
        self._turn = threading.Lock()
        self._ended: dict[tuple[int, str], threading.Event] = {}

    def complete(self, request: Request) -> Reply:
        place = (request.key.round, request.key.role)
        with self._turn:
            first = place not in self._ended
            ended = self._ended.setdefault(place, threading.Event())
        if not first:
            ended.wait()
            return self._llm.complete(request)
        try:
            return self._llm.complete(request)
        finally:
            ended.set()
