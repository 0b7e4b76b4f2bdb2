"""What a candidate can do wrong, as one exception: a status, the line in its own file, and a sentence."""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

FILE_NAME = "reward.py"
MAX_MESSAGE = 500
MAX_QUOTE = 120


class CandidateFault(Exception):
    """The candidate failed. `status` is a Status of the host's; `line` counts from 1, 0 where none is known."""

    def __init__(self, status: str, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.line = line


def fault_of(error: BaseException, source: str) -> CandidateFault:
    """Turn what a candidate raised into a fault; to be called while it is handled. `source` is the candidate's file."""
    line = _line_of(error, sys.exc_info()[2])
    text = _text_of(error)
    lines = source.splitlines()
    quoted = f" in `{lines[line - 1].strip()[:MAX_QUOTE]}`" if 0 < line <= len(lines) else ""
    no_memory = issubclass(type(error), MemoryError) or "can't allocate memory" in text
    return CandidateFault("out_of_memory" if no_memory else "crashed", f"{text}{quoted}", line)


def _text_of(error: BaseException) -> str:
    """Describe an exception whose own methods may be a trap."""
    try:
        text = traceback.format_exception_only(error)[-1].strip()[:MAX_MESSAGE]
        return text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate would spoil the whole result
    except BaseException:  # noqa: BLE001 - the process edge: its __str__, __cause__ or __notes__ may raise anything
        return f"{type(error).__name__[:60]}, which can't be described"


def _line_of(error: BaseException, trace: TracebackType | None) -> int:
    """Return the innermost line of the candidate's own file in a traceback, or where its syntax breaks."""
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(trace) if frame.filename == FILE_NAME]
    if not lines and type(error) in (SyntaxError, IndentationError, TabError) and error.filename == FILE_NAME:  # type: ignore[attr-defined]
        return error.lineno or 0  # type: ignore[attr-defined]
    return lines[-1] if lines else 0
