"""What travels between this process and a node that shares nothing with it: an order there, messages back. Bytes, no pickle.

An order holds a job with the content of its files, or asks what walls stand there. What comes back is read as hostile input,
as a box's own stream is: the same frames, from the same list of names, with the same caps (`stream.py`).
"""

from __future__ import annotations

import io
import json
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from designer import __version__
from designer.errors import DiskError, MachineError, SandboxError, WorkerMissingError
from designer.executors import Job, JobResult, Limits, Progress
from designer.executors.boxed import fed
from designer.executors.stream import MAGIC, RESULT, FrameReader
from designer.files import disk_error, write_atomically
from designer.records import Record, Status

HEAD = struct.Struct(">cQ")  # what kind of message, how many bytes follow
STREAM, END = b"s", b"e"
MAX_END_BYTES = 1024**2
SPARE_BYTES = 64 * 1024**2
"""What a node writes anew may be longer than what its box sent: JSON in ASCII."""
PIECE = 4 * 1024**2
STDERR = "stderr.txt"
FAILURES: dict[str, type[MachineError]] = {kind.__name__: kind for kind in (SandboxError, DiskError, WorkerMissingError)}


class Order(NamedTuple):
    """What a node is asked. settings: a Config as JSON. job: None to ask what walls stand there. gpus: whether it gets any."""

    settings: str
    job: Job | None
    gpus: bool = False
    version: str = __version__


class End(Record):
    """The last message. failed: the kind of MachineError that the node met, whose text is `error`; "" where the job ended."""

    node: str
    status: Status = Status.OK
    error: str = ""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    walls: str = ""
    stderr: str = ""
    failed: str = ""


def pack(order: Order) -> bytes:
    """Write an order as bytes: a JSON head, then the files one after the other. Raises DiskError."""
    head: dict[str, Any] = {"version": order.version, "settings": order.settings, "gpus": order.gpus, "job": None}
    contents: list[bytes] = []
    if order.job is not None:
        for content in order.job.files.values():
            try:
                contents.append(content.read_bytes() if isinstance(content, Path) else content)
            except OSError as error:
                raise disk_error(Path(str(content)), error) from error
        files = [[name, len(content)] for name, content in zip(order.job.files, contents, strict=True)]
        limits = order.job.limits.model_dump(mode="json")
        head["job"] = {"verb": order.job.verb, "spec": dict(order.job.spec), "limits": limits, "files": files}
    written = json.dumps(head).encode()
    return b"".join([struct.pack(">Q", len(written)), written, *contents])


def unpack(parcel: bytes) -> Order:
    """Read an order. Raises SandboxError where it comes from another version of designer."""
    (length,) = struct.unpack_from(">Q", parcel)
    head, at = json.loads(parcel[8 : 8 + length]), 8 + length
    if head["version"] != __version__:
        raise SandboxError(f"designer is {__version__} there and {head['version']} here. Install the same on all nodes")
    if head["job"] is None:
        return Order(head["settings"], None, head["gpus"])
    files: dict[str, bytes | Path] = {}
    for name, size in head["job"]["files"]:
        files[name], at = parcel[at : at + size], at + size
    job = Job(head["job"]["verb"], head["job"]["spec"], files, Limits.model_validate(head["job"]["limits"]))
    return Order(head["settings"], job, head["gpus"])


def pack_folder(folder: Path) -> bytes:
    """Write a folder of code as a tar. Raises DiskError."""
    packed = io.BytesIO()
    try:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
                tar.add(path, arcname=str(path.relative_to(folder)))
    except OSError as error:
        raise disk_error(folder, error) from error
    return packed.getvalue()


def unpack_folder(packed: bytes, folder: Path) -> None:
    """Lay out what `pack_folder` wrote. Raises DiskError."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(folder, filter="data")
    except OSError as error:
        raise disk_error(folder, error) from error


def message(kind: bytes, payload: bytes) -> bytes:
    return HEAD.pack(kind, len(payload)) + payload


def framed(name: str, payload: bytes) -> bytes:
    """Return a message with a whole frame."""
    return message(STREAM, _frame_head(name, len(payload)) + payload)


def framed_file(name: str, path: Path) -> Iterator[bytes]:
    """Yield messages that hold a file as one frame, in pieces."""
    with path.open("rb") as file:
        yield message(STREAM, _frame_head(name, path.stat().st_size))
        while piece := file.read(PIECE):
            yield message(STREAM, piece)


def _frame_head(name: str, size: int) -> bytes:
    return MAGIC + bytes([len(name)]) + name.encode() + struct.pack(">Q", size)


class Answer:
    """Takes a node's messages as bytes, however they are cut, and lays the job's files out in its folder.

    end: the last message, once it is there. complaint: what is wrong with the frames, or "".
    """

    def __init__(self, folder: Path, max_bytes: int, progress: Progress) -> None:
        self._reader = FrameReader(folder, max_bytes + SPARE_BYTES, progress)
        self._folder = folder
        self._buffer = bytearray()
        self.complaint = ""
        self.end: End | None = None

    def feed(self, chunk: bytes) -> None:
        """Take in bytes. Raises SandboxError where they are no messages, and whatever the progress callback raises."""
        self._buffer += chunk
        while self.end is None and len(self._buffer) >= HEAD.size:
            kind, size = HEAD.unpack_from(self._buffer)
            if kind not in (STREAM, END) or (kind == END and size > MAX_END_BYTES):
                raise SandboxError("a node sent bytes that are no message of designer's.")
            if len(self._buffer) < HEAD.size + size:
                return
            payload = bytes(self._buffer[HEAD.size : HEAD.size + size])
            del self._buffer[: HEAD.size + size]
            if kind == STREAM:
                self.complaint = self.complaint or fed(self._reader, payload)
            else:
                self.end = _read_end(payload)

    def ended(self) -> End:
        """Return the last message. Raises the MachineError that the node met."""
        assert self.end is not None, "a node's last message says how its job ended"
        if self.end.failed:
            raise FAILURES.get(self.end.failed, SandboxError)(f"on {self.end.node}: {self.end.error}")
        return self.end

    def result(self) -> JobResult:
        """Return how the job ended. Raises the MachineError that the node met."""
        end = self.ended()
        write_atomically(self._folder / STDERR, end.stderr)
        status, error, content = end.status, end.error, self._reader.result
        if self.complaint:
            status, error = Status.CRASHED, self.complaint
        elif status is Status.OK and content is None:
            status, error = Status.CRASHED, f"the node sent no {RESULT}"
        told = content if status is Status.OK and content is not None else {}
        return JobResult(status, error, told, end.cpu_s, end.wall_s, end.walls)


def _read_end(payload: bytes) -> End:
    try:
        return End.model_validate_json(payload)
    except ValidationError as error:
        raise SandboxError(f"a node's last message can't be read: {error.errors()[0]['msg']}.") from None
