"""The image of a worker environment: what goes into it, the tag that says so, and how an engine builds it."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from designer.bundle import bundle_root
from designer.environments import environment_recipe
from designer.errors import WorkerMissingError
from designer.executors.engine import Engine

INSTALLER = ("__init__.py", "errors.py", "venvs.py")
WHEELS = "wheels"
OWN_LINES = ("Step ", "  installing", "  downloading", "  compiling", "  done")


class Source(NamedTuple):
    """Where an image's packages come from.

    wheels: a folder with all of the lock's wheels, for a build without an index. network: the engine's, such as host.
    """

    wheels: Path | None = None
    network: str | None = None


def image_tag(environment: str, base: str, ingredients: Mapping[str, bytes] | None = None) -> str:
    """Return the name of an environment's image: a hash of all that is asked for, so that none of another making is taken.

    Packages are pinned by their hashes; of the base, and of its system packages, it is the name. `ingredients`: the files
    that go in, not given: the environment's own.
    """
    whole = hashlib.sha256(base.encode())
    for name, content in sorted((ingredients or _ingredients(environment)).items()):
        whole.update(f"\0{name}\0{hashlib.sha256(content).hexdigest()}".encode())
    return f"designer-{environment}:{whole.hexdigest()[:12]}"


def _ingredients(environment: str) -> dict[str, bytes]:
    """Return the files that an image is built from, by their names in the context."""
    recipe = environment_recipe(environment)
    package = Path(__file__).parent
    locks = {"common.lock": recipe.locks[0], "cpu.lock": recipe.cpu, "cuda.lock": recipe.cuda}
    return {
        "Dockerfile": (bundle_root() / "sandbox" / "Dockerfile").read_bytes(),
        **{f"designer/{name}": (package / name).read_bytes() for name in INSTALLER},
        **{f"locks/{name}": lock.read_bytes() if lock else b"" for name, lock in locks.items()},
    }


def build_image(engine: Engine, environment: str, base: str, source: Source, say: Callable[[str], None]) -> str:
    """Build an environment's image, unless it is there, and return its name. Raises SandboxError, WorkerMissingError."""
    tag = image_tag(environment, base)
    if engine.has_image(tag):
        say(f"The image {tag} is there.")
        return tag
    say(f"Building the image {tag} from {base} (some minutes, about 2 GB, once) ...")
    arguments = {"BASE": base, **({"PIP_NO_INDEX": "1"} if source.wheels else {})}
    with tempfile.TemporaryFile() as context:
        _pack(context, _ingredients(environment), source.wheels)
        for line in engine.build(context, tag, arguments, source.network):
            if line.startswith(OWN_LINES):
                say(f"  {line.strip()}")
    return tag


def _pack(context: IO[bytes], ingredients: dict[str, bytes], wheels: Path | None) -> None:
    """Write the build's files as a compressed tar, and go back to its start."""
    with gzip.GzipFile(fileobj=context, mode="wb", compresslevel=1) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in [*ingredients.items(), (f"{WHEELS}/README", b"Wheels to install from, if any.\n")]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
        for wheel in _wheels(wheels):
            tar.add(wheel, f"{WHEELS}/{wheel.name}")
    context.seek(0)


def _wheels(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        return
    found = sorted(folder.glob("*.whl"))
    if not found:
        raise WorkerMissingError(f"{folder} holds no wheels. Fill it with `pip download`, or leave out --wheels.")
    yield from found
