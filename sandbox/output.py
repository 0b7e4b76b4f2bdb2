"""The one stream that leaves a box: named frames on what was standard output, and how a worker writes them.

A frame is `b"DSGN"`, one byte with the length of the name, the name (ASCII), eight bytes with the length of the payload
(big-endian), and the payload. The reader caps both lengths. Nothing else may be written to the stream: at start the worker
moves it away from file descriptor 1, so that a candidate's `print` lands in standard error.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

MAGIC = b"DSGN"
SEAL = "seal"
PROGRESS = "progress"
RESULT = "result.json"
TRAJECTORIES = "trajectories.safetensors"
EPISODES = "episodes.safetensors"


class Output:
    """Writes frames. The first is `seal`, sent before untrusted code runs; the last is `result.json`, or it was a crash."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    @classmethod
    def take_stdout(cls) -> Output:
        """Keep the real standard output for frames and point descriptor 1 at standard error."""
        stream = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        return cls(stream)

    def write(self, name: str, payload: bytes) -> None:
        """Send one file."""
        encoded = name.encode("ascii")
        self._stream.write(MAGIC + struct.pack(">B", len(encoded)) + encoded + struct.pack(">Q", len(payload)))
        self._stream.write(payload)
        self._stream.flush()

    def seal(self, sealed: bool, why: str = "") -> None:
        """Say, first of all, whether this process is sealed, and why not."""
        self.write(SEAL, to_json({"sealed": sealed, "why": why}))

    def progress(self, **numbers: float) -> None:
        """Send numbers for a live display: text for people, never evidence."""
        self.write(PROGRESS, json.dumps(numbers).encode())

    def result(self, status: str, error: str = "", **content: Any) -> None:  # Any: JSON
        """Send the result, after everything else."""
        self.write(RESULT, to_json({"status": status, "error": error, **content}))


def to_json(content: Mapping[str, Any]) -> bytes:
    """Write strict JSON: a NaN is an error here, not a surprise for the reader."""
    return json.dumps(content, allow_nan=False).encode()
