"""Read the stream that comes out of a box as what it is: hostile input.

The format is told in `sandbox/output.py`. Names come from an allow-list, sizes are capped, and nothing is parsed but JSON.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from designer.executors import Progress
from designer.files import write_atomically
from designer.text import printable

MAGIC = b"DSGN"
SEAL = "seal"
PROGRESS = "progress"
RESULT = "result.json"
CURVES = "curves.jsonl"
MAX_JSON_BYTES = 4 * 1024**2
MAX_SEAL_BYTES = 4096
MAX_PROGRESS_BYTES = 4096
MAX_CURVES_BYTES = 32 * 1024**2
MAX_CURVES_LINES = 20_000
LIMITS = {SEAL: MAX_SEAL_BYTES, PROGRESS: MAX_PROGRESS_BYTES, RESULT: MAX_JSON_BYTES, CURVES: MAX_CURVES_BYTES}
MAX_DEPTH = 20
MAX_DIGITS = 18
ARRAYS = ("policy.safetensors", "checkpoint.safetensors", "trajectories.safetensors", "episodes.safetensors")
MOST_TOGETHER = 99
"""So many candidates may share a box: each one's part of what it sends has its number."""
NUMBERED_CURVES = frozenset(f"curves-{k}.jsonl" for k in range(MOST_TOGETHER))
NUMBERED = frozenset(f"{name}-{k}.safetensors" for name in ("policy", "checkpoint") for k in range(MOST_TOGETHER))
FILES = frozenset({RESULT, CURVES, *ARRAYS, "clip.mp4", *NUMBERED, *NUMBERED_CURVES})


class StreamRefusedError(ValueError):
    """The stream breaks the format; what came before the break was kept."""


class FrameReader:
    """Takes bytes as they come and puts whole frames away: files into a folder, progress to a callback.

    sealed: whether the worker said, before it ran anything that isn't trusted, that it is sealed; why_unsealed: what it said
    otherwise. Only the first frame can say so: what comes later may be a candidate's word.
    """

    def __init__(self, folder: Path, max_bytes: int, progress: Progress) -> None:
        self._folder = folder
        self._left = max_bytes
        self._progress = progress
        self._buffer = bytearray()
        self._seen: set[str] = set()
        self._first = True
        self.sealed = False
        self.why_unsealed = ""
        self.result: Mapping[str, Any] | None = None

    def feed(self, chunk: bytes) -> None:
        """Take in bytes. Raises StreamRefusedError."""
        self._left -= len(chunk)
        if self._left < 0:
            raise StreamRefusedError("the box sent more bytes than it may")
        self._buffer += chunk
        while self._take_frame():
            pass

    def _take_frame(self) -> bool:
        head = self._head()
        if head is None:
            return False
        name, start, size = head
        if len(self._buffer) < start + size:
            return False
        with memoryview(self._buffer) as buffer:
            payload = bytes(buffer[start : start + size])
        del self._buffer[: start + size]
        self._put_away(name, payload)
        return True

    def _head(self) -> tuple[str, int, int] | None:
        """Return (name, where the payload starts, its size), or None where the head isn't whole yet."""
        if bytes(self._buffer[:4]) != MAGIC[: len(self._buffer)]:
            raise StreamRefusedError("the box's stream is not made of frames")
        if len(self._buffer) < 5 or len(self._buffer) < 13 + self._buffer[4]:
            return None
        length = self._buffer[4]
        name = bytes(self._buffer[5 : 5 + length]).decode("ascii", errors="replace")
        (size,) = struct.unpack(">Q", self._buffer[5 + length : 13 + length])
        limit = LIMITS.get(CURVES if name in NUMBERED_CURVES else name, self._left + len(self._buffer))
        known = name in FILES or name == PROGRESS or (name == SEAL and self._first)
        if not known or name in self._seen or size > limit:
            raise StreamRefusedError(f"the box sent a frame {name[:40]!r} of {size} bytes, which is not allowed")
        return name, 13 + length, size

    def _put_away(self, name: str, payload: bytes) -> None:
        self._first = False
        if name == SEAL:
            said = parse(payload)
            self.sealed, self.why_unsealed = said.get("sealed") is True, printable(str(said.get("why", "")))
            return
        if name == PROGRESS:
            self._progress({key: float(x) for key, x in parse(payload).items() if isinstance(x, int | float)})
            return
        self._seen.add(name)
        if name == RESULT:
            self.result = parse(payload)
            payload = _written(self.result)
        elif name == CURVES or name in NUMBERED_CURVES:
            payload = _curves(payload)
        write_atomically(self._folder / name, payload)


def parse(payload: bytes) -> dict[str, Any]:
    """Parse a JSON object that any later reader and writer can take: finite numbers of a sensible size, text that UTF-8 can
    hold, shallow. Raises StreamRefusedError.
    """
    try:
        content = json.loads(payload, parse_constant=_no_constant, parse_float=_finite, parse_int=_small)
        json.dumps(content, ensure_ascii=False).encode()  # a lone surrogate fails here
    except (ValueError, RecursionError) as error:
        raise StreamRefusedError(f"the box sent JSON that can't be read: {str(error)[:100]}") from None
    if not isinstance(content, dict) or _depth(content) > MAX_DEPTH:
        raise StreamRefusedError(f"the box sent JSON that is not an object, or is nested more than {MAX_DEPTH} deep")
    return content


def _written(content: Mapping[str, Any]) -> bytes:
    """Write JSON in ASCII, a line: a file that a person prints holds nothing that a terminal would obey."""
    return json.dumps(content).encode("ascii") + b"\n"


def _curves(payload: bytes) -> bytes:
    """Keep the lines that are JSON objects: they are for people and decide nothing, so one that isn't is no fault.

    Of millions of lines only the first are looked at: the host reads no box for minutes.
    """
    kept = []
    for line in payload.split(b"\n", MAX_CURVES_LINES)[:MAX_CURVES_LINES]:
        try:
            kept.append(_written(parse(line)))
        except StreamRefusedError:
            continue
    return b"".join(kept)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not finite")
    return value


def _small(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _depth(content: object) -> int:
    """Return how deep lists and objects are nested, level by level and at most MAX_DEPTH + 1."""
    level, depth = [content], 0
    while level and depth <= MAX_DEPTH:
        inner = [value.values() if isinstance(value, dict) else value for value in level if isinstance(value, dict | list)]
        level = [value for values in inner for value in values]
        depth += bool(inner)
    return depth
