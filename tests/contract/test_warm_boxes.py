"""Jobs in warm boxes come to the same end as in cold ones, in sealed children that reach neither each other nor the parent."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from designer.environments import environment_python
from designer.executors import Job, JobResult, JobVerb, Limits
from designer.executors.embedded import Embedded
from designer.records import Status
from designer.runs import stage_worker_code
from designer.workbench import TRAJECTORIES
from tests.designer.boxes import ROOT, all_gone, marked

LIMITS = Limits(cpu_s=60, wall_s=240)
SHORT = Limits(cpu_s=5, wall_s=60)
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

UPRIGHT = "def upright(t):\n    return t.rod_upright.mean(axis=1)\n"

Probe = Callable[..., JobResult]


def job(source: str, seed: int = 3, limits: Limits = LIMITS) -> Job:
    return Job("probe", {"world": "pendulum", "seed": seed, "entry": "reward"}, {"reward.py": source.encode()}, limits)


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
    return lambda source, limits=LIMITS: executor.run(job(source, limits=limits), tmp_path / "probe", lambda _: None)


def test_warm_probe_says_what_a_cold_one_says(code: Path, probe: Probe, tmp_path: Path) -> None:
    cold = Embedded(environment_python("native"), code, warm=False).run(job(GOOD), tmp_path / "cold", lambda _: None)
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
        ("import os\nwhile True: os.write(3, bytes(1 << 20))\n", Status.CRASHED, "not made of frames"),
        ("b = []\nwhile True: b.append(bytes(10**8))\n", Status.OUT_OF_MEMORY, "MemoryError"),
    ],
)
def test_every_end_of_a_child_is_told_and_the_next_is_none_the_worse(
    probe: Probe, source: str, status: Status, said: str
) -> None:
    ended = probe(source, SHORT)
    assert ended.status is status
    assert said in ended.error
    after = probe(GOOD)
    assert after.status is Status.OK
    assert after.cpu_s < 1, "the warm box did not survive it"


def test_training_and_its_judging_end_bit_for_bit_as_in_cold_boxes(code: Path, executor: Embedded, tmp_path: Path) -> None:
    cold, warm = tmp_path / "cold", tmp_path / "warm"
    spent = (
        trained_and_judged(Embedded(environment_python("native"), code, warm=False), cold),
        trained_and_judged(executor, warm),
    )
    for name in ("train/policy.safetensors", "train/curves.jsonl", "rollout/trajectories.safetensors"):
        assert (cold / name).read_bytes() == (warm / name).read_bytes()
    fitness = [json.loads((folder / "score" / "result.json").read_text())["fitness"] for folder in (cold, warm)]
    assert fitness[0] == fitness[1]
    assert len(fitness[0]) == 2
    assert spent[1] < spent[0] / 2, "they were cold boxes"


def trained_and_judged(executor: Embedded, folder: Path) -> float:
    """Train, play and score the pendulum, tiny. Returns the CPU time that it took."""
    reward = {"reward": {"kind": "code", "entry": "reward"}, "settings": {"num_envs": 4, "horizon": 20}}
    fitness = {"kind": "function", "file": "fitness.py", "name": "upright", "source": UPRIGHT}
    jobs: dict[JobVerb, tuple[dict[str, object], dict[str, bytes | Path]]] = {
        "train": ({"seeds": [1], "steps": 160, "fractions": [1.0], **reward}, {"reward.py": GOOD.encode()}),
        "rollout": (
            {"checkpoints": 1, "policies": 1, "episodes": 2, "earlier_episodes": 0, "seed": 5},
            {"policy.safetensors": folder / "train" / "policy.safetensors"},
        ),
        "score": (
            {"fitness": fitness, "success": None, "dt_s": 0.05, "step_limit": 200},
            {TRAJECTORIES: folder / "rollout" / TRAJECTORIES},
        ),
    }
    spent = 0.0
    for verb, (spec, files) in jobs.items():
        world = {} if verb == "score" else {"world": "pendulum"}
        ended = executor.run(Job(verb, {**world, **spec}, files, LIMITS), folder / verb, lambda _: None)
        assert ended.status is Status.OK, ended.error
        spent += ended.cpu_s
    return spent


def test_child_reaches_nothing(probe: Probe, tmp_path: Path) -> None:
    ended = probe(ATTEMPTS)
    said = (tmp_path / "probe" / "stderr.txt").read_text().splitlines()
    assert ended.status is Status.OK
    assert len(said) > 70
    assert [line for line in said if not line.endswith("refused")] == []


def test_children_share_nothing(probe: Probe) -> None:
    """Neither memory nor a file: there is no place that a child could write to."""
    writes = "import os, torch\ntorch.a_note = 1\nos.chdir(os.environ['TMPDIR'])\n"
    tries = "try:\n    open('a-note', 'w').close()\nexcept OSError:\n    pass\nelse:\n    raise SystemExit('written')\n"
    assert probe(writes + tries + GOOD).status is Status.OK
    assert probe("import torch\nassert not hasattr(torch, 'a_note')\n" + GOOD).status is Status.OK


def test_child_is_alone_in_its_namespaces(executor: Embedded, probe: Probe, tmp_path: Path) -> None:
    if "namespaces" not in executor.walls():
        pytest.skip("nobody may make namespaces on this machine; CI's lets root make them, and runs this")
    assert probe("import os\nprint(os.getpid(), os.getppid())\n" + GOOD).status is Status.OK
    assert (tmp_path / "probe" / "stderr.txt").read_text().split() == ["2", "1"]


def test_child_takes_no_threads_from_another(executor: Embedded, probe: Probe, tmp_path: Path) -> None:
    if "namespaces" not in executor.walls():
        pytest.skip("without namespaces the threads of all boxes of a user are counted together; CI has them, and runs this")
    greedy = """
