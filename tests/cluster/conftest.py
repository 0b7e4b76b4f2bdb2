"""These tests need the extras `ray` and `slurm`, which are in no default environment: `.ci/run` has a stage with both."""

from __future__ import annotations

import importlib.util
import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.local_slurm import POSTS

NEEDED = "DESIGNER_NEEDS_CLUSTERS"
"""Set by `.ci/run`, where a missing extra is a failure."""
STORE_BYTES = 100 * 1024**2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/cluster" in str(item.path):
            item.add_marker(pytest.mark.filterwarnings("ignore"))  # Ray's and submitit's own


def require(extra: str, package: str) -> None:
    if importlib.util.find_spec(package) is None and not os.environ.get(NEEDED):
        pytest.skip(f"the extra `{extra}` is not installed")


@pytest.fixture(scope="session")
def ray_nodes() -> Iterator[Any]:
    """A Ray cluster of three nodes on this machine, one CPU each, with token authentication."""
    require("ray", "ray")
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_USAGE_STATS_ENABLED="0")
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    yield cluster
    import ray

    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="session")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder for the posts of submitit's local queue."""
    require("slurm", "submitit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(POSTS, str(tmp_path_factory.mktemp("posts")))
        yield


def nodes_alive() -> int:
    """Count the nodes that the Ray cluster takes for alive."""
    import ray

    return sum(node["Alive"] for node in ray.nodes())


def wait_until(holds: Any, seconds: float = 60.0) -> None:
    """Wait until something holds; fail where it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
