"""Run a verb in this process and read the frames it sends: what the host does, without a box."""

import importlib
import io
import json
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from sandbox.output import Output
from sandbox.worker import module_of


class Sent(NamedTuple):
    """Everything that a verb sent: files by name, progress in order, and the result."""

    files: dict[str, bytes]
    progress: list[dict[str, float]]
    result: dict[str, Any]


def run_verb(job: Mapping[str, Any], **files: str | bytes) -> Sent:
    """Run what a job asks for; a file's name is given with `_` for the dot."""
    named = {
        name.replace("_", "."): content.encode() if isinstance(content, str) else content for name, content in files.items()
    }
    stream = io.BytesIO()
    importlib.import_module(module_of(job)).run(job, named.__getitem__, Output(stream))
    return read_frames(stream.getvalue())


def read_frames(stream: bytes) -> Sent:
    """Split a stream, which must be made of whole frames and end with the result."""
    files: dict[str, bytes] = {}
    progress = []
    while stream:
        assert stream[:4] == b"DSGN"
        name = stream[5 : 5 + stream[4]].decode()
        start = 13 + stream[4]
        (size,) = struct.unpack(">Q", stream[start - 8 : start])
        payload, stream = stream[start : start + size], stream[start + size :]
        assert len(payload) == size
        assert "result.json" not in files, "the result is the last frame"
        if name == "progress":
            progress.append(json.loads(payload))
        else:
            files[name] = payload
    return Sent(files, progress, json.loads(files.pop("result.json")))
