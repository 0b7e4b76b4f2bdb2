"""Around a run: what is said before it of its disk and its time, and how every end of it is told."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.text import Text

from designer.assemble import slots
from designer.config import Config
from designer.disk import forecast_bytes, room, warning
from designer.display import clock
from designer.errors import ConfigError, DesignerError, InterruptedRunError, MachineError, ModelError, SandboxError
from designer.notifying import Notifier
from designer.review.verdict import sentences, verdict_of
from designer.run_until import with_end
from designer.runs import Run
from designer.stopping import number_of, told
from designer.text import printable


def console_line(console: Console) -> Callable[[str], None]:
    """Return a way to say a line: whatever it holds, it is text."""
    return lambda line: console.print(Text(printable(line)), soft_wrap=True)


def tight_disk(run: Run) -> str:
    """Say that the run may not fit on its disk, or "". Raises DiskError."""
    if run.archive().finished:
        return ""
    return warning(forecast_bytes(run.task, run.table, run.config, slots(run.config)), room(run.folder), run.config.disk)


def tight_time(run: Run, now: datetime) -> str:
    """Say until when the run goes, or that this is over; "" where it has no such end."""
    if run.config.search.until is None or run.archive().finished:
        return ""
    left_s = (datetime.fromisoformat(run.config.search.until) - now.astimezone()).total_seconds()
    if left_s <= 0:
        return f"its end, {run.config.search.until}, has passed: only the finals are left. --until sets a new one."
    return f"it goes until {run.config.search.until}: {clock(left_s)} are left."


def require_future(config: Config, now: datetime) -> None:
    """Refuse an end that has passed. Raises ConfigError."""
    if config.search.until and with_end(config, now).search.until is None:
        raise ConfigError(
            f"search.until = {config.search.until} has passed. Say a time of day such as 07:30: the next one is meant."
        )


@contextmanager
def resumable(run: Run) -> Iterator[None]:
    """Add to whatever stops a run what to type to go on with it."""
    go_on = f"Go on with: designer run {shlex.quote(str(run.folder))}"
    try:
        yield
    except KeyboardInterrupt as stop:
        number = number_of(stop)
        stopped = InterruptedRunError(f"stopped{told(number)}. Nothing finished is lost. {go_on}")
        stopped.signal = number
        raise stopped from None
    except SandboxError as error:
        kept = f"A run keeps the sandbox that it began with ({run.config.sandbox.provider})."
        raise SandboxError(f"{error} {kept} {go_on}") from error
    except (MachineError, ModelError) as error:
        raise type(error)(f"{error} {go_on}") from error


@contextmanager
def told_at_the_end(run: Run, notifier: Notifier | None) -> Iterator[None]:
    """Have the notifier told how the run ended: the verdict, or why it stopped. A person's Ctrl-C tells nobody."""
    try:
        yield
    except DesignerError as error:
        if notifier and not (isinstance(error, InterruptedRunError) and not told(error.signal)):
            notifier.tell(run.folder, "stopped", f"{run.folder.name}: {error}\n")
        raise
    if notifier:
        lines = [f"{run.folder.name}: {run.task.text}", *sentences(verdict_of(run, run.archive()))]
        notifier.tell(run.folder, "finished", "\n".join(lines) + "\n")
