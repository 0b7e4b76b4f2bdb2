"""Conformance, second part: what a box can reach.

Most attempts are made twice: before the worker seals itself, against the outer walls alone, and after.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from designer.executors.conformance import LIMITS, REWARD, Bench, BrokenError, Check, job
from designer.records import Status

PROMPTLY_S = 5.0

# Every attempt is made as module code (sealed = False) and in the verb (sealed = True); SEEN goes out with the result.
TWICE = "SEEN = {{}}\n{attempt}\nattempt(JOB, SEEN.setdefault('before', {{}}))\n"
JOB_FILE = "import json, sys\nJOB = json.loads(open(sys.argv[1] + '/job.json').read())\n"
THEN = "attempt(job, SEEN.setdefault('after', {}))\noutput.result('ok', **SEEN)\n"


def _tried(bench: Bench, attempt: str, **spec: Any) -> dict[str, dict[str, Any]]:
    """Make an attempt before and after the seal; return what was seen each time."""
    ended = bench.run(THEN, JOB_FILE + TWICE.format(attempt=attempt), LIMITS, **spec)
    if ended.status is not Status.OK:
        raise BrokenError(f"the box ended as {ended.status}: {ended.error}")
    return {when: dict(ended.content[when]) for when in ("before", "after")}


def environment_is_its_own(bench: Bench) -> str:
    secret = f"sk-{uuid.uuid4().hex}"
    attempt = """
from pathlib import Path
def attempt(job, seen):
    import os
    seen["own"] = dict(os.environ)
    seen["others"] = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            seen["others"].append(place.read_bytes().decode(errors="replace")[:20000])
        except OSError:
            pass
"""
    os.environ["DESIGNER_CONFORMANCE_SECRET"] = secret
    try:
        seen = _tried(bench, attempt)
    finally:
        del os.environ["DESIGNER_CONFORMANCE_SECRET"]
    bench.require(secret not in str({when: found["own"] for when, found in seen.items()}), "a variable of the host is inside")
    if bench.provider.isolates:
        bench.require(secret not in str(seen), "the environment of a process outside can be read")
    return f"its variables: {', '.join(sorted(seen['after']['own']))}"


def network_is_out_of_reach(bench: Bench) -> str:
    attempt = """
import socket
def attempt(job, seen):
    ways = (("loopback", socket.AF_INET, ("127.0.0.1", job["port"])), ("name", socket.AF_UNIX, job["name"]))
    for name, family, where in ways:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as line:
                line.settimeout(3)
                line.connect(where)
            seen[name] = "reached"
        except OSError as error:
            seen[name] = str(error)
"""
    name = f"\0designer-{uuid.uuid4().hex}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        if sys.platform.startswith("linux"):
            named.bind(name)
            named.listen()
        seen = _tried(bench, attempt, port=server.getsockname()[1], name=name)
    bench.require("reached" not in seen["after"].values(), seen)
    outer = "also before the seal" if "reached" not in seen["before"].values() else "by the seal alone"
    return f"a port and a socket of this machine are out of reach, {outer}"


def files_are_out_of_reach(bench: Bench) -> str:
    attempt = """
import os
def attempt(job, seen):
    for path in (job["canary"], "/etc/shadow", "/root/.ssh", "/var/run/docker.sock", "/proc/1/root" + job["canary"]):
        try:
            os.close(os.open(path, os.O_RDONLY))
            seen[path] = "opened"
        except OSError as error:
            seen[path] = str(error)
"""
    with _canary() as canary:
        seen = _tried(bench, attempt, canary=str(canary))
    opened = [f"{path} {when} the seal" for when, found in seen.items() for path, how in found.items() if how == "opened"]
    bench.require(not opened, opened)
    return "a file that everybody may read, and others of this machine, can't be opened, before the seal and after"


def nothing_outside_can_be_written(bench: Bench) -> str:
    attempt = """
import os, sys
def attempt(job, seen):
    code = os.path.dirname(os.path.abspath(__file__))
    folders = ("/", "/etc", "/usr", "/var/tmp", "/dev", "/dev/shm", "/sys", "/proc/sys/kernel", sys.prefix, code)
    paths = [folder + "/" + job["marker"] for folder in (*folders, sys.argv[1], job["outside"])]
    for path in [*paths, sys.argv[1] + "/reward.py"]:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
            seen[path] = "written"
        except OSError as error:
            seen[path] = str(error)
"""
    marker = uuid.uuid4().hex
    with _canary() as canary:
        outside = canary.parent
        outside.chmod(0o777)
        seen = _tried(bench, attempt, marker=marker, outside=str(outside))
        bench.require(not (outside / marker).exists(), "a folder that everybody may write was written")
    # A private folder of the box under a known name is no fault, if nothing of it lies on the machine.
    written = [path for found in seen.values() for path, how in found.items() if how == "written"]
    real = [path for path in written if Path(path).exists()]
    bench.require(not real, f"written on the machine: {real}")
    bench.require((bench.job_folder / "reward.py").read_bytes() == REWARD, "the job's folder was written")
    names = {path.name for path in bench.job_folder.iterdir()}
    bench.require(names == {"job.json", "result.json", "reward.py", "stderr.txt"}, f"in the job's folder: {names}")
    return "neither the machine's folders nor the job's can be written, before the seal and after"


def other_processes_are_out_of_reach(bench: Bench) -> str:
    attempt = """
