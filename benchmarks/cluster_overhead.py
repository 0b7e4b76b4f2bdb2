"""What a cluster's scheduling adds to a job: the same empty job by the local executor, as a Ray task and as a Slurm job.

    python -m benchmarks.cluster_overhead [REPEATS]

Needs the extras `ray` and `slurm`. Ray is a cluster of one node on this machine, with token authentication; Slurm's executor is
the real one over submitit's local queue, so what a site's own Slurm takes to begin a job comes on top. The job does nothing and
sends 100 KB, as much as a policy; it is cold (a box of its own) or warm (a fork of a process that is ready), as it would be.
The three take turns, the first turn of each isn't counted, and differences are taken within a turn.
"""

from __future__ import annotations

import argparse
import os
import platform
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from designer import __version__
from designer.config import Config
from designer.executors import Executor
from designer.executors.conformance import Bench, job
from designer.executors.embedded import Embedded
from designer.executors.provider import Provider
from designer.records import Status
from designer.sandboxes import provider_of, worker_python
from tests.cluster import local_slurm

SENDS = "output.progress(share=1.0)\noutput.write('policy.safetensors', b'x' * 100_000)\noutput.result('ok')\n"
TRAINING_S = 30.0
"""A small training, to hold an overhead against: the recorded ones take 9 to 47 s."""


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repeats", type=int, nargs="?", default=10)
    repeats = parser.parse_args().repeats
    versions = f"Ray {version('ray')}, submitit {version('submitit')}, designer {__version__}"
    print(
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, {versions}, ", end=""
    )
    print(f"{repeats} repeats, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory(prefix="cluster-overhead-") as scratch, ray_node() as address:
        os.environ[local_slurm.POSTS] = str(Path(scratch) / "posts")
        took = timed(ways(address, Path(scratch)), repeats, Path(scratch))
    print(f"| a job | ms, median (least to most) | beyond local, ms | times local | of a training of {TRAINING_S:.0f} s |")
    print("|---|---|---|---|---|")
    for name, seconds in took.items():
        print(row(name, seconds, took["local, warm" if "warm" in name else "local, cold"]))


@contextmanager
def ray_node() -> Iterator[str]:
    """Give the address of a Ray cluster of one node."""
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_USAGE_STATS_ENABLED="0")
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()


def ways(address: str, scratch: Path) -> Mapping[str, Executor]:
    """Return the executors by what they are called here."""
    embedded = Config.model_validate({"sandbox": {"provider": "embedded"}})
    on_ray = Config.model_validate({"sandbox": {"provider": "embedded"}, "executor": {"backend": "ray", "address": address}})

    def made(provider: Provider, name: str) -> tuple[Provider, Path]:
        return provider, Bench(provider, embedded, scratch / name).code(SENDS)

    local, code = made(provider_of(embedded), "local")
    ray, ray_code = made(provider_of(on_ray), "ray")
    slurm, slurm_code = made(local_slurm.provider(embedded), "slurm")
    return {
        "local, cold": Embedded(worker_python(embedded), code, warm=False),
        "local, warm": local.executor(code),
        "Ray, warm": ray.executor(ray_code),
        "Slurm's executor, cold": slurm.executor(slurm_code),
    }


def timed(executors: Mapping[str, Executor], repeats: int, scratch: Path) -> Mapping[str, Sequence[float]]:
    """Return how long each job took [s], turn by turn."""
    took: dict[str, list[float]] = {name: [] for name in executors}
    for turn in range(repeats + 1):
        for name, executor in executors.items():
            began = time.perf_counter()
            ended = executor.run(job(), scratch / f"{name} {turn}", lambda _: None)
            seconds = time.perf_counter() - began
            if ended.status is not Status.OK:
                raise SystemExit(f"{name}: {ended.status}: {ended.error}")
            if turn:
                took[name].append(seconds)
    for executor in executors.values():
        executor.stop()
    return took


def row(name: str, seconds: Sequence[float], local: Sequence[float]) -> str:
    """Return a line of the table. Each turn is held against the local job of the same turn."""
    beyond = [1000 * (here - there) for here, there in zip(seconds, local, strict=True)]
    ratio = [here / there for here, there in zip(seconds, local, strict=True)]
    share = statistics.median(beyond) / 1000 / TRAINING_S
    ms = spread_in("{:.0f}")
    own = ms([1000 * value for value in seconds])
    if seconds is local:
        return f"| {name} | {own} | | | |"
    return f"| {name} | {own} | {ms(beyond)} | {spread_in('{:.2f}')(ratio)} | {share:.1%} |"


def spread_in(form: str) -> Callable[[Sequence[float]], str]:
    """Return what writes a median with the least and the most."""

    def spread(values: Sequence[float]) -> str:
        low, middle, high = (form.format(value) for value in (min(values), statistics.median(values), max(values)))
        return f"{middle} ({low} to {high})"

    return spread


if __name__ == "__main__":
    main()
