"""What a box costs: its start and stop beside the same command without one, and a probe in a cold and in a warm box.

Needs both environments; docker's row needs an engine ($DOCKER_HOST), and binds this machine's interpreter into an empty image.
Run from the repository root, on an otherwise idle machine:

    .venv/bin/python -m benchmarks.box_overhead 10
"""

from __future__ import annotations

import importlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from designer import __version__
from designer.config import Config
from designer.doctor import engine_answers
from designer.environments import environment_python
from designer.executors import Executor, Job, Limits
from designer.executors.embedded import CHECK, Embedded
from designer.runs import stage_worker_code

TRAINING_S = 30.0
REWARD = """import torch
from torch import Tensor


def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    run = torch.tanh(-s.torso_velocity[:, 0] / 2.0)
    return {"run_backward": run, "effort": -0.01 * a.square().sum(-1)}
"""
PROBE = Job(
    "probe",
    {"world": "half_cheetah", "seed": 0, "entry": "reward"},
    {"reward.py": REWARD.encode()},
    Limits(cpu_s=60, wall_s=240),
)


def main(repeats: int) -> None:
    """Print the times as medians over `repeats`, with the fastest and the slowest."""
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.release()}, ", end="")
    print(f"Python {platform.python_version()}, designer {__version__}, {repeats} repeats, user {os.getuid()}\n")
    with tempfile.TemporaryDirectory(prefix="designer-overhead-") as scratch:
        code = Path(scratch) / "code"
        stage_worker_code(code)
        _print_starts(code, Path(scratch), repeats)
        _print_probes(code, Path(scratch), repeats)


def _print_starts(code: Path, scratch: Path, repeats: int) -> None:
    python = environment_python("native")
    (scratch / "job").mkdir()
    (scratch / "job" / "job.json").write_text('{"verb": "check"}')
    bare = timed(lambda: _bare(python, code, scratch / "job"), repeats)
    print(
        "| a worker that does nothing | start + stop, median (fastest to slowest) | more than without a box | share of 30 s |"
    )
    print("|---|---|---|---|")
    print(f"| without a box | {told(bare)} | | |")
    for name, executor in _executors(python, code):
        walls = executor.walls().partition(":")[0]
        boxed = timed(lambda executor=executor: executor.run(CHECK, scratch / "checked", lambda _: None), repeats)
        more_s = statistics.median(boxed) - statistics.median(bare)
        print(f"| {name} ({walls}) | {told(boxed)} | {more_s * 1000:.0f} ms | {more_s / TRAINING_S:.2%} |")


def _executors(python: Path, code: Path) -> Iterator[tuple[str, Executor]]:
    yield "embedded", Embedded(python, code)
    yield "embedded, no namespaces", Embedded(python, code, namespaces=False)
    if engine_answers(Config()):
        yield "docker", importlib.import_module("tests.docker.bound").provider(Config()).executor(code)


def _print_probes(code: Path, scratch: Path, repeats: int) -> None:
    python = environment_python("native")
    cold, warm = Embedded(python, code, warm=False), Embedded(python, code)
    warm.run(PROBE, scratch / "probed", lambda _: None)  # the first one makes the box
    in_cold = timed(lambda: cold.run(PROBE, scratch / "probed", lambda _: None), max(2, repeats // 3))
    in_warm = timed(lambda: warm.run(PROBE, scratch / "probed", lambda _: None), repeats)
    ratio = statistics.median(in_cold) / statistics.median(in_warm)
    print("\n| a probe of one candidate | median (fastest to slowest) | against cold |\n|---|---|---|")
    print(f"| in a cold box | {told(in_cold)} | 1 |\n| in a warm box, a sealed fork each | {told(in_warm)} | 1/{ratio:.0f} |")


def _bare(python: Path, code: Path, job: Path) -> None:
    """Start the worker as it is, sealed by itself and in no box."""
    command = [python, "-s", "-P", "-m", "sandbox.worker", job]
    variables = {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)


def timed(action: Callable[[], object], repeats: int) -> list[float]:
    """Return how long each repetition took [s]."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return seconds


def told(seconds: list[float]) -> str:
    """Return a median and its spread in milliseconds."""
    return f"{statistics.median(seconds) * 1000:.0f} ms ({min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f})"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
