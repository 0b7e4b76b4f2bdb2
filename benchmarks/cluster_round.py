"""A round of small trainings on a simulated Ray cluster, disturbed in the middle, against the same round on this machine.

    python -m benchmarks.cluster_round [--steps 2048] [--candidates 16] [--what node,host] [--worker PYTHON]

Needs the extra `ray`. Three nodes of one CPU each, all on this machine, token authentication on. `node`: one is killed once a
quarter of the trainings is there. `host`: the process that asked for the jobs is killed (-9) then, and the run gone on with.
Says whether all results are there, each once, and whether the journals are equal but for times, host and order.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from designer import __version__

TASK = "half_cheetah_backward"
NODES = 3
STORE_BYTES = 100 * 1024**2
TIMES = frozenset({"at", "train_cpu_s", "wall_s", "walls", "sandbox", "config"})
"""What says when and where a run was at work; its settings say where its boxes run."""
Disturb = Callable[["subprocess.Popen[str]"], None]


def main() -> int:
    """Print what came of it; return 1 where a result is missing or the journals differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2048)
    parser.add_argument("--candidates", type=int, default=16)
    parser.add_argument("--what", default="node,host")
    parser.add_argument("--worker", help="an interpreter to use instead of the worker environment")
    asked = parser.parse_args()
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_USAGE_STATS_ENABLED="0")
    import ray

    versions = f"Python {platform.python_version()}, Ray {ray.__version__}, designer {__version__}"
    size = f"{asked.candidates} candidates of {asked.steps} steps"
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {versions}; {size}")
    with tempfile.TemporaryDirectory(prefix="cluster-round-") as scratch:
        flags = sizes(asked.steps, asked.candidates) + (["--worker.python", asked.worker] if asked.worker else [])
        return 1 if compared(Path(scratch), flags, asked.what.split(",")) else 0


def compared(folder: Path, flags: list[str], what: list[str]) -> int:
    """Do the rounds one after the other, print a line each, and return how many lines of their journals differ."""
    from ray.cluster_utils import Cluster

    own = whole(folder / "local", flags, "local")
    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES) for _ in range(NODES - 1)]
    try:
        flags += ["--executor.backend", "ray", "--executor.address", cluster.address]
        found = 0
        if "node" in what:
            killed = whole(folder / "node", flags, "ray, a node killed", partial(kill_at_work, cluster, nodes))
            found += differences(own, killed)
            cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        if "host" in what:
            found += differences(own, whole(folder / "host", flags, "ray, the host killed", lambda process: process.kill()))
    finally:
        cluster.shutdown()
    return found


def kill_at_work(cluster: Any, nodes: list[Any], process: subprocess.Popen[str]) -> None:
    """Kill a node while a job of ours runs on it, the processes of Ray as well as what hangs on them."""
    while process.poll() is None:
        for node in nodes:
            if runs_a_job(node.all_processes["raylet"][0].process.pid):
                cluster.remove_node(node, allow_graceful=False)
                return
        time.sleep(0.01)


def runs_a_job(raylet: int) -> bool:
    """Say whether a node's process has a worker that is at a job: Ray names it after the task."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == raylet and (place / "cmdline").read_bytes().startswith(b"ray::ray_messages"):
                return True
    return False


def sizes(steps: int, candidates: int) -> list[str]:
    """Return the flags of a round of so many whole trainings, and finals of one seed."""
    settings = {
        "search.rounds": 1, "search.population": candidates, "search.cut": 1, "search.confirm": 0, "search.screen": "false",
        "search.finalists": 1, "search.final-seeds": 1, "training.steps": steps, "evaluation.episodes": 2,
        "evaluation.checkpoints": 2, "evaluation.checkpoint-episodes": 1, "cached-baselines": "false", "clips": "false",
        "sandbox.provider": "embedded",
    }  # fmt: skip
    return [part for name, value in settings.items() for part in (f"--{name}", str(value))]


def whole(folder: Path, flags: list[str], name: str, disturb: Disturb | None = None) -> list[str]:
    """Do a run to its end, disturbed once a quarter of its trainings is there; print and return its journal."""
    began, command = time.monotonic(), [sys.executable, "-m", "designer.cli", "run"]
    candidates = int(flags[flags.index("--search.population") + 1])
    process = started([*command, TASK, *flags, "--runs", str(folder)])
    if disturb:
        while sum(trained(folder).values()) < candidates // 4 and process.poll() is None:
            time.sleep(0.1)
        disturb(process)
    said, _ = process.communicate()
    if process.returncode < 0:  # killed: go on
        process = started([*command, str(next(folder.iterdir()))])
        said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{name}: the run ended with {process.returncode}:\n{said[-3000:]}")
    trials = trained(folder)
    lost = [line for line in said.splitlines() if "was lost with its node" in line]
    print(
        f"{name}: {time.monotonic() - began:.0f} s, {len(trials)} trials, most often {max(trials.values())} times; "
        f"{len(lost)} jobs lost with their node and started again",
        flush=True,
    )
    return journal(folder)


def started(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def events(folder: Path) -> list[dict[str, Any]]:
    """Read the whole lines of the one run's journal in a folder."""
    paths = list(folder.glob("*/journal.jsonl"))
    lines = paths[0].read_text().splitlines(keepends=True) if paths else []
    return [json.loads(line)["event"] for line in lines if line.endswith("\n")]


def trained(folder: Path) -> Counter[tuple[str, str, int]]:
    """Count how often each trial was journalled."""
    return Counter(
        (trial["candidate"], trial["purpose"], trial["seed"]) for event in events(folder) for trial in event.get("trials", ())
    )


def journal(folder: Path) -> list[str]:
    """Return a journal without times and places, sorted."""
    return sorted(json.dumps(_without_times(event), sort_keys=True) for event in events(folder))


def _without_times(value: Any) -> Any:  # JSON
    if isinstance(value, Mapping):
        return {name: _without_times(inner) for name, inner in value.items() if name not in TIMES}
    return [_without_times(inner) for inner in value] if isinstance(value, list) else value


def differences(own: list[str], other: list[str]) -> int:
    """Print how many lines two journals don't share."""
    mine, others = Counter(own), Counter(other)
    only, more = list((mine - others).elements()), list((others - mine).elements())
    print(f"  its journal: {len(other)} lines, {len(only) + len(more)} of them not equal to the local run's", flush=True)
    for line in [*only, *more][:4]:
        print(f"    {line[:600]}")
    return len(only) + len(more)


if __name__ == "__main__":
    raise SystemExit(main())
