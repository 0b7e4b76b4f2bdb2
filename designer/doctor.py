"""`designer doctor`: is everything there that a run needs?"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from designer.addresses import without_secret
from designer.assemble import describe, slots
from designer.clusters import is_on_a_cluster, told_offer
from designer.config import Config
from designer.errors import DesignerError
from designer.executors.devices import present
from designer.executors.engine import DockerEngine
from designer.files import write_atomically
from designer.modelling import base_url
from designer.sandboxes import AUTO, choose, docker_provider, worker_python
from designer.world_source import WorldSource

MIN_FREE_BYTES = 2 * 1024**3


class Finding(NamedTuple):
    """One thing that was looked at. A missing optional thing stops nothing."""

    what: str
    found: str
    fine: bool
    optional: bool = False


def examine(config: Config) -> list[Finding]:
    """Look at the worker, the engine, the cluster where one is named, the sandbox, the model's settings and the disk."""
    boxes = [_cluster(config)] if is_on_a_cluster(config) else [_worker(config), _engine(config), _image(config)]
    return [*boxes, *_sandbox(config), _model(config), _disk(Path.cwd()), _slots(config), *_gpus(config)]


def _cluster(config: Config) -> Finding:
    try:
        return Finding(f"cluster ({config.executor.backend})", told_offer(config), True)
    except DesignerError as error:
        return Finding(f"cluster ({config.executor.backend})", str(error), False)


def _worker(config: Config) -> Finding:
    try:
        return Finding("worker environment", str(worker_python(config)), True)
    except DesignerError as error:
        return Finding("worker environment", str(error), False)


def engine_answers(config: Config) -> bool:
    """Say whether a container engine answers."""
    return _engine(config).fine


def _engine(config: Config) -> Finding:
    try:
        engine = DockerEngine(config.sandbox.docker_host)
        about = engine.about()
    except DesignerError as error:
        return Finding("container engine", str(error), False, optional=True)
    return Finding("container engine", f"{about.name} {about.version} ({about.runtime}) at {engine.address}", True)


def _image(config: Config) -> Finding:
    try:
        provider = docker_provider(config)
        if provider.engine.has_image(provider.image.reference):
            return Finding("container image", provider.image.reference, True)
        found = f"{provider.image.reference} is not built. Type: designer image build {config.worker.environment}"
    except DesignerError as error:
        found = f"not known: {error}"
    return Finding("container image", found, False, optional=True)


def _sandbox(config: Config) -> list[Finding]:
    """Choose a sandbox as a run would, and let a box of it describe a world."""
    what = "sandbox" if config.sandbox.provider != AUTO else "sandbox (auto)"
    try:
        choice = choose(config)
        table = describe(WorldSource("half_cheetah"), choice.config, anew=True)
    except DesignerError as error:
        return [Finding(what, str(error), False)]
    passed = "".join(f"; not used: {reason}" for reason in choice.passed_over)
    works = f"a box ran and described {table.gymnasium_id} ({len(table.fields)} fields)"
    return [Finding(what, f"{choice.config.sandbox.provider} ({choice.walls}): {works}{passed}", True)]


def _model(config: Config) -> Finding:
    key = "OPENAI_API_KEY is set" if os.environ.get("OPENAI_API_KEY") else "OPENAI_API_KEY is not set"
    asked = config.llm.model or "no model asked for: the composer proposes"
    endpoint = without_secret(base_url(config.llm.base_url))
    return Finding("language model", f"{asked}; endpoint {endpoint}; {key}", True, optional=True)


def _disk(folder: Path) -> Finding:
    try:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            write_atomically(Path(scratch) / "probe", b"written")
    except (OSError, DesignerError) as error:
        return Finding("disk", f"{folder} can't be written: {error}", False)
    free = shutil.disk_usage(folder).free
    return Finding("disk", f"{free / 1024**3:.0f} GiB free in {folder}", free > MIN_FREE_BYTES)


def _slots(config: Config) -> Finding:
    try:
        return Finding("boxes at once", str(slots(config)), True)
    except DesignerError as error:
        return Finding("boxes at once", str(error), False)


def _gpus(config: Config) -> list[Finding]:
    """Say which GPUs this machine's trainings would be pinned to, where any are asked for."""
    wanted = config.executor.gpus_per_job
    if not wanted or is_on_a_cluster(config):
        return []
    found = present(os.environ)
    return [Finding("GPUs", f"{', '.join(found) or 'none'}; a training sees {wanted:g}", len(found) >= wanted)]
