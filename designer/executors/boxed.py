"""What every box gets and must show, whatever it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from designer.errors import SandboxError
from designer.executors.stream import FrameReader, StreamRefusedError

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}
"""glibc gives a large tensor's memory back to the kernel when it is freed, and gets the next one's page by page. A training
makes a few such tensors a million times; a box that keeps them spends a quarter less time on its updates."""
SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def box_environment(code: str, scratch: str, devices: Sequence[str] = ()) -> dict[str, str]:
    """Return a worker's variables. Nothing of the host's environment enters a box."""
    gpus = {"CUDA_VISIBLE_DEVICES": ",".join(devices)} if devices else {}
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "TORCHINDUCTOR_CACHE_DIR": scratch,  # torch's optimisers make it, and a box may have no right to make folders
        "LANG": "C.UTF-8",
        "PYTHONPATH": code,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        **dict.fromkeys(SINGLE_THREADED, "1"),
        **KEEP_MEMORY,
        **gpus,
    }


def fed(reader: FrameReader, chunk: bytes) -> str:
    """Pass on what a box sent. Returns what is wrong with it, or ""."""
    try:
        reader.feed(chunk)
    except StreamRefusedError as refusal:
        return str(refusal)
    return ""


def require_seal(reader: FrameReader) -> None:
    """Refuse what a worker did without its seal. Raises SandboxError."""
    if reader.why_unsealed:
        raise SandboxError(f"the worker can't be sealed: {reader.why_unsealed}")
    if reader.result is not None and reader.result.get("status") == "ok" and not reader.sealed:
        raise SandboxError("the worker ran without its seal. Are sandbox/worker.py and designer of the same version?")


def signal_of(report: Mapping[str, Any]) -> int | None:
    """Return the signal that ended a worker: told as such, or as a shell does, by 128 + its number."""
    if report.get("signal"):
        return int(report["signal"])
    code = report.get("exit") or 0
    return code - 128 if code > 128 else None
