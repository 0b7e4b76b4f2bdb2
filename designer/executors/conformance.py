"""The conformance suite: what every sandbox must do, tried on the real one. `designer doctor --sandbox NAME` runs it.

The contract: a job's result is what the worker did, whatever it did; an exception is what the sandbox failed to do; a box
keeps to itself and leaves nothing behind. A third party's provider is examined the same way, named as `module:name`.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from designer.config import Config
from designer.errors import DesignerError
from designer.executors import Executor, Job, JobResult, Limits, Progress
from designer.executors.provider import Provider
from designer.runs import stage_worker_code
from designer.scratch import scratch_folder

GONE_S = 2.0  # what a box leaves must be gone by then
REWARD = b"# a reward\n"
LIMITS = Limits(cpu_s=20, wall_s=60, memory_bytes=2 * 1024**3)


class Verdict(StrEnum):
    """What a check came to. Not checkable: this sandbox makes no such promise, or the check can't be made here."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_CHECKABLE = "not checkable"


class Outcome(NamedTuple):
    """One check: its name, what it came to, and what it proved or saw."""

    check: str
    verdict: Verdict
    told: str


class BrokenError(Exception):
    """A sandbox broke the contract: what was seen."""


class NotCheckableError(Exception):
    """A check can't be made: why."""


class Bench:
    """A provider under examination, and a folder to work in."""

    def __init__(self, provider: Provider, config: Config, folder: Path) -> None:
        self.provider = provider
        self.config = config
        self.folder = folder

    def code(self, verb: str = "output.result('ok')\n", first: str = "") -> Path:
        """Make a folder of the worker's code with a made-up `probe`: the body of run(job, files, output).

        first: what runs when the verb is imported, before the worker seals itself: so it meets the outer walls alone.
        """
        code = self.folder / "code"
        stage_worker_code(code)
        body = textwrap.indent(textwrap.dedent(verb), "    ")
        (code / "sandbox" / "probe.py").write_text(f"{textwrap.dedent(first)}\ndef run(job, files, output):\n{body}")
        return code

    def run(
        self,
        verb: str,
        first: str = "",
        limits: Limits = LIMITS,
        progress: Progress = lambda _: None,
        **spec: Any,  # JSON
    ) -> JobResult:
        """Run a made-up verb in a box, to its end."""
        return self.provider.executor(self.code(verb, first)).run(job(limits, **spec), self.job_folder, progress)

    @property
    def job_folder(self) -> Path:
        return self.folder / "job"

    def require(self, holds: bool, seen: object) -> None:
        """Raise BrokenError with what was seen unless something holds."""
        if not holds:
            raise BrokenError(str(seen)[:600])

    def executors_that_lack_something(self) -> dict[str, Executor]:
        return dict(self.provider.broken(self.code()))


class Check(NamedTuple):
    """One named check. wall: it is about what keeps a box from the machine."""

    name: str
    run: Callable[[Bench], str]
    wall: bool = False


def job(limits: Limits = LIMITS, **spec: object) -> Job:
    """Return a job for a made-up verb."""
    return Job("probe", spec, {"reward.py": REWARD}, limits)


def examine(provider: Provider, config: Config, checks: Sequence[Check]) -> Iterator[Outcome]:
    """Run checks over a provider, in order, and say what each came to."""
    for check in checks:
        if check.wall and not provider.isolates:
            yield Outcome(check.name, Verdict.NOT_CHECKABLE, f"{provider.name} has no walls: nothing is promised")
            continue
        with scratch_folder() as folder:
            yield _outcome(check, Bench(provider, config, folder))


def _outcome(check: Check, bench: Bench) -> Outcome:
    try:
        told = check.run(bench)
        gone = within(lambda: not bench.provider.leftovers())
        bench.require(gone, f"left {GONE_S:.0f} s after: {', '.join(bench.provider.leftovers())}")
    except NotCheckableError as why:
        return Outcome(check.name, Verdict.NOT_CHECKABLE, str(why))
    except BrokenError as seen:
        return Outcome(check.name, Verdict.BROKEN, str(seen))
    except DesignerError as error:  # the sandbox failed where it was to work
        return Outcome(check.name, Verdict.BROKEN, f"{type(error).__name__}: {error}")
    return Outcome(check.name, Verdict.HOLDS, told)


def within(holds: Callable[[], bool]) -> bool:
    """Wait until something holds, but not for long; say whether it does."""
    deadline = time.monotonic() + GONE_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def all_checks() -> tuple[Check, ...]:
    """Return every check of the suite."""
    from designer.executors import conformance_endings, conformance_left, conformance_walls

    return (*conformance_endings.CHECKS, *conformance_walls.CHECKS, *conformance_left.CHECKS)


def conformance(config: Config) -> Iterator[Outcome]:
    """Examine the sandbox that a config names with all checks."""
    from designer.sandboxes import provider_of

    yield from examine(provider_of(config), config, all_checks())
