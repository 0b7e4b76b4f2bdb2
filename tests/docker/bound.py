"""Docker without a registry: an empty image with this machine's interpreter bound in read-only, to test every run flag.

`sandbox.provider = tests.docker.bound:provider` examines it like any third party's. The image takes 0.1 s to make.
"""

from __future__ import annotations

import io
import sys
import tarfile
from contextlib import closing
from pathlib import Path

from designer.config import Config
from designer.executors.docker import Image, Options
from designer.executors.engine import DockerEngine
from designer.sandboxes import DockerProvider, worker_python

REFERENCE = "designer-bound:empty"
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64")


def provider(config: Config) -> DockerProvider:
    """Return Docker with the worker's interpreter of this machine in an empty image."""
    engine = DockerEngine(config.sandbox.docker_host)
    if not engine.has_image(REFERENCE):
        make_image(engine)
    image = Image(REFERENCE, str(worker_python(config)), binds(worker_python(config)))
    return DockerProvider(engine, image, Options(config.sandbox.runtime, config.sandbox.gpu))


def binds(python: Path) -> tuple[str, ...]:
    """Return the folders of this machine that an interpreter needs: the system's, its own, and what it was made from."""
    installed = python.resolve().parent.parent
    wanted = [*(Path(path) for path in SYSTEM), python.parent.parent, installed, Path(sys.base_prefix)]
    folders = sorted({path for path in wanted if path.exists()})
    return tuple(str(path) for path in folders if not any(other in path.parents for other in folders))


def make_image(engine: DockerEngine) -> None:
    """Make an image with nothing in it."""
    from docker import APIClient

    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    repository, _, tag = REFERENCE.partition(":")
    with closing(APIClient(base_url=engine.address)) as client:
        client.import_image_from_data(empty.getvalue(), repository=repository, tag=tag)
