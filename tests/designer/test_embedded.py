"""Real boxes around made-up workers: what gets in, what comes out, what is left behind, and how each end is told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from designer.errors import DiskError, InterruptedRunError, SandboxError
from designer.executors import Limits
from designer.executors.embedded import MAX_STDERR_BYTES, Embedded
from designer.records import Status
from tests.designer.boxes import GRANDCHILDREN, ROOT, all_gone, executor, job, marked, worker_code

OK = "output.result('ok', answer=42)\n"
BOTH = pytest.mark.parametrize("namespaces", [True, False], ids=["namespaces", "fallback"])


def silent(numbers) -> None:
    pass


def run(
    tmp_path: Path, verb: str, namespaces: bool = True, told=silent, limits: Limits | None = None, sealed: bool = True,
    **spec: object,
):  # fmt: skip
    """Run a box to its end."""
    asked = job(**spec) if limits is None else job(limits, **spec)
    return executor(tmp_path / "code", verb, namespaces, sealed).run(asked, tmp_path / "job", told)


def limits(**changes: float) -> Limits:
    return Limits.model_validate({"cpu_s": 20, "wall_s": 30, "memory_bytes": 2 * 1024**3, **changes})


def unshare_works() -> bool:
    """Say whether this machine lets this user make namespaces."""
    return shutil.which("unshare") is not None and not subprocess.run(["unshare", "-Urnp", "true"], check=False).returncode


# What gets in, what comes out ---------------------------------------------------------------------------------------


@BOTH
def test_result_and_files_come_out(tmp_path, namespaces):
    told = []
    verb = "output.progress(share=0.5)\noutput.write('policy.safetensors', b'weights')\n" + OK
    ended = run(tmp_path, verb, namespaces, told.append)
    assert (ended.status, ended.error, ended.content["answer"]) == (Status.OK, "", 42)
    assert told == [{"share": 0.5}]
    assert (tmp_path / "job" / "policy.safetensors").read_bytes() == b"weights"
    assert ended.wall_s > 0


@BOTH
def test_nothing_of_the_hosts_environment_gets_in(tmp_path, namespaces):
    secret = f"sk-{uuid.uuid4().hex}"
    verb = "import os\noutput.result('ok', environment=dict(os.environ), folder=os.getcwd())\n"
    code = worker_code(tmp_path / "code", verb)
    host = [sys.executable, "-m", "tests.designer.boxes", code, tmp_path / "job", "m", "namespaces" if namespaces else "no"]
    variables = {**os.environ, "OPENAI_API_KEY": secret, "SOME_TOKEN": secret}
    told = subprocess.run(host, cwd=ROOT, env=variables, capture_output=True, text=True, check=True).stdout
    assert "OMP_NUM_THREADS" in told
    assert secret not in told
    assert "OPENAI_API_KEY" not in told


@pytest.mark.skipif(not unshare_works(), reason="this machine forbids namespaces")
@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "before the seal"])
def test_no_other_processs_environment_can_be_read_in_namespaces(tmp_path, sealed):
    secret = f"sk-{uuid.uuid4().hex}"
    verb = (
        "from pathlib import Path\nfound = []\n"
        "for place in Path('/proc').glob('[0-9]*/environ'):\n"
        "    try: found.append(job['marker'][:-1].encode() in place.read_bytes())\n"
        "    except OSError: pass\n"
        "output.result('ok', read=len(found), leaked=any(found))\n"
    )
    code = worker_code(tmp_path / "code", verb, sealed)
    host = [sys.executable, "-m", "tests.designer.boxes", code, tmp_path / "job", secret, "namespaces"]
    variables = {**os.environ, "OPENAI_API_KEY": secret}
    told = subprocess.run(host, cwd=ROOT, env=variables, capture_output=True, text=True, check=True).stdout
    assert "'leaked': False" in told
    assert ("'read': 0" in told) == sealed, "its own can be read, but for the seal"


@BOTH
def test_prints_do_not_break_the_stream(tmp_path, namespaces):
    verb = (
        "import os, subprocess, sys\nprint('hello'); sys.stdout.write('DSGN'); os.write(1, b'raw bytes')\n"
        "subprocess.run([sys.executable, '-c', 'print(\"from a child\")'])\n" + OK
    )
    ended = run(tmp_path, verb, namespaces, sealed=False)
    assert ended.status is Status.OK
    assert "from a child" in (tmp_path / "job" / "stderr.txt").read_text()


def test_flood_of_standard_error_is_capped_and_made_printable(tmp_path):
    verb = "import os\nfor _ in range(300): os.write(2, b'\\x1b[31m' + b'x' * 65536)\n" + OK
    ended = run(tmp_path, verb)
    assert ended.status is Status.OK
    kept = (tmp_path / "job" / "stderr.txt").read_text()
    assert 0 < len(kept) <= MAX_STDERR_BYTES
    assert "\x1b" not in kept


def test_traceback_of_the_worker_is_kept_and_its_error_told(tmp_path):
    ended = run(tmp_path, "raise KeyError('nothing of that name')\n")
    assert (ended.status, ended.content) == (Status.CRASHED, {})
    assert "nothing of that name" in ended.error
    assert "Traceback" in (tmp_path / "job" / "stderr.txt").read_text()


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("import os\nos.write(output._stream.fileno(), b'not a frame')\n" + OK, "not made of frames"),
        ("output.write('../evil', b'x')\n" + OK, "evil"),
        ("output.write('job.json', b'{}')\n" + OK, "job.json"),
        ("for _ in range(200): output.write('progress', b'x' * 100_000)\n" + OK, "progress"),
        ("output.write('policy.safetensors', bytes(3_000_000))\n" + OK, "bytes"),
        ("output.write('result.json', b'{\"status\": NaN}')\n", "NaN"),
        ("output.write('result.json', b'{\"status\": \"splendid\"}')\n", "without a known status"),
        ("output.write('result.json', b'{\"status\": [1]}')\n", "without a known status"),
        (OK + "output.write('result.json', b'{}')\n", "result.json"),
    ],
)
def test_broken_stream_is_the_candidates_failure(tmp_path, verb, said):
    ended = run(tmp_path, verb, limits=limits(output_bytes=2_000_000))
    assert (ended.status, ended.content) == (Status.CRASHED, {})
    assert said in ended.error
    assert not (tmp_path / "evil").exists()


def test_broken_stream_ends_the_box_at_once(tmp_path):
    started = time.monotonic()
    ended = run(tmp_path, "output.write('../evil', b'x')\nimport time\ntime.sleep(60)\n")
    assert ended.status is Status.CRASHED
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("line", ["'x'", "-3", "[1]", "None", "True"])
def test_odd_line_number_does_no_harm(tmp_path, line):
    ended = run(tmp_path, f"output.result('non_finite', 'term run is NaN', line={line})\n")
    assert ended.status is Status.NON_FINITE
    assert ended.error.endswith("term run is NaN")


def test_fault_names_its_line(tmp_path):
    ended = run(tmp_path, "output.result('rejected', 'no such field', line=7)\n")
    assert (ended.status, ended.error) == (Status.REJECTED, "line 7: no such field")


# How it ends --------------------------------------------------------------------------------------------------------


@BOTH
def test_cpu_limit_ends_a_busy_box(tmp_path, namespaces):
    ended = run(tmp_path, "while True: pass\n", namespaces, limits=limits(cpu_s=1))
    assert ended.status is Status.TIMED_OUT
    assert "of CPU time (limit 1 s)" in ended.error
    assert 0.9 <= ended.cpu_s < 4


@BOTH
def test_cpu_limit_can_not_be_shrugged_off(tmp_path, namespaces):
    verb = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass\n"
    assert run(tmp_path, verb, namespaces, limits=limits(cpu_s=1)).status is Status.TIMED_OUT


@BOTH
@pytest.mark.parametrize("verb", ["", OK, "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"])
def test_wall_limit_ends_a_sleeping_box_whatever_it_sent(tmp_path, namespaces, verb):
    ended = run(tmp_path, verb + "import time\ntime.sleep(60)\n", namespaces, limits=limits(wall_s=0.5))
    assert (ended.status, ended.content) == (Status.TIMED_OUT, {})
    assert "of wall time" in ended.error
    assert ended.wall_s < 10


@BOTH
@pytest.mark.parametrize("verb", ["b = bytearray(10**11)\n", "b = []\nwhile True: b.append(bytes(10**7))\n"])
def test_memory_limit_ends_a_greedy_box(tmp_path, namespaces, verb):
    ended = run(tmp_path, verb, namespaces, limits=limits(memory_bytes=512 * 1024**2))
    assert ended.status in (Status.OUT_OF_MEMORY, Status.CRASHED)


def test_file_size_is_limited(tmp_path):
    verb = (
        "import os, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try: open('large', 'wb').write(bytes(2_000_000))\nexcept OSError: pass\n"
        "output.result('ok', written=os.stat('large').st_size)\n"
    )
    ended = run(tmp_path, verb, limits=limits(file_bytes=1_000_000))
    assert (ended.status, ended.content["written"]) == (Status.OK, 1_000_000)


@BOTH
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("os._exit(0)", "exit status 0"),
        ("os._exit(3)", "exit status 3"),
        ("sys.exit(0)", "exit status 0"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
        ("os.close(1); os.close(2); os.close(output._stream.fileno()); os._exit(0)", "exit status 0"),
    ],
)
def test_worker_that_ends_without_a_result_has_crashed(tmp_path, namespaces, how, said):
    ended = run(tmp_path, f"import os, signal, sys\n{how}\n", namespaces)
    assert ended.status is Status.CRASHED
    assert said in ended.error


def test_last_words_are_told(tmp_path):
    ended = run(tmp_path, "import os\nos.write(2, b'illegal instruction'); os._exit(4)\n")
    assert "illegal instruction" in ended.error


def test_worker_that_kills_its_launcher_has_crashed_and_hangs_nobody(tmp_path):
    verb = (
        "import os, signal, subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', job['marker']], start_new_session=True)\n"
        "os.kill(os.getppid(), signal.SIGKILL)\n"
    )
    marker = uuid.uuid4().hex
    started = time.monotonic()
    try:
        ended = run(tmp_path, verb, namespaces=False, limits=limits(wall_s=2), sealed=False, marker=marker)
    finally:
        for pid in marked(marker):  # without a pid namespace nothing holds it: see docs/security.md
            os.kill(pid, signal.SIGKILL)
    assert ended.status in (Status.CRASHED, Status.TIMED_OUT)
    assert time.monotonic() - started < 15


def test_interpreter_that_is_none_is_the_machines_failure(tmp_path):
    code = worker_code(tmp_path / "code", OK)
    with pytest.raises(SandboxError, match=r"Is .*/none a working Python"):
        Embedded(tmp_path / "none", code).run(job(), tmp_path / "job", silent)


def test_launcher_that_fails_is_the_machines_failure(tmp_path):
    code = worker_code(tmp_path / "code", OK)
    (code / "sandbox" / "box.py").write_text("raise SystemExit('no box today')")
    with pytest.raises(SandboxError, match="no box today"):
        Embedded(Path(sys.executable), code).run(job(), tmp_path / "job", silent)


def test_full_disk_ends_the_box_at_once(tmp_path):
    verb = "import subprocess, sys, time\noutput.write('clip.mp4', b'film')\ntime.sleep(60)\n"
    target = executor(tmp_path / "code", "import time\noutput.progress(a=1)\n" + verb)

    def full(numbers) -> None:
        raise DiskError("the disk is full")

    started = time.monotonic()
    with pytest.raises(DiskError):
        target.run(job(), tmp_path / "job", full)
    assert time.monotonic() - started < 10


# What is left behind ------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("last", [OK, "os._exit(1)\n", "os.kill(os.getpid(), 9)\n"], ids=["ok", "exit", "killed"])
def test_no_process_outlives_its_box(tmp_path, namespaces, last):
    marker, told = uuid.uuid4().hex, []
    run(tmp_path, GRANDCHILDREN + last, namespaces, told.append, sealed=False, marker=marker)
    assert told == [{"running": 4.0}]
    assert all_gone(marker, within_s=2)


@BOTH
def test_no_process_outlives_a_box_that_is_killed(tmp_path, namespaces):
    marker, told = uuid.uuid4().hex, []
    verb = GRANDCHILDREN + OK + "time.sleep(60)\n"
    ended = run(tmp_path, verb, namespaces, told.append, limits(wall_s=3), sealed=False, marker=marker)
    assert (ended.status, told) == (Status.TIMED_OUT, [{"running": 4.0}])
    assert all_gone(marker, within_s=2)


@BOTH
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_host_that_is_killed(tmp_path, namespaces, how):
    marker = uuid.uuid4().hex
    code = worker_code(tmp_path / "code", GRANDCHILDREN + "time.sleep(60)\n", sealed=False)
    host = [sys.executable, "-m", "tests.designer.boxes", code, tmp_path / "job", marker, "namespaces" if namespaces else "no"]
    (tmp_path / "temporary").mkdir(mode=0o755)
    variables = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    with subprocess.Popen(host, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "progress {'running': 4.0}\n"
        assert len(list(marked(f"{marker}+"))) == 4
        assert len(list((tmp_path / "temporary").iterdir())) == 1
        process.send_signal(how)
    ended = time.monotonic()
    assert all_gone(f"{marker}+", within_s=2)
    while list((tmp_path / "temporary").iterdir()):
        assert time.monotonic() - ended < 2, "the box's folder is left"
        time.sleep(0.01)


def test_scratch_folder_is_removed(tmp_path):
    verb = (
        "import os, pathlib, tempfile\npathlib.Path('left').write_text('x')\n"
        "output.result('ok', cwd=os.getcwd(), home=os.environ['HOME'], scratch=tempfile.gettempdir())\n"
    )
    content = run(tmp_path, verb).content
    assert content["cwd"] == content["home"] == content["scratch"]
    assert not Path(content["cwd"]).exists()


def test_leftovers_of_an_earlier_attempt_are_removed(tmp_path):
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "policy.safetensors").write_bytes(b"old")
    run(tmp_path, OK)
    assert sorted(path.name for path in (tmp_path / "job").iterdir()) == ["job.json", "result.json", "reward.py", "stderr.txt"]


# Being stopped ------------------------------------------------------------------------------------------------------


@BOTH
def test_stop_from_another_thread_ends_every_box(tmp_path, namespaces):
    marker, running = uuid.uuid4().hex, threading.Barrier(3)
    target = executor(tmp_path / "code", GRANDCHILDREN + "time.sleep(60)\n", namespaces, sealed=False)
    raised = []

    def one(name: str) -> None:
        try:
            target.run(job(marker=marker), tmp_path / name, lambda numbers: running.wait(20))
        except InterruptedRunError as error:
            raised.append(error)

    threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    running.wait(20)
    asked = time.monotonic()
    target.stop()
    for thread in threads:
        thread.join()
    assert len(raised) == 2
    assert time.monotonic() - asked < 3
    assert all_gone(marker, within_s=2)
    with pytest.raises(InterruptedRunError):
        target.run(job(marker=marker), tmp_path / "c", silent)
    assert not (tmp_path / "c").exists()


def test_box_that_ended_before_the_stop_keeps_its_result(tmp_path):
    target = executor(tmp_path / "code", "output.progress(a=1)\n" + OK)
    ended = target.run(job(), tmp_path / "job", lambda numbers: time.sleep(0))
    target.stop()
    assert ended.status is Status.OK
