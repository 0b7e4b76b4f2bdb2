"""Probes from a warm box come to the same end as cold ones, in sealed children that reach neither each other nor the parent."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from designer.environments import environment_python
from designer.executors import Job, JobResult, Limits
from designer.executors.embedded import Embedded
from designer.records import Status
from designer.runs import stage_worker_code
from tests.designer.boxes import ROOT, all_gone, marked

LIMITS = Limits(cpu_s=5, wall_s=60)
GOOD = "def reward(s, a):\n    return {'upright': s.rod_upright, 'effort': -0.01 * a.square().sum(-1)}\n"
# Candidate code that looks around; what it found is in its standard error.
ATTEMPTS = (
    """
import os, socket
def attempt(name, what):
    try: print(name, "done", what())
    except OSError as error: print(name, "refused")
attempt("fork", os.fork)
attempt("socket", socket.socket)
for pid in (1, os.getppid(), *range(2, 40)):
    if pid != os.getpid():
        attempt("kill", lambda: os.kill(pid, 0))
        attempt("memory", lambda: open(f"/proc/{pid}/mem", "rb"))
attempt("pipes", lambda: [os.fstat(number) for number in range(4, 256)])
attempt("write", lambda: open("/written", "w"))
"""
    + GOOD
)

Probe = Callable[[str], JobResult]


def job(source: str, seed: int = 3) -> Job:
    return Job("probe", {"world": "pendulum", "seed": seed, "entry": "reward"}, {"reward.py": source.encode()}, LIMITS)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm") / "code"
    stage_worker_code(folder)
    return folder


@pytest.fixture(scope="module")
def executor(code: Path) -> Embedded:
    return Embedded(environment_python("native"), code)


@pytest.fixture
def probe(executor: Embedded, tmp_path: Path) -> Probe:
    return lambda source: executor.run(job(source), tmp_path / "probe", lambda _: None)


def test_warm_probe_says_what_a_cold_one_says(code: Path, probe: Probe, tmp_path: Path) -> None:
    cold = Embedded(environment_python("native"), code, warm_probes=False).run(job(GOOD), tmp_path / "cold", lambda _: None)
    warm = probe(GOOD)
    assert warm.cpu_s < cold.cpu_s / 5, "it was answered by a cold box"
    assert (warm.status, warm.walls) == (Status.OK, cold.walls)
    assert warm.content["terms"] == cold.content["terms"]
    written = {"job.json", "result.json", "reward.py", "stderr.txt"}
    assert {path.name for path in (tmp_path / "probe").iterdir()} == written


@pytest.mark.parametrize(
    ("source", "status", "said"),
    [
        ("def reward(s, a):\n    return {'x': s.nothing}\n", Status.CRASHED, "line 2: AttributeError"),
        ("def reward(s, a):\n    return {'x': a}\n", Status.REJECTED, "shape"),
        ("import os\nos._exit(0)\n", Status.CRASHED, "without a result"),
        ("import os\nos.kill(os.getpid(), 9)\n", Status.CRASHED, "signal 9"),
        ("while True: pass\n", Status.TIMED_OUT, "of CPU time (limit 5 s)"),
        ("import os\nos.write(3, b'no frame')\nos._exit(0)\n", Status.CRASHED, "not made of frames"),
        ("import os\nwhile True: os.write(3, bytes(1 << 20))\n", Status.CRASHED, "sent"),
        ("b = []\nwhile True: b.append(bytes(10**8))\n", Status.OUT_OF_MEMORY, "MemoryError"),
    ],
)
def test_every_end_of_a_child_is_told_and_the_next_is_none_the_worse(
    probe: Probe, source: str, status: Status, said: str
) -> None:
    ended = probe(source)
    assert ended.status is status
    assert said in ended.error
    after = probe(GOOD)
    assert after.status is Status.OK
    assert after.cpu_s < 1, "the warm box did not survive it"


def test_child_reaches_nothing(probe: Probe, tmp_path: Path) -> None:
    ended = probe(ATTEMPTS)
    said = (tmp_path / "probe" / "stderr.txt").read_text().splitlines()
    assert ended.status is Status.OK
    assert len(said) > 70
    assert [line for line in said if not line.endswith("refused")] == []


def test_children_share_nothing(probe: Probe) -> None:
    assert probe("import torch\ntorch.a_note = 1\nopen('a-note', 'w').close()\n" + GOOD).status is Status.OK
    reader = "import os, torch\nassert not hasattr(torch, 'a_note')\nassert os.listdir('/proc/self/fd')\n" + GOOD
    assert probe(reader).status is Status.OK


def test_what_a_child_prints_is_capped_and_printable(probe: Probe, tmp_path: Path) -> None:
    assert probe("for _ in range(9000): print('\\x1b[31m' + 'x' * 80)\n" + GOOD).status is Status.OK
    kept = (tmp_path / "probe" / "stderr.txt").read_text()
    assert 0 < len(kept) <= 65_536
    assert "\x1b" not in kept


def test_warm_box_that_can_not_be_made_costs_nothing_but_time(code: Path, tmp_path: Path) -> None:
    broken = tmp_path / "code"
    stage_worker_code(broken)
    (broken / "sandbox" / "warm.py").write_text("raise SystemExit(1)\n")
    cold = Embedded(environment_python("native"), broken)
    assert cold.run(job(GOOD), tmp_path / "probe", lambda _: None).status is Status.OK


def test_warm_box_outlives_the_thread_that_asked_first(code: Path, tmp_path: Path) -> None:
    seed = 3 * 10**9 + os.getpid()
    executor, boxes = Embedded(environment_python("native"), code), list[list[int]]()
    for _ in range(2):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(executor.run, job(GOOD, seed), tmp_path / "probe", lambda _: None).result()
        boxes.append(list(marked(str(seed))))
    assert boxes[0] == boxes[1]
    assert len(boxes[0]) == 1
    executor.stop()


@pytest.mark.parametrize("how", ["stopped", "forgotten"])
def test_warm_box_ends_with_its_executor(code: Path, tmp_path: Path, how: str) -> None:
    seed = 10**9 + os.getpid()  # an argument of the warm process: it is found by it
    executor = Embedded(environment_python("native"), code)
    assert executor.run(job(GOOD, seed), tmp_path / "probe", lambda _: None).status is Status.OK
    assert any(marked(str(seed)))
    if how == "stopped":
        executor.stop()
    del executor
    gc.collect()
    assert all_gone(str(seed), within_s=2)


def test_warm_box_ends_with_its_host(code: Path, tmp_path: Path) -> None:
    seed = 2 * 10**9 + os.getpid()
    host = (
        "import sys, time\nfrom pathlib import Path\nfrom designer.executors.embedded import Embedded\n"
        "from tests.contract.test_warm_probe import GOOD, job\n"
        f"executor = Embedded(Path({str(environment_python('native'))!r}), Path({str(code)!r}))\n"
        f"executor.run(job(GOOD, {seed}), Path({str(tmp_path / 'probe')!r}), lambda _: None)\n"
        "print('probed', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", host], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "probed\n"
        assert any(marked(str(seed)))
        process.kill()
    assert all_gone(str(seed), within_s=2)
