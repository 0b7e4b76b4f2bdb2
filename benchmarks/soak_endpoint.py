"""The soak's model: a chat-completions server on loopback that can go away, and remembers what it sold."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HONEST = '''import torch
from torch import Tensor


def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    """Sold as number {serial}."""
    weight = {weight:.4f}
    return {{"run": -weight * s.torso_velocity[:, 0], "effort": -{effort:.4f} * a.square().sum(-1)}}
'''
FILLS_ITS_BOX = '''import torch
from torch import Tensor


def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    """Sold as number {serial}. It asks for more memory than its box has."""
    weight = {weight:.4f}
    more = torch.ones(2**34)
    return {{"run": weight * s.torso_velocity[:, 0] + more[:1].sum()}}
'''
CALLS_FOR_EVER = '''import torch
from torch import Tensor


def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    """Sold as number {serial}. It is slow enough to use up its CPU time in a training, and not in a probe."""
    weight, total = {weight:.4f}, torch.zeros_like(s.torso_velocity[:, 0])
    for _ in range(3000):
        total = total + weight * s.torso_velocity[:, 0]
    return {{"run": total}}
'''


class Endpoint:
    """Serves rewards on one port, while it is up. Thread-safe."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._turn = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.sold: Counter[str] = Counter()
        """How often an answer to these messages left."""
        self.up()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def up(self) -> None:
        """Listen, on the same port as before."""
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
                with suppress(BrokenPipeError, ConnectionResetError):
                    answer = endpoint.answer(body)
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        if self._server is None:
            self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
            self._port = self._server.server_port
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, body: dict[str, Any]) -> bytes:
        """Sell a reward: mostly an honest one."""
        with self._turn:
            self.sold[asked_of(body["messages"])] += 1
            chance = self._draw.random()
            form = FILLS_ITS_BOX if chance < 0.1 else CALLS_FOR_EVER if chance < 0.15 else HONEST
            source = form.format(
                serial=sum(self.sold.values()), weight=self._draw.uniform(0.5, 3), effort=self._draw.uniform(0.01, 0.3)
            )
        text = f"```python\n{source}```\nWhy: speed pays.\nExpects: it runs.\n"
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200}
        done = {"id": "c", "object": "chat.completion", "created": 0, "model": "soak", "choices": [choice], "usage": usage}
        return json.dumps(done).encode()


def asked_of(messages: list[dict[str, Any]]) -> str:
    """Identify what was asked: the messages as they went over the wire, or as a run stored them."""
    return json.dumps([[message["role"], message["content"]] for message in messages])
