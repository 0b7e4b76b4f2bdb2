"""Ask an ASGI application as a browser would: one request, the whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode

from designer.desk.app import make_app
from designer.desk.safety import Door
from designer.desk.shelf import Shelf


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Browser:
    """Sends requests to a desk on loopback, with the headers of a browser that shows one of its pages."""

    HOST = "127.0.0.1:8642"

    def __init__(self, parent: Any, door: Door | None = None) -> None:
        self.app = make_app(Shelf(parent), door or Door("127.0.0.1", 8642))

    def get(self, address: str, **headers: str) -> Answer:
        return self.ask("GET", address, headers)

    def post(self, address: str, form: Mapping[str, str] | None = None, **headers: str) -> Answer:
        body = urlencode(form or {}).encode()
        named = {"origin": f"http://{self.HOST}", "content-type": "application/x-www-form-urlencoded", **headers}
        return self.ask("POST", address, named, body)

    def ask(self, method: str, address: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        path, _, query = address.partition("?")
        named = {"host": self.HOST, "content-length": str(len(body)), **headers}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items() if value],
            "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8642), "state": {},
        }  # fmt: skip
        return asyncio.run(self._send(scope, body))

    async def _send(self, scope: dict[str, Any], body: bytes) -> Answer:
        sent: list[Any] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return waiting.pop() if waiting else await asyncio.Event().wait()  # it stays until it has its answer

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))
