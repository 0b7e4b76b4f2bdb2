"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from designer.errors import DiskError

FULL = (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, content: bytes | str, *, durable: bool = True) -> None:
    """Write a file through a temporary one: written, synced, renamed. Raises DiskError.

    durable: whether it must survive a power cut. Waiting for the disk takes tens of milliseconds on a slow one: what is made
    anew with its job, or is only for people to read, doesn't ask for it.
    """
    payload = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(payload)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise disk_error(path, error) from error


def link_or_copy(original: Path, path: Path) -> None:
    """Give a file a second name, or a copy where the file system has no links. Raises DiskError."""
    try:
        try:
            os.link(original, path)
        except OSError:
            shutil.copyfile(original, path)
    except OSError as error:
        raise disk_error(path, error) from error


def disk_error(path: Path, error: OSError) -> DiskError:
    """Say in one sentence what the disk refuses, and what to do."""
    if error.errno in FULL:
        return DiskError(f"the disk is full: {path} can't be written. Free some space and try again.")
    if error.errno == errno.EROFS:
        return DiskError(f"{path} can't be written: the file system is read-only. Choose another folder with --runs.")
    return DiskError(f"{path} can't be written: {error.strerror or error}.")


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
