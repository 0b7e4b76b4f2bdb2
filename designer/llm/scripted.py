"""A model that says what it was told to say: for tests, demonstrations and replies that were written beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from designer.errors import ConfigError, ReplyMissingError
from designer.llm import Reply, Request

Said = str | Reply


class Scripted:
    """Answers with `script`, one text (or Reply) a call in order, or with what a function of the request returns.

    Implements `LLM`. `requests` are all that it was asked; `calls` is how many. Use a function where calls may come
    in any order.

        Scripted(["```python\\ndef reward(s, a): ...\\n```"])
        Scripted(lambda request: replies[str(request.key)])
    """

    def __init__(self, script: Iterable[Said] | Callable[[Request], Said], name: str = "scripted") -> None:
        self.name = name
        self.requests: list[Request] = []
        self._script = script if callable(script) else list(script)

    @property
    def calls(self) -> int:
        return len(self.requests)

    def complete(self, request: Request) -> Reply:
        """Return the next reply. Raises ReplyMissingError at the script's end."""
        self.requests.append(request)
        said = self._script(request) if callable(self._script) else self._next(request)
        return said if isinstance(said, Reply) else Reply(text=said, model=self.name)

    def _next(self, request: Request) -> Said:
        assert isinstance(self._script, list)
        if self.calls > len(self._script):
            raise ReplyMissingError(f"the script holds {len(self._script)} replies; call {request.key} wants one more.")
        return self._script[self.calls - 1]


def from_folder(folder: Path) -> Scripted:
    """Return a model that answers from <folder>/<key>.reply.md, the files that `manual` reads. Raises ConfigError."""
    if not folder.is_dir():
        raise ConfigError(f"llm.script = {folder} is not a folder. It holds a reply a call, such as r01-init-s00-a0.reply.md.")

    def said(request: Request) -> Said:
        path = folder / f"{request.key}.reply.md"
        if not path.is_file():
            raise ReplyMissingError(f"no reply {path}. Write one, or name a model that can answer.")
        return path.read_text(encoding="utf-8", errors="replace")

    return Scripted(said, name=f"script {folder.name}")
