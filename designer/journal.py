"""The journal: an append-only file of events, one JSON object a line, written by one process at a time.

Every event is synced before anything acts on it. A line that a crash tore off is dropped when the file is next opened for
writing; any other unreadable line is an error. Artifacts are written before the event that speaks of them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from designer.errors import RunBrokenError, RunLockedError
from designer.files import disk_error
from designer.records import Candidate, Record, Remark, Saying, Status, Trial, Verdict


class RunStarted(Record):
    event: Literal["run_started"] = "run_started"
    task: str
    config: str
    proposer: str
    sandbox: str
    fitness: str
    version: str
    trainer: str = "ppo"
    aids: str = ""


class CallStarted(Record):
    """A model call is about to leave. Without a `call_finished` after it, it may have been paid for and lost."""

    event: Literal["call_started"] = "call_started"
    key: str
    request: str
    prompt: str = ""


class CallFinished(Record):
    """An answer came. None is unknown. The `about_` counts are estimates from the texts' lengths."""

    event: Literal["call_finished"] = "call_finished"
    key: str
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    about_prompt_tokens: int = 0
    about_completion_tokens: int = 0


class BudgetSpent(Record):
    """No further model call is made: a cap would be broken. What is there is trained and judged."""

    event: Literal["budget_spent"] = "budget_spent"
    reason: str


class CandidateProposed(Record):
    event: Literal["candidate_proposed"] = "candidate_proposed"
    candidate: Candidate
    verdict: Verdict


class Screened(Record):
    """A sound candidate was looked at before its first training.

    nearest, distance: the reward before it that pays most alike, and how far that is (None where there is none to compare).
    duplicate_of: that reward, where it is the same one: this candidate is not trained and shares its score.
    remarks: what else was found; a blocking one keeps it from being trained.
    """

    event: Literal["screened"] = "screened"
    candidate: str
    nearest: str = ""
    distance: float | None = None
    duplicate_of: str = ""
    remarks: tuple[Remark, ...] = ()


class JudgeSwitchedOff(Record):
    """A model that judges failed a probe with a known answer: it is not asked again."""

    event: Literal["judge_switched_off"] = "judge_switched_off"
    judge: str
    reason: str


class Reviewed(Record):
    """A reviewer looked at a candidate's trial. What the data confirm is in `remarks`; `dropped` counts what they don't."""

    event: Literal["reviewed"] = "reviewed"
    reviewer: str
    candidate: str
    remarks: tuple[Remark, ...]
    dropped: int = 0


class OpinionTaken(Saying):
    """What a person said or handed in is taken up in this round."""

    event: Literal["opinion_taken"] = "opinion_taken"
    round: int


class Asked(Record):
    """Raters were asked before this round; what they had answered by then is in the journal."""

    event: Literal["asked"] = "asked"
    round: int


class TrialsFinished(Record):
    """Trials that were trained together are recorded together: all of them are done, or none."""

    event: Literal["trials_finished"] = "trials_finished"
    trials: tuple[Trial, ...]
    walls: str


class TrainedTogether(Record):
    """Candidates of a round were trained in one box, each on these seeds up to `until`. Their trials follow.

    status: of the box as a whole; unless it is OK, each is trained in a box of its own.
    """

    event: Literal["trained_together"] = "trained_together"
    candidates: tuple[str, ...]
    seeds: tuple[int, ...]
    until: float
    status: Status
    error: str = ""
    walls: str


class TimeRead(Record):
    """How long the run has been at work, pauses left out [s]. Read by the loop, so that a search need not look at a clock.

    training_s: how much of it was training and judging. left_s: how long until the time of day at which it must be done (may
    be negative), or None where it has none.
    """

    event: Literal["time_read"] = "time_read"
    spent_s: float
    training_s: float = 0.0
    left_s: float | None = None


class Pruned(Record):
    """The disk was nearly full: files that nothing needs to go on were removed."""

    event: Literal["pruned"] = "pruned"
    what: str
    files: int
    freed_bytes: int


class RunFinished(Record):
    """The search is over. `winner` is a candidate's id, or None where nothing could be trained."""

    event: Literal["run_finished"] = "run_finished"
    reason: str
    winner: str | None


Event = (
    RunStarted
    | CallStarted
    | CallFinished
    | BudgetSpent
    | JudgeSwitchedOff
    | OpinionTaken
    | Asked
    | CandidateProposed
    | Screened
    | TrainedTogether
    | TrialsFinished
    | Reviewed
    | TimeRead
    | Pruned
    | RunFinished
)
_event: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


class Stamped(Record):
    """An event and when it was written (seconds since 1970)."""

    at: float
    event: Annotated[Event, Field(discriminator="event")]


def read(path: Path) -> list[Stamped]:
    """Read a journal. A torn last line is ignored. Raises RunBrokenError."""
    return read_from(path, 0)[0]


def read_from(path: Path, offset: int) -> tuple[list[Stamped], int]:
    """Read what was appended behind `offset` bytes, without a torn last line. Returns it and where to go on reading.

    Raises RunBrokenError.
    """
    if not path.exists():
        return [], 0
    with open(path, "rb") as file:
        file.seek(offset)
        whole, newline, _ = file.read().rpartition(b"\n")
    return [_parse(line, path, number) for number, line in enumerate(whole.split(b"\n"), 1) if line], offset + len(whole) + len(
        newline
    )


def _parse(line: bytes, path: Path, number: int) -> Stamped:
    try:
        return Stamped.model_validate_json(line)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise RunBrokenError(
            f"{path} line {number} can't be read ({reason}). Was it edited, or written by a newer version?"
        ) from None


def span_s(path: Path) -> float:
    """Return the seconds from a journal's first entry to its last; 0 where there are none. Raises RunBrokenError."""
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    if not whole:
        return 0.0
    first, last = _parse(whole.partition(b"\n")[0], path, 1), _parse(whole.rpartition(b"\n")[2], path, whole.count(b"\n") + 1)
    return max(0.0, last.at - first.at)


class Journal:
    """The one writer of a run's journal."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._turn = threading.Lock()

    def append(self, event: Event) -> None:
        """Write an event and wait until it is on the disk. Raises DiskError."""
        with self._turn:
            self._append(self.line(event))

    def line(self, event: Event) -> bytes:
        """Return an event as the journal holds it, stamped with the time."""
        return Stamped(at=self._clock(), event=event).model_dump_json().encode() + b"\n"

    def _append(self, line: bytes) -> None:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                start = os.fstat(descriptor).st_size
                if os.write(descriptor, line) != len(line):
                    os.ftruncate(descriptor, start)
                    raise OSError(errno.ENOSPC, "No space left on device")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise disk_error(self._path, error) from error

    def mend(self) -> None:
        """Cut off a line that a crash tore, so that the next one starts on its own. Raises DiskError."""
        if not self._path.exists():
            return
        try:
            content = self._path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole != len(content):
                os.truncate(self._path, whole)
        except OSError as error:
            raise disk_error(self._path, error) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder: one writer at a time. Raises DiskError and RunLockedError, which names the process that holds it."""
    path = folder / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode("ascii", errors="replace").strip() or "unknown"
        raise RunLockedError(
            f"{path.parent} is being written by process {holder}. Wait for it, stop it, or start another run."
        ) from None
    except OSError as error:
        raise disk_error(path, error) from error