import threading, time
held = threading.Event()
try:
    while True: threading.Thread(target=held.wait, daemon=True).start()
except RuntimeError: pass
time.sleep(30)
"""
    needs = "import threading\nfor _ in range(50): threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    with ThreadPoolExecutor(1) as pool:
        limits = LIMITS.model_copy(update={"wall_s": 8.0})
        taken = pool.submit(executor.run, job(greedy)._replace(limits=limits), tmp_path / "greedy", lambda _: None)
        while not taken.done() and not any(crowded()):
            time.sleep(0.05)
        assert not taken.done()
        assert "the number of threads" in probe(needs + GOOD).error  # the harness' complaint: they could be started
        assert taken.result().status is Status.TIMED_OUT


def crowded() -> Iterator[Path]:
    """Find the processes with about as many threads as a box may have."""
    for tasks in Path("/proc").glob("[0-9]*/task"):
        with contextlib.suppress(OSError):
            if len(os.listdir(tasks)) > 200:
                yield tasks


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
        boxes.append(warm_processes(str(seed)))
    assert boxes[0] == boxes[1]
    assert len(boxes[0]) == 1
    executor.stop()


def warm_processes(seed: str) -> list[int]:
    """Find the warm processes that were made for a seed, without those that they have forked."""
    found = set(marked(seed))
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]) for pid in found}
    return [pid for pid, parent in parents.items() if parent not in found]


def test_job_that_comes_after_a_waiting_child_has_died_is_done(code: Path, tmp_path: Path) -> None:
    seed = 4 * 10**9 + os.getpid()
    executor = Embedded(environment_python("native"), code)
    assert executor.run(job(GOOD, seed), tmp_path / "probe", lambda _: None).status is Status.OK
    first = warm_processes(str(seed))
    waiting = set(marked(str(seed))) - set(first)
    for pid in waiting:
        os.kill(pid, signal.SIGKILL)
    while waiting & set(marked(str(seed))):
        time.sleep(0.01)
    ended = executor.run(job(GOOD, seed), tmp_path / "probe", lambda _: None)
    assert ended.status is Status.OK
    assert ended.cpu_s < 1, "the warm process did not survive it"
    assert warm_processes(str(seed)) == first
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
        "from tests.contract.test_warm_boxes import GOOD, job\n"
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


def test_job_of_more_files_than_a_packet_carries_is_done_all_the_same(executor: Embedded, tmp_path: Path) -> None:
    """A shared box of a large round: each candidate has a file, and one more where it goes on from a pause."""
    count = 70
    spec = {
        **{"world": "pendulum", "seeds": [1], "steps": 4, "fractions": [1.0], "entry": "reward", "candidates": count},
        **{"reward_cpu_s": 5.0, "settings": {"num_envs": 2, "horizon": 2, "minibatches": 1}},
    }
    files: dict[str, bytes | Path] = {f"reward-{k}.py": GOOD.encode() for k in range(count)}
    limits = Limits(cpu_s=60, wall_s=120, output_bytes=1024**3)
    result = executor.run(Job("train_together", spec, files, limits), tmp_path / "together", lambda _: None)
    assert result.status is Status.OK, result.error
    assert len(result.content["candidates"]) == count
    assert len(list((tmp_path / "together").glob("policy-*.safetensors"))) == count


OWN_WORLD = """
import os, threading, time
import gymnasium
import numpy as np

