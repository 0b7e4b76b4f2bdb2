"""What is asked of a container engine, and Docker's answers through docker-py. Every refusal is a SandboxError."""

from __future__ import annotations

import os
import socket
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from designer.errors import EngineAbsentError, SandboxError

if TYPE_CHECKING:
    from docker import APIClient

TIMEOUT_S = 60.0
ENDED = ("exited", "dead", "created")


class About(NamedTuple):
    """What an engine says of itself."""

    name: str
    version: str
    runtime: str


class Kept(NamedTuple):
    """A container that an engine holds."""

    id: str
    labels: Mapping[str, str]
    state: str


class Line(Protocol):
    """The line to a container: what it writes comes out of it, its standard input ends when it is closed."""

    def fileno(self) -> int: ...

    def close(self) -> None: ...


class Engine(Protocol):
    """Makes containers. Every method raises SandboxError where the engine is gone or refuses."""

    address: str

    def about(self) -> About:
        """Ask the engine what it is: so this is how to see that it answers."""
        ...

    def has_image(self, reference: str) -> bool: ...

    def create(self, image: str, command: Sequence[str], settings: Mapping[str, Any], config: Mapping[str, Any]) -> str:
        """Make a container, not started, and return its id.

        settings: of the host's side, as docker-py's `create_host_config` names them. config: of the container's.
        """
        ...

    def attach(self, container: str) -> Line: ...

    def start(self, container: str) -> None: ...

    def kill(self, container: str) -> None:
        """Kill a container; nothing happens where it has ended."""
        ...

    def remove(self, container: str) -> None:
        """Kill and remove a container; nothing happens where it is gone."""
        ...

    def containers(self, label: str) -> list[Kept]:
        """Return all containers that have a label."""
        ...

    def build(self, context: IO[bytes], tag: str, arguments: Mapping[str, str], network: str | None) -> Iterator[str]:
        """Build an image from a tar of its files; yield what the engine says."""
        ...


class DockerEngine:
    """Docker, or whatever speaks its API at an address such as unix:///run/user/1000/podman/podman.sock."""

    def __init__(self, address: str | None = None) -> None:
        """`address`: not given, $DOCKER_HOST or Docker's own socket."""
        from docker.utils import kwargs_from_env

        found = kwargs_from_env()
        self.address = address or found.get("base_url") or "unix:///var/run/docker.sock"
        self._tls = found.get("tls", False) if self.address == found.get("base_url") else False
        self._opened: APIClient | None = None

    def _client(self) -> APIClient:
        if self._opened is None:
            from docker import APIClient

            _knock(self.address)
            self._opened = APIClient(base_url=self.address, tls=self._tls, version="auto", timeout=TIMEOUT_S)
            weakref.finalize(self, self._opened.close)
        return self._opened

    def about(self) -> About:
        with self._asked("answer"):
            said, more = self._client().version(), self._client().info()
        parts = [part.get("Name", "") for part in said.get("Components") or ()]
        name = "podman" if any(part.startswith("Podman") for part in parts) else "docker"
        return About(name, str(said.get("Version", "")), str(more.get("DefaultRuntime") or "its default runtime"))

    def has_image(self, reference: str) -> bool:
        from docker.errors import ImageNotFound

        with self._asked(f"look for the image {reference}"):
            try:
                self._client().inspect_image(reference)
            except ImageNotFound:
                return False
        return True

    def create(self, image: str, command: Sequence[str], settings: Mapping[str, Any], config: Mapping[str, Any]) -> str:
        with self._asked("make a container"):
            host = self._client().create_host_config(**settings)
            # Not detached and with standard input: the input is closed when the one who attached goes away.
            made = self._client().create_container(image, list(command), stdin_open=True, host_config=host, **config)
        return str(made["Id"])

    def attach(self, container: str) -> Line:
        with self._asked("attach to a container"):
            line: Line = self._client().attach_socket(container, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        return line

    def start(self, container: str) -> None:
        with self._asked("start a container"):
            self._client().start(container)

    def kill(self, container: str) -> None:
        from docker.errors import APIError

        with self._asked("kill a container"):
            try:
                self._client().kill(container)
            except APIError as error:
                if error.status_code not in (404, 409):  # gone, or no longer running
                    raise

    def remove(self, container: str) -> None:
        from docker.errors import APIError

        with self._asked("remove a container"):
            try:
                self._client().remove_container(container, force=True, v=True)
            except APIError as error:
                if error.status_code not in (404, 409):  # gone, or going
                    raise

    def containers(self, label: str) -> list[Kept]:
        with self._asked("list containers"):
            found = self._client().containers(all=True, filters={"label": label})
        return [Kept(kept["Id"], kept["Labels"] or {}, kept["State"]) for kept in found]

    def build(self, context: IO[bytes], tag: str, arguments: Mapping[str, str], network: str | None) -> Iterator[str]:
        with self._asked("build an image"):
            said = self._client().build(
                fileobj=context, custom_context=True, encoding="gzip", tag=tag, rm=True, forcerm=True, decode=True,
                buildargs=dict(arguments), network_mode=network, timeout=3600,
            )  # fmt: skip
            for line in said:
                if "error" in line:
                    raise SandboxError(f"the image {tag} can't be built: {line['error'].strip()}")
                yield line.get("stream", "").rstrip()

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Turn what docker-py and the connection below it raise into a SandboxError."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            yield
        except APIError as error:
            raise SandboxError(f"the engine at {self.address} refused to {what}: {error.explanation or error}.") from error
        except (DockerException, RequestException, OSError) as error:
            raise EngineAbsentError(f"no engine could {what} at {self.address}: {_inner(error)}.") from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens at a socket of this machine: docker-py would leave its own half open."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(address.removeprefix("unix://"))


def _inner(error: BaseException) -> str:
    """Return the innermost cause: what wraps it says it three times over."""
    seen = error
    while seen.__cause__ or seen.__context__:
        seen = seen.__cause__ or seen.__context__ or seen
    return str(seen) or type(seen).__name__


def close(line: Line) -> None:
    """Close a line for both sides: docker-py's is a file object, which leaves its socket open when it is closed."""
    below = getattr(line, "_sock", None)
    with suppress(OSError), socket.socket(fileno=os.dup(line.fileno())) as own:
        own.shutdown(socket.SHUT_RDWR)
    line.close()
    if below is not None:
        below.close()
