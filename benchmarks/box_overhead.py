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
from collections.abc import Callable, Iterator, Mapping
from functools import partial
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
    print(f"Python {platform.python_version()}, designer {__version__}, {repeats} repeats, ", end="")
    print(f"user {os.getuid()}, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory(prefix="designer-overhead-") as scratch:
        code = Path(scratch) / "code"
        stage_worker_code(code)
        _print_starts(code, Path(scratch), repeats)
        _print_probes(code, Path(scratch), repeats)


def _print_starts(code: Path, scratch: Path, repeats: int) -> None:
    python = environment_python("native")
    (scratch / "job").mkdir()
    (scratch / "job" / "job.json").write_text('{"verb": "check"}')
    executors = dict(_executors(python, code))
    actions: dict[str, Callable[[], object]] = {"without a box": lambda: _bare(python, code, scratch / "job")}
    for name, executor in executors.items():
        actions[name] = partial(executor.run, CHECK, scratch / "checked", lambda _: None)
    walls = {name: executor.walls().partition(":")[0] for name, executor in executors.items()}
    seconds = in_turn(actions, repeats)
    print(
        "| a worker that does nothing | start + stop, median (fastest to slowest) | more than without a box | share of 30 s |"
    )
    print("|---|---|---|---|")
    bare = seconds.pop("without a box")
    print(f"| without a box | {told(bare)} | | |")
    for name, boxed in seconds.items():
        more_s = statistics.median(boxed) - statistics.median(bare)
        print(f"| {name} ({walls[name]}) | {told(boxed)} | {more_s * 1000:.0f} ms | {more_s / TRAINING_S:.2%} |")


def _executors(python: Path, code: Path) -> Iterator[tuple[str, Executor]]:
    yield "embedded", Embedded(python, code)
    yield "embedded, no namespaces", Embedded(python, code, namespaces=False)
    if engine_answers(Config()):
        yield "docker", importlib.import_module("tests.docker.bound").provider(Config()).executor(code)


def _print_probes(code: Path, scratch: Path, repeats: int) -> None:
    python = environment_python("native")
    cold, warm = Embedded(python, code, warm=False), Embedded(python, code)
    warm.run(PROBE, scratch / "probed", lambda _: None)  # the first one makes the box
    actions = {name: partial(box.run, PROBE, scratch / "probed", lambda _: None) for name, box in (("c", cold), ("w", warm))}
    in_cold, in_warm = in_turn(actions, repeats).values()
    ratio = statistics.median(in_cold) / statistics.median(in_warm)
    print("\n| a probe of one candidate | median (fastest to slowest) | against cold |\n|---|---|---|")
    print(f"| in a cold box | {told(in_cold)} | 1 |\n| in a warm box, a sealed fork each | {told(in_warm)} | 1/{ratio:.0f} |")


def _bare(python: Path, code: Path, job: Path) -> None:
    """Start the worker as it is, sealed by itself and in no box."""
    command = [python, "-s", "-P", "-m", "sandbox.worker", job]
    variables = {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)


def in_turn(actions: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Return how long each repetition of each action took [s]: one after the other, so that a busy moment meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            started = time.perf_counter()
            action()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def told(seconds: list[float]) -> str:
    """Return a median and its spread in milliseconds."""
    return f"{statistics.median(seconds) * 1000:.0f} ms ({min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f})"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
