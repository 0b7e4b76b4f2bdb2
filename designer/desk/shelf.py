"""The runs that the desk shows: found by name below one folder, read once, then only what their journals gained."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from designer.archive import Archive
from designer.errors import DesignerError, InputError
from designer.journal import Event, read_from
from designer.live import Live, read_live
from designer.opinions import Opinion, read_opinions
from designer.runs import Run, open_run

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


class Book(NamedTuple):
    """A run as the desk has it. began_s, latest_s: the times of the journal's first and last entry [s since 1970].

    progress: (when, best search score by then, trainings done by then), one entry a finished training.
    """

    name: str
    run: Run
    archive: Archive
    live: Live | None
    opinions: tuple[Opinion, ...]
    began_s: float
    latest_s: float
    progress: tuple[tuple[float, float | None, int], ...]

    @property
    def state(self) -> str:
        """Return "finished", "running" or "stopped"."""
        return "finished" if self.archive.finished else "running" if self.live else "stopped"


class _Read:
    """A journal that was read up to an offset."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.archive = Archive()
        self.offset = 0
        self.began_s = self.latest_s = 0.0
        self.progress: list[tuple[float, float | None, int]] = []
        self.turn = Lock()

    def go_on(self) -> None:
        """Take in what was appended; a file that became shorter is read anew."""
        size = self.run.journal.stat().st_size if self.run.journal.exists() else 0
        if size < self.offset:
            self.__init__(self.run)  # type: ignore[misc] # the journal is another one
        if size == self.offset:
            return
        events, self.offset = read_from(self.run.journal, self.offset)
        for stamped in events:
            self.began_s = self.began_s or stamped.at
            self.latest_s = stamped.at
            self.archive.add(stamped.event)
            self._note(stamped.at, stamped.event)

    def _note(self, at: float, event: Event) -> None:
        if event.event != "trials_finished" or event.trials[0].purpose != "search":
            return
        score = self.archive.search_score(event.trials[0].candidate)
        before = self.progress[-1][1] if self.progress else None
        ours = event.trials[0].candidate in self.archive.candidates
        best = max((value for value in (before, score if ours else None) if value is not None), default=None)
        self.progress.append((at, best, len(self.archive.trials)))


class Shelf:
    """Finds and keeps runs. Safe for several threads."""

    def __init__(self, parent: Path) -> None:
        """`parent`: the folder of the run folders, or one run folder: then only that one is shown."""
        self.only = parent.name if (parent / "config.toml").is_file() else None
        self.parent = parent.resolve().parent if self.only else parent.resolve()
        if self.only:
            self.only = parent.resolve().name
        self._read: dict[str, _Read] = {}
        self._turn = Lock()

    def names(self) -> list[str]:
        """Return the names of the runs, newest first."""
        if self.only:
            return [self.only]
        found = (path.parent.name for path in self.parent.glob("*/config.toml"))
        return sorted((name for name in found if NAME.fullmatch(name)), reverse=True)

    def open(self, name: str) -> Book:
        """Return a run with all that its journal says by now. Raises InputError, RunBrokenError."""
        read = self._known(name)
        with read.turn:
            read.go_on()
            live = None if read.archive.finished else read_live(read.run.folder)
            return Book(
                name, read.run, read.archive, live, read_opinions(read.run.folder), read.began_s, read.latest_s,
                tuple(read.progress),
            )  # fmt: skip

    def try_open(self, name: str) -> Book | str:
        """Return a run, or in one sentence why it can't be read."""
        try:
            return self.open(name)
        except DesignerError as error:
            return str(error)

    def _known(self, name: str) -> _Read:
        with self._turn:
            if name not in self._read:
                folder = self.parent / name
                if not NAME.fullmatch(name) or (self.only and name != self.only) or folder.is_symlink():
                    raise InputError(f"there is no run {name!r} here.")
                self._read[name] = _Read(open_run(folder))
            return self._read[name]
