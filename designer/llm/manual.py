"""A model that is a person, or another program: prompts go to files, replies come from files or from the terminal."""

from __future__ import annotations

import base64
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from designer.errors import ModelUnreachableError
from designer.files import write_atomically
from designer.llm import Reply, Request

END_LINE = "."


class Manual:
    """Writes <folder>/<key>.prompt.md and takes the answer from <folder>/<key>.reply.md. Implements `LLM`.

    It waits as long as it takes. Where `interactive`, the answer is pasted on the terminal instead, ended by a line
    with a single dot. A reply file counts once it is the same at two looks, so it may be written slowly.
    """

    def __init__(
        self,
        folder: Path,
        interactive: bool = False,
        tell: Callable[[str], None] = lambda text: print(f"{text}\n", end="", flush=True),
        read_line: Callable[[], str] = lambda: sys.stdin.readline(),
        sleep: Callable[[float], None] = time.sleep,
        poll_s: float = 1.0,
        name: str = "manual",
    ) -> None:
        """`read_line` returns a line with its end, and "" when there are no more."""
        self.name = name
        self._folder = folder
        self._interactive = interactive
        self._tell = tell
        self._read_line = read_line
        self._sleep = sleep
        self._poll_s = poll_s
        self._terminal = threading.Lock()

    def complete(self, request: Request) -> Reply:
        """Ask and wait. Raises DiskError, and ModelUnreachableError where the terminal is closed."""
        prompt = self._folder / f"{request.key}.prompt.md"
        answer = self._folder / f"{request.key}.reply.md"
        self._write(prompt, request)
        if self._interactive:
            with self._terminal:  # one question at a time
                self._tell(f"Prompt: {prompt}\nPaste the reply here; end it with a line that holds a single dot.")
                text = self._pasted()
        else:
            with self._terminal:  # prompts of several calls at once must not run into each other's lines
                self._tell(f"Prompt: {prompt}\nWaiting for the reply in {answer}")
            text = self._awaited(answer)
        return Reply(text=text, model=self.name)

    def _write(self, path: Path, request: Request) -> None:
        text = "\n".join(f"<!-- {message.role} -->\n\n{message.content}\n" for message in request.messages)
        images = [image for message in request.messages for image in message.images]
        write_atomically(path, text + "".join(self._shown(request, k, image) for k, image in enumerate(images)))

    def _shown(self, request: Request, number: int, uri: str) -> str:
        """Write a data URI's picture beside the prompt; return the line that names it."""
        kind, _, content = uri.partition(";base64,")
        file = self._folder / f"{request.key}.image-{number:02d}.{kind.rpartition('/')[2]}"
        write_atomically(file, base64.b64decode(content))
        return f"\n![image {number}]({file.name})\n"

    def _awaited(self, path: Path) -> str:
        before = ""
        while True:
            now = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
            if now.strip() and now == before:
                return now
            before = now
            self._sleep(self._poll_s)

    def _pasted(self) -> str:
        lines: list[str] = []
        while (line := self._read_line()) and line.rstrip("\r\n") != END_LINE:
            lines.append(line)
        if not line and not lines:
            raise ModelUnreachableError("the terminal is closed, so nobody can answer. Run again to go on.")
        return "".join(lines)