import os
def attempt(job, seen):
    for number in (0, 9):
        try:
            os.kill(job["pid"], number)
            seen[str(number)] = "sent"
        except OSError as error:
            seen[str(number)] = str(error)
"""
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]) as bystander:
        try:
            seen = _tried(bench, attempt, pid=bystander.pid)
            alive = bystander.poll() is None
        finally:
            bystander.kill()
    bench.require(alive, f"a process outside was killed: {seen}")
    bench.require("sent" not in seen["after"].values(), seen)
    return "a process of the same person outside lived on"


def worker_is_sealed(bench: Bench) -> str:
    verb = """
import os, socket, subprocess, sys
seen = {}
for name, attempt in {
    "fork": os.fork,
    "exec": lambda: os.execv(sys.executable, [sys.executable, "-c", "print(1)"]),
    "spawn": lambda: subprocess.run([sys.executable, "-c", ""]),
    "socket": socket.socket,
    "signal": lambda: os.kill(1, 0),
    "link": lambda: os.symlink("/etc", "link"),
}.items():
    try:
        attempt()
        seen[name] = "done"
    except OSError as error:
        seen[name] = str(error)
state = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""
seen["rights"] = [line for line in state.splitlines() if line.startswith(("CapEff", "CapPrm", "NoNewPrivs", "Seccomp:"))]
output.result("ok", **seen)
"""
    ended = bench.run(verb)
    bench.require(ended.status is Status.OK, f"{ended.status}: {ended.error}")
    done = [name for name, how in ended.content.items() if how == "done"]
    bench.require(not done, f"a sealed worker could: {done}")
    rights = {line.split(":")[0]: line.split()[1] for line in ended.content["rights"]}
    if rights:
        wanted = {"CapEff": "0" * 16, "CapPrm": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
        bench.require(wanted.items() <= rights.items(), rights)
    return "no program, process, socket, signal or link from a sealed worker; no capability, no new privileges"


def scratch_space_is_bounded(bench: Bench) -> str:
    limits = LIMITS.model_copy(update={"file_bytes": 1_000_000})
    verb = """
try:
    with open("large", "wb") as file:
        for _ in range(40):
            file.write(bytes(100_000))
            file.flush()
    output.result("ok", size=4_000_000)
except OSError as error:
    output.result("ok", size=__import__("os").path.getsize("large"), error=str(error))
"""
    ended = bench.run("import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + verb, limits=limits)
    bench.require(ended.status is Status.OK and ended.content["size"] <= 1_000_000, f"{ended.status} {ended.content}")
    return f"a file ended at {ended.content['size']:,} bytes"


def boxes_are_apart(bench: Bench) -> str:
    met = threading.Barrier(2)
    executor = bench.provider.executor(bench.code("output.progress(at=1)\noutput.result('ok', who=job['who'])\n"))
    seen: dict[str, object] = {}

    def one(who: str) -> None:
        ended = executor.run(job(who=who), bench.folder / who, lambda _: meet(met))
        seen[who] = ended.content.get("who")

    both(one, ("a", "b"))
    bench.require(seen == {"a": "a", "b": "b"}, seen)
    return "two at once, each with its own result"


def real_worker_works(bench: Bench) -> str:
    from designer.assemble import describe_job
    from designer.runs import stage_worker_code

    stage_worker_code(bench.folder / "real")
    executor = bench.provider.executor(bench.folder / "real")
    ended = executor.run(describe_job("half_cheetah", bench.config), bench.job_folder, lambda _: None)
    bench.require(ended.status is Status.OK, f"{ended.status}: {ended.error}")
    return f"it described a world in {ended.wall_s:.1f} s"


# What the checks share ----------------------------------------------------------------------------------------------


@contextmanager
def _canary() -> Iterator[Path]:
    """Give a file of this machine that everybody may read, in a folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="designer-canary-"))
    try:
        folder.chmod(0o755)
        (folder / "canary").write_text("a file of the machine\n")
        yield folder / "canary"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def meet(barrier: threading.Barrier) -> None:
    barrier.wait(30)


def both(one: Callable[[str], None], names: tuple[str, str]) -> None:
    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


CHECKS = (
    Check("its environment is its own", environment_is_its_own),
    Check("the network is out of reach", network_is_out_of_reach, wall=True),
    Check("files of the machine are out of reach", files_are_out_of_reach, wall=True),
    Check("nothing outside can be written", nothing_outside_can_be_written, wall=True),
    Check("other processes are out of reach", other_processes_are_out_of_reach, wall=True),
    Check("the worker is sealed", worker_is_sealed, wall=True),
    Check("a file's size is limited", scratch_space_is_bounded),
    Check("two boxes are apart", boxes_are_apart),
    Check("the real worker works", real_worker_works),
)
