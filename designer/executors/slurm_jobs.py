"""The Slurm executor: each job is a job of Slurm, whose node runs it in a sandbox of its own.

Order and answer lie in a post, a folder on a disk that the nodes share (`executor.posts`); the run's own folder needn't be on
it. The answer is read while it grows. A Slurm job outlives this process: whoever asks for the same job in the same folder
again finds it by its ticket, in the queue, at work or ended, and nothing is done twice. Whoever stops in order cancels it.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from designer.config import Config
from designer.executors import Executor, Job, JobResult, Limits, Progress
from designer.executors.devices import TRAINING
from designer.executors.folder import prepare_folder
from designer.executors.parcel import END, Answer, End, message, pack_folder
from designer.executors.remote import LostError, Restarts, Say, order_for
from designer.executors.resumable import job_digest
from designer.executors.slurm_node import ANSWER, CODE, ORDER
from designer.executors.slurm_queue import LOGS, Queue, SlurmQueue, wanted_of
from designer.files import disk_error, write_atomically
from designer.records import Record, Status, digest
from designer.user_folders import cache_folder

TICKET = "ticket.json"
LOOK_EVERY_S = 0.25
LATE_S = 20.0  # a shared disk may show what a node wrote some seconds later
CLOSING_S = 5.0
CHUNK = 1 << 22
WALLS = Limits(cpu_s=60, wall_s=300)


class Ticket(Record):
    """The Slurm job that works for a job of ours. post: the folder of its order, beside the ticket."""

    number: str
    post: str


class SlurmJobs:
    """Implements `Executor`."""

    def __init__(self, queue: Queue, config: Config, code: Path, say: Say, late_s: float = LATE_S) -> None:
        self.name = f"{config.sandbox.provider} on slurm"
        self._queue = queue
        self._config = config
        self._code = code
        self._late_s = late_s
        self._restarts = Restarts(config.executor.restarts, say)
        self._walls = ""

    def walls(self) -> str:
        """Ask a node, which may take as long as the queue is."""
        if not self._walls:
            place = self._place(["walls", str(self._code), uuid.uuid4().hex])
            answer = self._asked(None, place, lambda: Answer(place, 0, lambda _: None))
            self._walls = answer.ended().walls
        return self._walls

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        def fresh() -> Answer:
            prepare_folder(job, folder)
            return Answer(folder, job.limits.output_bytes, progress)

        return self._asked(job, self._place([str(folder.resolve()), job_digest(job)]), fresh).result()

    def stop(self) -> None:
        """Cancel every job, and hand in none any more. Called from another thread: those that wait do it."""
        self._restarts.stopping.set()

    def _place(self, of: Sequence[str]) -> Path:
        return posts_root(self._config) / digest(list(of))

    def _asked(self, job: Job | None, place: Path, fresh: Callable[[], Answer]) -> Answer:
        """Have a job done, or find it again, and return its answer, whole. Its post goes away with it."""

        def once() -> Answer:
            ticket = _stored(place) or self._handed_in(job, place)
            answer = fresh()
            self._follow(ticket, place, answer, job is not None)
            return answer

        answer = self._restarts.until_it_ends(job.verb if job else "walls", once)
        _wait_for_its_end(place)
        shutil.rmtree(place, ignore_errors=True)
        return answer

    def _handed_in(self, job: Job | None, place: Path) -> Ticket:
        """Write a post and hand the job in. Killed before the ticket is written, it leaves a job whose order is gone."""
        shutil.rmtree(place, ignore_errors=True)
        post = place / uuid.uuid4().hex[:12]
        write_atomically(post / CODE, pack_folder(self._code))
        write_atomically(post / ORDER, order_for(self._config, job))
        verb, limits = (job.verb, job.limits) if job else ("walls", WALLS)
        number = self._queue.submit(post, wanted_of(self._config, limits, verb, verb in TRAINING))
        ticket = Ticket(number=number, post=post.name)
        write_atomically(place / TICKET, ticket.model_dump_json())
        return ticket

    def _follow(self, ticket: Ticket, place: Path, answer: Answer, is_job: bool) -> None:
        """Read an answer while it grows, to its end. Raises LostError, SandboxError, what `answer` raises."""
        path, at, ended_at = place / ticket.post / ANSWER, 0, float("inf")
        try:
            while answer.end is None:
                self._restarts.require_going()
                if chunk := _read(path, at):
                    at += len(chunk)
                    answer.feed(chunk)
                    continue
                how = self._queue.ended(ticket.number)
                if how == "OUT_OF_MEMORY" and is_job:
                    answer.feed(message(END, _out_of_memory().model_dump_json().encode()))
                    continue
                ended_at = min(ended_at, time.monotonic()) if how else float("inf")
                if time.monotonic() - ended_at > self._late_s:
                    hint = "" if at else f" and no word in {place}: do the nodes see this folder (executor.posts)?"
                    raise LostError(f"Slurm's job {ticket.number} ended as {how} without a result{hint}")
                self._restarts.stopping.wait(LOOK_EVERY_S)
        finally:
            if answer.end is None:  # lost, stopped, or nobody can take its answer: nobody will look for it again
                self._queue.cancel(ticket.number)
                shutil.rmtree(place, ignore_errors=True)


class SlurmProvider:
    """Implements `Provider`: what `sandbox.provider` names, on the nodes of a Slurm cluster."""

    name = "slurm"
    outlives = True

    def __init__(self, config: Config, say: Say, queue: Queue | None = None) -> None:
        self.isolates = config.sandbox.provider != "none"
        self._config = config
        self._say = say
        self._queue = queue or SlurmQueue(config.executor.node_python)

    def executor(self, code: Path) -> Executor:
        return SlurmJobs(self._queue, self._config, code, self._say)

    def broken(self, code: Path) -> Mapping[str, Executor]:
        worker = self._config.worker.model_copy(update={"python": Path("/no/such/python")})
        lacking = self._config.model_copy(update={"worker": worker})
        return {"an interpreter": SlurmJobs(self._queue, lacking, code, self._say)}

    def leftovers(self) -> Sequence[str]:
        """Name the posts that are still there."""
        return [str(path) for path in posts_root(self._config).glob("*")]


def posts_root(config: Config) -> Path:
    """Return where posts lie: on most sites the home folder is on a disk that all nodes share."""
    return config.executor.posts or cache_folder(os.environ) / "posts"


def _stored(place: Path) -> Ticket | None:
    try:
        return Ticket.model_validate_json((place / TICKET).read_bytes())
    except (OSError, ValidationError):
        return None


def _wait_for_its_end(place: Path) -> None:
    """Let submitit write its own last file, but not for long: without it Slurm would count a good job as failed."""
    give_up = time.monotonic() + CLOSING_S
    while time.monotonic() < give_up and not any(place.glob(f"*/{LOGS}/*_result.pkl")):
        time.sleep(0.05)


def _read(path: Path, at: int) -> bytes:
    """Return what a node has written from there on, as far as it can be seen. Raises DiskError."""
    try:
        with path.open("rb") as file:
            file.seek(at)
            return file.read(CHUNK)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise disk_error(path, error) from error


def _out_of_memory() -> End:
    words = "Slurm ended the job: it used more memory than it had asked for (executor.memory_gb, and some)"
    return End(node="slurm", status=Status.OUT_OF_MEMORY, error=words)
