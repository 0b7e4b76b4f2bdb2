"""What lies, listens and lives around a box, to show whether an attack reached it. Each attack gets a set of its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KEY_VARIABLE = "DESIGNER_CANARY_API_KEY"
GONE_WITHIN_S = 2.0
SHARED = ("/tmp", "/dev/shm")


@contextlib.contextmanager
def planted_key() -> Iterator[str]:
    """Put a key into this process's environment, as a user's API key would be there."""
    token = f"sk-canary-{secrets.token_hex(12)}"
    os.environ[KEY_VARIABLE] = token
    try:
        yield token
    finally:
        del os.environ[KEY_VARIABLE]


class Canaries:
    """Files, sockets and a process outside a box. `told` is what a snippet may know: where they are, never the secret."""

    def __init__(self, folder: Path, job: Path, key: str) -> None:
        self.token = secrets.token_hex(16)
        self.key = key
        self._folder = folder
        self._job = job
        self._stack = contextlib.ExitStack()
        self._plant_files()
        # A process of the same user, with the secret in its environment: what a database or an editor would be.
        victim = subprocess.Popen(
            ["sleep", "300"], env={"SECRET_KEY": self.token, "PATH": os.defpath}, stdin=subprocess.DEVNULL
        )
        self._victim = victim
        self._stack.callback(self._end_victim)
        self._sockets = {
            "tcp": self._listening(socket.AF_INET, ("127.0.0.1", 0)),
            "udp": self._listening(socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM),
            "unix": self._listening(socket.AF_UNIX, str(folder / "s")),
            "abstract": self._listening(socket.AF_UNIX, f"\0canary-{self.token[:8]}"),
        }
        self._left_open = os.open(folder / "secret-canary.txt", os.O_RDONLY)
        os.set_inheritable(self._left_open, True)
        self._stack.callback(os.close, self._left_open)
        # In folders of the machine's that everybody may write; a box may have folders of these names for itself.
        self._shared = [Path(place, f"left-by-{self.token[:8]}") for place in SHARED]
        self._before = self._state()
        self.told: dict[str, Any] = {
            "folder": str(folder),
            "secret": str(folder / "secret-canary.txt"),
            "home": str(folder / "home"),
            "run": str(folder / "runs" / "other"),
            "job": str(job),
            "victim": victim.pid,
            "host": victim.pid,
            "tcp": self._sockets["tcp"].getsockname()[1],
            "udp": self._sockets["udp"].getsockname()[1],
            "socket": str(folder / "s"),
            "abstract": f"canary-{self.token[:8]}",
            "shared": [str(path) for path in self._shared],
        }

    def __enter__(self) -> Canaries:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _plant_files(self) -> None:
        for name in (
            "secret-canary.txt",
            "home/.ssh/id_ed25519",
            "home/.env",
            "runs/other/journal.jsonl",
            "runs/other/reward.py",
        ):
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{self.token}\n")
        (self._job.parent.parent / "neighbour.txt").write_text(f"{self.token}\n")

    def _listening(self, family: int, address: Any, kind: int = socket.SOCK_STREAM) -> socket.socket:
        listener = self._stack.enter_context(socket.socket(family, kind))
        listener.bind(address)
        listener.setblocking(False)
        if kind == socket.SOCK_STREAM:
            listener.listen(8)
        return listener

    def _end_victim(self) -> None:
        self._victim.kill()
        self._victim.wait()

    def _state(self) -> dict[str, str]:
        """Return what every file around the box is: its kind, its mode and a hash."""
        return {str(path): _described(path) for path in sorted(self._folder.rglob("*"))}

    def reached(self) -> Iterator[str]:
        """Say what the canaries show."""
        after = self._state()
        changed = sorted(path for path in self._before.keys() | after.keys() if self._before.get(path) != after.get(path))
        if changed:
            yield f"changed {', '.join(Path(path).name for path in changed)}"
        for path in self._shared:
            if path.exists():
                path.unlink()
                yield f"wrote {path}"
        if self._victim.poll() is not None:
            yield "another process was killed"
        for name, listener in self._sockets.items():
            with contextlib.suppress(BlockingIOError):
                if name == "udp":
                    listener.recvfrom(100)
                else:
                    listener.accept()[0].close()
                yield f"the {name} listener was reached"
        deadline = time.monotonic() + GONE_WITHIN_S
        while left := _processes_of(self._job):
            if time.monotonic() > deadline:
                yield f"{len(left)} processes were left behind"
                break
            time.sleep(0.02)


def _described(path: Path) -> str:
    found = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
    return f"{found.st_mode:o} {found.st_nlink if path.is_file() else 0} {content}"


def _processes_of(folder: Path) -> list[int]:
    """List the processes whose command line names a job's folder: a worker and what it forked."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found
