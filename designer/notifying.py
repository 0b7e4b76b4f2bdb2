"""Tell somebody that a run has ended: a command of theirs gets the verdict, or why it stopped, on standard input."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from designer.errors import ConfigError
from designer.text import one_line

VARIABLE = "DESIGNER_NOTIFY"
LONGEST_S = 60.0
End = Literal["finished", "stopped"]
Say = Callable[[str], None]


class Notifier:
    """Runs a command at a run's end: no shell, at most a minute, and nothing of what it does can fail the run.

    The command finds the run's folder in DESIGNER_RUN and `finished` or `stopped` in DESIGNER_END.
    """

    def __init__(self, command: str, say: Say, limit_s: float = LONGEST_S) -> None:
        """Raises ConfigError where the command can't be split into words."""
        try:
            self._argv = shlex.split(command)
        except ValueError as error:
            raise ConfigError(f"--notify {command!r} can't be read: {error}. Quote it as for a shell.") from None
        self._say = say
        self._limit_s = limit_s

    def tell(self, folder: Path, end: End, text: str) -> None:
        """Hand the command a run's last words. Whatever goes wrong becomes a line."""
        if not self._argv:
            return
        variables = {**os.environ, "DESIGNER_RUN": str(folder.resolve()), "DESIGNER_END": end}
        try:
            ended = subprocess.run(
                self._argv,
                input=text.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=variables,
                timeout=self._limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            self._say(f"the notifier {self._argv[0]} was ended after {self._limit_s:.0f} s.")
        except OSError as error:
            self._say(f"the notifier {self._argv[0]} can't be started: {error.strerror or error}.")
        else:
            if ended.returncode:
                words = one_line(ended.stderr.decode("utf-8", errors="replace"), 200)
                self._say(f"the notifier {self._argv[0]} ended with {ended.returncode}{': ' + words if words else ''}.")


def command_from(typed: str | None) -> str:
    """Return the command: as typed, else from the environment, else none. It is stored nowhere: it may hold an address."""
    return os.environ.get(VARIABLE, "") if typed is None else typed
