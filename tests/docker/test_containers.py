"""What only a real engine can show: the walls as the kernel sees them from inside, and what is left of a killed host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from designer.config import Config, SandboxConfig, to_toml
from designer.executors.conformance import LIMITS, Bench
from designer.executors.owners import OWNER, sweep
from designer.records import Status

CONFIG = Config(sandbox=SandboxConfig(provider="tests.docker.bound:provider"))
# Runs before the seal: what Docker alone holds.
LOOK = """
import os, resource, socket
SEEN = {
    "uid": os.getuid(),
    "groups": os.getgroups(),
    "process": open("/proc/self/status").read(),
    "mounts": [(*line.split()[:4], os.access(line.split()[1], os.W_OK)) for line in open("/proc/self/mounts")],
    "interfaces": os.listdir("/sys/class/net"),
    "hostname": socket.gethostname(),
    "files": resource.getrlimit(resource.RLIMIT_FSIZE)[1],
    "scratch": os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize,
    "scratch_files": os.statvfs("/tmp").f_files,
    "engine": [path for path in ("/var/run/docker.sock", "/run/docker.sock") if os.path.exists(path)],
}
"""


def seen(docker, folder) -> dict:
    ended = Bench(docker, CONFIG, folder).run("output.result('ok', **SEEN)\n", LOOK)
    assert ended.status is Status.OK, ended.error
    return dict(ended.content)


def test_the_walls_stand_before_the_seal(docker, tmp_path):
    found = seen(docker, tmp_path)
    status = dict(line.split(":\t", 1) for line in found["process"].splitlines() if ":\t" in line)
    assert (found["uid"], found["groups"]) == (10001, [10001])
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert found["interfaces"] == ["lo"]
    assert found["hostname"] == "box"
    assert found["engine"] == []
    assert found["files"] == LIMITS.file_bytes
    assert found["scratch"] <= LIMITS.file_bytes
    assert found["scratch_files"] <= 1000


def test_nothing_but_the_scratch_folder_and_devices_is_mounted_to_be_written(docker, tmp_path):
    # What its user may write: the folder of the control groups is root's, whatever its mount says.
    writable = {place: kind for _, place, kind, how, may in seen(docker, tmp_path)["mounts"] if may and "rw" in how.split(",")}
    scratch = writable.pop("/tmp")
    assert scratch == "tmpfs"
    assert all(place.startswith(("/dev", "/proc/")) for place in writable), writable


def test_too_many_processes_are_refused(docker, tmp_path):
    # Before the seal: afterwards there is one.
    first = """
import os, signal
COUNT = 0
try:
    while COUNT < 2000:
        if os.fork() == 0:
            signal.pause()
        COUNT += 1
except BlockingIOError:
    pass
"""
    ended = Bench(docker, CONFIG, tmp_path).run("output.result('ok', count=COUNT)\n", first)
    assert ended.status is Status.OK, ended.error
    assert 0 < ended.content["count"] < 300


def test_memory_is_the_containers_not_only_the_process(docker, tmp_path):
    """Four processes share the limit: the address-space limit of each doesn't see their sum, the container's does."""
    first = """
import os
for _ in range(4):
    if os.fork() == 0:
        block = bytearray(200 * 1024**2)
        os._exit(0 if sum(block[::4096]) == 0 else 1)
block = bytearray(200 * 1024**2)
ENDS = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(4)]
"""
    limits = LIMITS.model_copy(update={"memory_bytes": 512 * 1024**2})
    hold = first.replace("os._exit", "import time; time.sleep(3); os._exit")
    ended = Bench(docker, CONFIG, tmp_path).run("output.result('ok', ends=ENDS)\n", hold, limits)
    assert ended.status is Status.OUT_OF_MEMORY or -signal.SIGKILL in ended.content["ends"], ended.error


def test_containers_of_a_killed_host_are_gone_or_swept(docker, tmp_path):
    bench = Bench(docker, CONFIG, tmp_path)
    code = bench.code("output.progress(a=1)\nimport time\ntime.sleep(60)\n")
    (tmp_path / "config.toml").write_text(to_toml(CONFIG))
    places = [str(path) for path in (tmp_path / "config.toml", code, bench.job_folder)]
    host = [sys.executable, "-m", "designer.executors.conformance_host", *places, "marker"]
    with subprocess.Popen(host, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 2
    while of_process(docker, process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not of_process(docker, process.pid)


def test_a_container_that_was_never_started_is_swept(docker, tmp_path):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    label = f"{os.stat('/proc/self/ns/pid').st_ino} {gone.stdout.strip()} 1"
    made = docker.engine.create(docker.image.reference, ["/none"], {"network_mode": "none"}, {"labels": {OWNER: f"x/{label}"}})
    assert sweep(docker.engine) >= 1
    assert made not in [kept.id for kept in docker.engine.containers(OWNER)]


def of_process(docker, pid: int) -> list[str]:
    return [kept.id for kept in docker.engine.containers(OWNER) if f" {pid} " in kept.labels[OWNER]]
