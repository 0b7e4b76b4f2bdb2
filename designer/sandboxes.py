"""Which sandbox the boxes of a run are made of: what there is, what `auto` takes, and why."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from designer.clusters import cluster_provider, is_on_a_cluster
from designer.config import Config
from designer.environments import environment_python
from designer.errors import ConfigError, EngineAbsentError, MachineError, SandboxError, WorkerMissingError, did_you_mean
from designer.executors import Executor, Job, JobResult, Progress
from designer.executors.docker import DEFAULT, Docker, Image, Options, leftovers
from designer.executors.embedded import Embedded
from designer.executors.engine import DockerEngine, Engine
from designer.executors.provider import Provider
from designer.executors.remote import Say
from designer.images import image_tag
from designer.runs import stage_worker_code
from designer.scratch import scratch_folder

AUTO, DOCKER, EMBEDDED, NONE = "auto", "docker", "embedded", "none"
KNOWN = (AUTO, DOCKER, EMBEDDED, NONE)
UNSAFE = "unsafe"
UNSAFE_FLAG = "--i-know-this-is-unsafe"


class EmbeddedProvider:
    """Boxes made of what the kernel offers."""

    name = EMBEDDED
    isolates = True

    def __init__(self, python: Callable[[], Path]) -> None:
        self._python = python

    def executor(self, code: Path) -> Executor:
        return Embedded(self._python(), code)

    def broken(self, code: Path) -> Mapping[str, Executor]:
        return {"an interpreter": Embedded(code / "no-such-python", code)}

    def leftovers(self) -> Sequence[str]:
        return ()


class Unwalled(Embedded):
    """Boxes without walls: limits and an environment of their own, nothing else."""

    name = "none"

    def __init__(self, python: Path, code: Path) -> None:
        super().__init__(python, code, unsafe=True)

    def walls(self) -> str:
        super().walls()
        return UNSAFE

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        return super().run(job, folder, progress)._replace(walls=UNSAFE)


class NoneProvider(EmbeddedProvider):
    """No sandbox: for a person who trusts every reward, or has a sandbox around everything."""

    name = NONE
    isolates = False

    def executor(self, code: Path) -> Executor:
        return Unwalled(self._python(), code)

    def broken(self, code: Path) -> Mapping[str, Executor]:
        return {"an interpreter": Unwalled(code / "no-such-python", code)}


class DockerProvider:
    """Containers of an engine that speaks Docker's API."""

    name = DOCKER
    isolates = True

    def __init__(self, engine: Engine, image: Image, options: Options = DEFAULT) -> None:
        self.engine, self.image = engine, image
        self._options = options

    def executor(self, code: Path) -> Executor:
        return Docker(self.engine, self.image, code, self._options)

    def broken(self, code: Path) -> Mapping[str, Executor]:
        nowhere = DockerEngine(f"unix://{code}/no-such-engine.sock")
        return {
            "an engine": Docker(nowhere, self.image, code, self._options),
            "an image": Docker(self.engine, self.image._replace(reference="designer-no-such:image"), code, self._options),
            "an interpreter": Docker(self.engine, self.image._replace(python="/no/such/python"), code, self._options),
            "a runtime": Docker(self.engine, self.image, code, self._options._replace(runtime="no-such-runtime")),
        }

    def leftovers(self) -> Sequence[str]:
        return leftovers(self.engine)


def worker_python(config: Config) -> Path:
    """Return the interpreter that embedded boxes run. Raises WorkerMissingError, which says how to build one."""
    chosen = config.worker.python
    if chosen is None:
        return environment_python(config.worker.environment)
    if not chosen.is_file() or not os.access(chosen, os.X_OK):
        raise WorkerMissingError(f"worker.python = {chosen} is not a program. Name a Python that has torch and mujoco.")
    return chosen.absolute()


