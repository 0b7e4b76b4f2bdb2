"""Temporary folders that don't outlive their process: a shell waits for its end to remove them, a sweep at the next start is
for where that shell was killed too.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from designer.files import disk_error

PREFIX = "designer-scratch-"
NEW_S = 10.0
# Waits for the end of its input, which comes when this process has ended, however it did. The second call is for what
# a box, ending at the same time, wrote during the first.
REMOVE = 'read -r _; rm -rf -- "$1"; if [ -e "$1" ]; then sleep 0.5; rm -rf -- "$1"; fi'


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give an empty folder that goes away with the block. Raises DiskError."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        raise disk_error(Path(tempfile.gettempdir()), error) from error
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)  # the kernel lets go of it when this process ends, however it ends
        with _removed_at_the_end(folder):
            yield folder
    finally:
        os.close(held)


@contextmanager
def _removed_at_the_end(folder: Path) -> Iterator[None]:
    """Remove a folder at the end of the block, or of this process. A session of its own keeps Ctrl-C from the shell."""
    with subprocess.Popen(
        ["/bin/sh", "-c", REMOVE, "sh", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ):
        try:
            yield
        finally:
            remove(folder)


def sweep(now: float | None = None) -> None:
    """Remove the folders of this user that no living process holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            found = folder.lstat()
            # One that is younger may be about to be locked.
            if found.st_uid != os.getuid() or (now or time.time()) - found.st_mtime < NEW_S:
                continue
            held = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(folder)
            finally:
                os.close(held)


def remove(folder: Path) -> None:
    """Remove a folder as far as it goes, also where a box took rights away from itself."""
    with suppress(OSError, RecursionError):
        for inner in (folder, *folder.iterdir()):
            if inner.is_dir() and not inner.is_symlink():
                inner.chmod(0o700)
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
