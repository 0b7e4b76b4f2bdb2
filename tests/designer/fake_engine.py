"""A container engine that makes nothing: it keeps what it was asked for and plays a container's part on a socket."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from designer.errors import SandboxError
from designer.executors.engine import About, Kept, Line

OUT, ERR = 1, 2
ENDED = {"exit": 0, "signal": None, "cpu_s": 0.5, "peak_memory_bytes": 10**8, "out_of_memory": False, "walls": ["no network"]}


def packed(output: int, payload: bytes) -> bytes:
    """Return bytes as an engine sends them."""
    return struct.pack(">BxxxL", output, len(payload)) + payload


def frame(name: str, content: Mapping[str, Any]) -> bytes:
    """Return a worker's frame."""
    payload = json.dumps(content).encode()
    return b"DSGN" + bytes([len(name)]) + name.encode() + struct.pack(">Q", len(payload)) + payload


SEALED = frame("seal", {"sealed": True})
OK = packed(OUT, SEALED + frame("result.json", {"status": "ok", "error": "", "answer": 42}))


def report(**changes: Any) -> bytes:
    """Return a launcher's last line."""
    return packed(ERR, b"\n" + json.dumps({**ENDED, **changes}).encode() + b"\n")


class FakeEngine:
    """Implements `Engine`. says: what the container sends, in pieces. waits: whether it goes on until it is killed.

    Like the real one, it doesn't come back from a kill before all that the container has sent was taken.
    """

    address = "fake://"

    def __init__(self, says: Sequence[bytes] = (OK, report()), waits: bool = False, images: Sequence[str] = ("image",)) -> None:
        self.asked: list[str] = []
        self.made: dict[str, Any] = {}
        self.kept: list[Kept] = []
        self.images = images
        self._says, self._waits = says, waits
        self._killed = threading.Event()
        self._player: threading.Thread | None = None
        self._far: socket.socket | None = None
        self.built: bytes = b""

    def about(self) -> About:
        return About("docker", "1.0", "runc")

    def has_image(self, reference: str) -> bool:
        return reference in self.images

    def create(self, image: str, command: Sequence[str], settings: Mapping[str, Any], config: Mapping[str, Any]) -> str:
        self.asked.append("create")
        self.made = {"image": image, "command": list(command), "settings": dict(settings), "config": dict(config)}
        return "c0ffee"

    def attach(self, container: str) -> Line:
        self.asked.append("attach")
        near, self._far = socket.socketpair()
        return near

    def start(self, container: str) -> None:
        self.asked.append("start")
        self._player = threading.Thread(target=self._play, daemon=True)
        self._player.start()

    def _play(self) -> None:
        assert self._far is not None
        with self._far as line:
            try:
                for piece in self._says:
                    line.sendall(piece)
            except OSError:
                return
            if self._waits:
                self._killed.wait(20)

    def kill(self, container: str) -> None:
        self.asked.append("kill")
        self._killed.set()
        if self._player:
            self._player.join(20)
        self.asked.append("killed")

    def remove(self, container: str) -> None:
        self.asked.append(f"remove {container}")

    def containers(self, label: str) -> list[Kept]:
        return self.kept

    def build(self, context: IO[bytes], tag: str, arguments: Mapping[str, str], network: str | None) -> Iterator[str]:
        self.built = context.read()
        self.made = {"tag": tag, "arguments": dict(arguments), "network": network}
        yield "Step 1/2 : FROM base"


class NoEngine(FakeEngine):
    """An engine that doesn't answer."""

    def about(self) -> About:
        raise SandboxError("no engine could answer at nowhere: it isn't there.")