def provider_of(config: Config, say: Say = lambda line: None) -> Provider:
    """Return the provider that a config names; for `auto`, the one that it would take. Raises ConfigError, SandboxError."""
    name = config.sandbox.provider
    if name == AUTO:
        return provider_of(choose(config).config, say)
    if is_on_a_cluster(config):
        return cluster_provider(config, say)
    if name == DOCKER:
        return docker_provider(config)
    if name in (EMBEDDED, NONE):
        return (EmbeddedProvider if name == EMBEDDED else NoneProvider)(lambda: worker_python(config))
    if ":" in name:
        return _third_party(name, config)
    raise ConfigError(
        f"sandbox.provider = {name!r} is not known.{did_you_mean(name, KNOWN)} It is {', '.join(KNOWN)}, or module:name."
    )


def docker_provider(config: Config) -> DockerProvider:
    """Return Docker's provider with the engine, the image and the options that a config names."""
    sandbox = config.sandbox
    image = Image(sandbox.image or image_tag(config.worker.environment, sandbox.base))
    return DockerProvider(DockerEngine(sandbox.docker_host), image, Options(sandbox.runtime, sandbox.gpu))


def _third_party(name: str, config: Config) -> Provider:
    module, _, attribute = name.partition(":")
    try:
        made: Provider = getattr(importlib.import_module(module), attribute)(config)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"sandbox.provider = {name!r} can't be imported: {error}. Is it installed in this Python?") from error
    return made


Try = Callable[[str, Config], "Choice"]
"""Tries a sandbox by its name, with a config that names it. Raises MachineError where it doesn't work."""


class Choice(NamedTuple):
    """What was chosen. config: as it was, with the provider's own name for `auto`, and docker's image.

    walls: what stands around its boxes. passed_over: why a stronger one was not taken.
    """

    config: Config
    walls: str
    passed_over: tuple[str, ...] = ()


def choose(config: Config, tried: Try | None = None) -> Choice:
    """Settle on a sandbox that works: the one named; for `auto` docker, else embedded. Raises SandboxError with what to do."""
    tried = tried or _tried
    if config.sandbox.provider != AUTO:
        return _named(config, tried)
    refusals: list[str] = []
    for name in (DOCKER, EMBEDDED):
        try:
            return tried(name, _with(config, provider=name))._replace(passed_over=tuple(refusals))
        except MachineError as error:
            refusals.append(f"{name}: {error}")
    whys = "".join(f"\n  {refusal}" for refusal in refusals)
    raise SandboxError(f"no sandbox can be used here, and nothing is run without one.{whys}")


def _named(config: Config, tried: Try) -> Choice:
    """Take the sandbox that was named, or none. Raises SandboxError."""
    try:
        return tried(config.sandbox.provider, config)
    except EngineAbsentError as error:
        raise SandboxError(
            f"{error} Start a container engine (Docker, or Podman's socket), name its address in $DOCKER_HOST, or use the "
            "walls of this machine's own kernel: --sandbox.provider embedded."
        ) from error


def _tried(name: str, config: Config) -> Choice:
    """Start a box that does nothing. Raises MachineError where it can't, or a wall doesn't stand."""
    provider = provider_of(config)
    with scratch_folder() as scratch:
        stage_worker_code(scratch / "code")
        walls = provider.executor(scratch / "code").walls()
    if isinstance(provider, DockerProvider):
        config = _with(config, image=provider.image.reference)
    return Choice(config, walls)


def _with(config: Config, **changes: str) -> Config:
    return config.model_copy(update={"sandbox": config.sandbox.model_copy(update=changes)})


def require_consent(config: Config, consents: bool) -> None:
    """Refuse to run without a sandbox unless a person typed that they know. Raises ConfigError."""
    if config.sandbox.provider == NONE and not consents:
        raise ConfigError(
            "sandbox.provider = none runs code that a model wrote with all your rights: it can read your files, use your "
            f"keys and the network. If that is what you want, add {UNSAFE_FLAG}."
        )
    if consents and config.sandbox.provider != NONE:
        raise ConfigError(f"{UNSAFE_FLAG} goes with --sandbox.provider none only; this is {config.sandbox.provider}.")
