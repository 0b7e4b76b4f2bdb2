"""Read what an engine sends of a container: both its outputs on one line, and the report at the end of the second."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

MAX_STDERR_BYTES = 64 * 1024
MAX_REPORT_BYTES = 4096
HEAD = struct.Struct(">BxxxL")  # which output (1, 2), how many bytes follow
OUT = 1


class Demultiplexer:
    """Takes bytes as an engine sends them and gives back those of standard output; keeps both ends of standard error."""

    def __init__(self) -> None:
        self._head = b""
        self._output, self._left = 0, 0
        self._first = bytearray()
        self._last = b""
        self._count = 0

    def feed(self, chunk: bytes) -> bytes:
        """Take in bytes and return what of them the worker wrote to standard output."""
        out = bytearray()
        while chunk:
            if not self._left:
                missing = HEAD.size - len(self._head)
                self._head, chunk = self._head + chunk[:missing], chunk[missing:]
                if len(self._head) < HEAD.size:
                    break
                self._output, self._left = HEAD.unpack(self._head)
                self._head = b""
                continue
            part, chunk = chunk[: self._left], chunk[self._left :]
            self._left -= len(part)
            if self._output == OUT:
                out += part
            else:
                self._keep(part)
        return bytes(out)

    def _keep(self, part: bytes) -> None:
        self._first += part[: MAX_STDERR_BYTES + MAX_REPORT_BYTES - len(self._first)]
        self._last = (self._last + part[-MAX_REPORT_BYTES:])[-MAX_REPORT_BYTES:]
        self._count += len(part)

    def report(self) -> Mapping[str, Any] | None:
        """Return the launcher's last line, or None where there is none: it was killed, or never started."""
        try:
            report = json.loads(self._last.rstrip(b"\n").rpartition(b"\n")[2])
        except (ValueError, RecursionError):
            return None
        return report if isinstance(report, dict) else None

    def stderr(self) -> bytes:
        """Return the start of what the worker wrote to standard error, without the launcher's report."""
        own = len(self._last.rstrip(b"\n").rpartition(b"\n")[2]) + 2 if self.report() is not None else 0
        return bytes(self._first[: min(MAX_STDERR_BYTES, max(0, self._count - own))])
