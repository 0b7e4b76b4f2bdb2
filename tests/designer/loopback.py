"""A chat-completions server on loopback that answers from a script, faults included, for the real SDK over TCP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `stall`: "hang" sends nothing, "drip" sends blanks for ever; both until the test is over."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON
    stall: Literal["", "hang", "drip"] = ""


def reply(text: str | None, finish_reason: str = "stop", usage: Mapping[str, Any] | None = None) -> Answer:
    """An ordinary completion; without `usage` it says nothing about tokens."""
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": text}}
    completion = {"id": "c1", "object": "chat.completion", "created": 0, "model": "served-model", "choices": [choice]}
    return Answer(body=json.dumps(completion | ({"usage": usage} if usage else {})))


def error(status: int, message: str, param: str | None = None, code: str | None = None, **headers: str) -> Answer:
    """An error in OpenAI's form. Headers by keyword, with _ for -: retry_after="3"."""
    said = {"message": message, "type": "some_error", "param": param, "code": code}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=json.dumps({"error": said}), headers=sent)


@dataclass(frozen=True)
class Asked:
    """A request as it arrived. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """All messages' text."""
        parts = [message["content"] for message in self.body["messages"]]
        return "\n".join(part if isinstance(part, str) else part[0]["text"] for part in parts)

    @property
    def images(self) -> list[str]:
        """The addresses of all pictures."""
        parts = [
            part for message in self.body["messages"] if isinstance(message["content"], list) for part in message["content"]
        ]
        return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


Script = Sequence[Answer] | Callable[[Asked], Answer]


class ScriptedServer(ThreadingHTTPServer):
    """Answers with the script's next entry; when there is none left, with a 400 that says so."""

    def __init__(self, script: Script, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.requests: list[Asked] = []
        self.over = threading.Event()
        self._script = script
        self._turn = threading.Lock()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def answer(self, asked: Asked) -> Answer:
        with self._turn:
            self.requests.append(asked)
            if callable(self._script):
                return self._script(asked)
            if len(self.requests) > len(self._script):
                return error(400, f"the script holds only {len(self._script)} answers")
            return self._script[len(self.requests) - 1]


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answer(Asked(self.path, headers, json.loads(content)))
        with suppress(BrokenPipeError, ConnectionResetError):  # the client's patience ended
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        if answer.stall == "hang":
            self.server.over.wait()
            return
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.content_type, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        while answer.stall == "drip" and not self.server.over.wait(0.005):
            self.wfile.write(b" ")
        self.wfile.write(answer.body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def scripted_server(script: Script, port: int = 0) -> Iterator[ScriptedServer]:
    """Serve a script: answers in order, or a function of what was asked (for calls that come in any order).

    with scripted_server([error(429, "slow down", retry_after="2"), reply("hello")]) as server:
        OpenAICompatible(server.base_url, "m").complete(request)
        assert len(server.requests) == 2
    """
    server = ScriptedServer(script, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
