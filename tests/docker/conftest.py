"""These tests need a container engine. `scripts/ci_docker.sh` starts one; elsewhere they are skipped, and say so."""

from __future__ import annotations

import os

import pytest

from designer.config import Config
from designer.errors import SandboxError
from designer.executors.engine import DockerEngine
from designer.sandboxes import DockerProvider
from tests.docker.bound import provider

NEEDED = "DESIGNER_NEEDS_ENGINE"
"""Set by scripts/ci_docker.sh, where a missing engine is a failure."""


@pytest.fixture(scope="session")
def docker() -> DockerProvider:
    """Docker, with this machine's worker environment bound into an empty image."""
    try:
        DockerEngine().about()
    except SandboxError as error:
        if os.environ.get(NEEDED):
            raise
        pytest.skip(f"{error} `sudo sh scripts/ci_docker.sh` starts an engine and runs this.")
    return provider(Config())