class Own(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-9, 9, (1,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1), {}

    def step(self, action):
        IN_STEP
        return np.random.standard_normal(1), 0.0, False, False, {}

make = Own
AT_IMPORT
"""
OWN_REWARD = "def reward(s, a):\n    return {'place': s.obs[:, 0]}\n"


def with_own_world(code: Path, in_step: str = "pass", at_import: str = "") -> Embedded:
    stage_worker_code(code)
    (code / "user_world").mkdir()
    source = OWN_WORLD.replace("IN_STEP", in_step).replace("AT_IMPORT", at_import)
    (code / "user_world" / "own.py").write_text(source)
    return Embedded(environment_python("native"), code)


def training_in_own_world() -> Job:
    reward = {"reward": {"kind": "code", "entry": "reward"}, "settings": {"num_envs": 4, "horizon": 20}}
    spec = {"world": "user_world/own.py:make", "seeds": [1], "steps": 80, "fractions": [1.0], **reward}
    return Job("train", spec, {"reward.py": OWN_REWARD.encode()}, LIMITS)


@pytest.mark.parametrize(
    ("in_step", "at_import", "warm"),
    [
        ("pass", "", True),
        ("open(os.path.join(os.environ['TMPDIR'], 'notes'), 'a').write('a step')", "", False),
        ("pass", "threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()", False),
    ],
    ids=["plain", "writes", "threaded"],
)
def test_users_own_world_is_in_a_warm_box_where_it_can_be(tmp_path: Path, in_step: str, at_import: str, warm: bool) -> None:
    executor = with_own_world(tmp_path / "code", in_step, at_import)
    for _ in range(2):  # the first one makes the warm process
        ended = executor.run(training_in_own_world(), tmp_path / "train", lambda _: None)
        assert ended.status is Status.OK, ended.error
    assert (ended.cpu_s < 1) is warm
    executor.stop()


def test_world_that_draws_unseeded_draws_anew_in_every_job(tmp_path: Path) -> None:
    executor = with_own_world(tmp_path / "code")
    spec = {"world": "user_world/own.py:make", "checkpoints": 1, "policies": 1, "episodes": 2, "earlier_episodes": 0, "seed": 5}
    trained = executor.run(training_in_own_world(), tmp_path / "train", lambda _: None)
    assert trained.status is Status.OK, trained.error
    policy = {"policy.safetensors": tmp_path / "train" / "policy.safetensors"}
    seen = set()
    for played in ("once", "again"):
        ended = executor.run(Job("rollout", spec, dict(policy), LIMITS), tmp_path / played, lambda _: None)
        assert ended.status is Status.OK, ended.error
        seen.add((tmp_path / played / TRAJECTORIES).read_bytes())
    assert len(seen) == 2
    executor.stop()
