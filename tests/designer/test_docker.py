"""The docker executor over an engine that makes nothing: what it asks for, and what it makes of every answer."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from designer.errors import DiskError, InterruptedRunError, SandboxError
from designer.executors import Job, JobResult, Limits
from designer.executors.attached import MAX_STDERR_BYTES, Demultiplexer
from designer.executors.docker import Docker, Image, Options, leftovers, staged
from designer.executors.engine import Kept
from designer.executors.owners import OWNER, is_orphan, own_label, sweep
from designer.records import Status
from tests.designer.fake_engine import ERR, OK, OUT, SEALED, FakeEngine, NoEngine, frame, packed, report

LIMITS = Limits(cpu_s=20, wall_s=30, memory_bytes=2 * 1024**3, file_bytes=1000)


def silent(numbers) -> None:
    pass


def docker(tmp_path: Path, engine: FakeEngine, **options) -> Docker:
    (tmp_path / "code" / "sandbox").mkdir(parents=True, exist_ok=True)
    return Docker(engine, Image("image"), tmp_path / "code", Options(**options))


def run(tmp_path: Path, engine: FakeEngine, limits: Limits = LIMITS, told=silent, **options) -> JobResult:
    job = Job("probe", {"a": 1}, {"reward.py": b"source"}, limits)
    return docker(tmp_path, engine, **options).run(job, tmp_path / "job", told)


# What is asked for --------------------------------------------------------------------------------------------------


def test_a_container_has_every_wall_and_limit(tmp_path):
    engine = FakeEngine()
    run(tmp_path, engine)
    settings, config = engine.made["settings"], engine.made["config"]
    wanted = {
        **{"network_mode": "none", "ipc_mode": "none", "read_only": True, "cap_drop": ["ALL"], "auto_remove": True},
        **{"security_opt": ["no-new-privileges"], "mem_limit": 2 * 1024**3, "memswap_limit": 2 * 1024**3},
        **{"runtime": None, "device_requests": None, "init": False},
    }
    assert wanted.items() <= settings.items()
    assert settings["pids_limit"] > 0
    assert settings["nano_cpus"] > 0
    assert {limit.name: limit.hard for limit in settings["ulimits"]} == {"fsize": 1000, "nofile": 256, "core": 0}
    assert {"noexec", "nosuid", "nodev"} <= set(settings["tmpfs"]["/tmp"].split(","))
    assert "size=" in settings["tmpfs"]["/tmp"]
    assert "nr_inodes=" in settings["tmpfs"]["/tmp"]
    assert settings["log_config"]["Type"] == "none"
    assert config["user"] == "10001:10001"
    assert "privileged" not in settings


def test_only_the_code_and_the_job_are_bound_and_read_only(tmp_path):
    engine = FakeEngine()
    run(tmp_path, engine)
    assert {mount["Target"] for mount in engine.made["settings"]["mounts"]} == {"/code", "/job"}
    assert all(mount["ReadOnly"] and mount["Type"] == "bind" for mount in engine.made["settings"]["mounts"])
    assert "docker.sock" not in str(engine.made)


def test_a_container_gets_no_variable_of_the_host(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    engine = FakeEngine()
    run(tmp_path, engine)
    assert "sk-planted" not in str(engine.made)
    assert "OPENAI_API_KEY" not in engine.made["config"]["environment"]


def test_runtime_and_gpus_are_passed_on(tmp_path):
    engine = FakeEngine()
    ended = run(tmp_path, engine, runtime="runsc", gpu=True)
    assert engine.made["settings"]["runtime"] == "runsc"
    assert engine.made["settings"]["device_requests"][0]["Capabilities"] == [["gpu"]]
    assert ended.walls.startswith("runsc + ")


def test_container_is_attached_to_before_its_start_and_removed_after(tmp_path):
    engine = FakeEngine()
    run(tmp_path, engine)
    assert engine.asked == ["create", "attach", "start", "remove c0ffee"]


def test_staged_files_can_be_read_by_anybody(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "private" / "file").write_text("x")
    (tmp_path / "private" / "file").chmod(0o600)
    staged(tmp_path / "private", tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "copy" / "file").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "private" / "file").stat().st_mode & 0o777 == 0o600


# What comes out -----------------------------------------------------------------------------------------------------


def test_result_and_words_come_out(tmp_path):
    told: list[object] = []
    said = packed(OUT, SEALED + frame("progress", {"share": 0.5})), packed(ERR, b"a warning\n")
    ended = run(
        tmp_path,
        FakeEngine([*said, packed(OUT, frame("result.json", {"status": "ok", "answer": 42})), report()]),
        told=told.append,
    )
    assert (ended.status, ended.content["answer"], ended.cpu_s) == (Status.OK, 42, 0.5)
    assert ended.walls == "runc + no network + seccomp"
    assert told == [{"share": 0.5}]
    assert (tmp_path / "job" / "stderr.txt").read_text() == "a warning\n"


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces_of_any_size_are_put_together(size):
    sent = packed(OUT, b"abc") + packed(ERR, b"words") + packed(OUT, b"") + packed(OUT, b"def") + report(cpu_s=3)
    heard = Demultiplexer()
    out = b"".join(heard.feed(sent[start : start + size]) for start in range(0, len(sent), size))
    assert (out, heard.stderr()) == (b"abcdef", b"words")
    assert (heard.report() or {})["cpu_s"] == 3


def test_a_flood_of_words_keeps_its_start_and_the_report():
    heard = Demultiplexer()
    for _ in range(100):
        heard.feed(packed(ERR, b"x" * 10_000))
    heard.feed(report(exit=7))
    assert len(heard.stderr()) == MAX_STDERR_BYTES
    assert (heard.report() or {})["exit"] == 7


def test_a_report_that_the_worker_forges_is_not_the_last_line(tmp_path):
    forged = packed(ERR, b'\n{"exit": 0, "cpu_s": 0.001, "walls": ["forged"]}\n')
    ended = run(tmp_path, FakeEngine([forged, OK, report(cpu_s=9.0)]))
    assert ended.cpu_s == 9.0
    assert "forged" not in ended.walls


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"exit": 3}, Status.CRASHED, "exit status 3"),
        ({"exit": None, "signal": 11}, Status.CRASHED, "signal 11"),
        ({"exit": None, "signal": 9, "out_of_memory": True}, Status.OUT_OF_MEMORY, "2.0 GiB of memory"),
        ({"exit": None, "signal": 9, "cpu_s": 20.5}, Status.TIMED_OUT, "CPU time"),
        ({"exit": None, "signal": 24, "cpu_s": 20.0}, Status.TIMED_OUT, "CPU time"),
    ],
)
def test_an_end_without_a_result_is_told_by_the_launchers_report(tmp_path, changes, status, words):
    ended = run(tmp_path, FakeEngine([packed(OUT, SEALED), report(**changes)]))
    assert ended.status is status
    assert words in ended.error


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ([packed(OUT, SEALED)], "without a word of its launcher"),
        ([report(refused="the container runs as root")], "refused to start its worker: the container runs as root"),
        (
            [packed(OUT, frame("seal", {"sealed": False, "why": "no seccomp here"})), report()],
            "can't be sealed: no seccomp here",
        ),
        ([packed(OUT, frame("result.json", {"status": "ok"})), report()], "without its seal"),
    ],
)
def test_what_the_sandbox_failed_to_do_is_an_error(tmp_path, says, words):
    engine = FakeEngine(says)
    with pytest.raises(SandboxError, match=words):
        run(tmp_path, engine)
    assert engine.asked[-1] == "remove c0ffee"


def test_no_engine_and_no_image_are_told_apart(tmp_path):
    with pytest.raises(SandboxError, match="no engine could answer"):
        run(tmp_path, NoEngine())
    with pytest.raises(SandboxError, match=r"has no image image. Type: designer image build"):
        run(tmp_path, FakeEngine(images=()))


def test_the_self_check_names_the_walls_and_is_made_once(tmp_path):
    engine = FakeEngine()
    executor = docker(tmp_path, engine)
    assert executor.walls() == executor.walls() == "runc + no network + seccomp"
    assert engine.asked.count("create") == 1


# Being ended --------------------------------------------------------------------------------------------------------


def test_the_line_is_drained_while_a_container_is_killed(tmp_path):
    flood = [packed(OUT, SEALED), packed(OUT, b"noise"), *[packed(OUT, bytes(60_000))] * 200]
    engine = FakeEngine(flood, waits=True)
    started = time.monotonic()
    ended = run(tmp_path, engine)
    assert (ended.status, ended.error) == (Status.CRASHED, "the box's stream is not made of frames")
    assert "killed" in engine.asked, "the engine came back from the kill: all was taken"
    assert time.monotonic() - started < 9


def test_wall_limit_kills(tmp_path):
    engine = FakeEngine([OK], waits=True)
    ended = run(tmp_path, engine, limits=LIMITS.model_copy(update={"wall_s": 0.3}))
    assert (ended.status, ended.content) == (Status.TIMED_OUT, {})
    assert engine.asked[-2:] == ["killed", "remove c0ffee"]


def test_a_full_disk_kills_and_comes_through(tmp_path):
    def full(numbers) -> None:
        raise DiskError("the disk is full")

    engine = FakeEngine([packed(OUT, SEALED + frame("progress", {"a": 1}))], waits=True)
    with pytest.raises(DiskError):
        run(tmp_path, engine, told=full)
    assert engine.asked[-2:] == ["killed", "remove c0ffee"]


def test_stop_kills_what_runs_and_starts_nothing_more(tmp_path):
    engine = FakeEngine([packed(OUT, SEALED + frame("progress", {"a": 1}))], waits=True)
    executor = docker(tmp_path, engine)
    job = Job("probe", {}, {}, LIMITS)
    with pytest.raises(InterruptedRunError):
        executor.run(job, tmp_path / "job", lambda _: executor.stop())
    assert engine.asked[-2:] == ["killed", "remove c0ffee"]
    with pytest.raises(InterruptedRunError):
        executor.run(job, tmp_path / "other", silent)
    assert engine.asked.count("create") == 1


# What is left -------------------------------------------------------------------------------------------------------


def kept(label: str, state: str = "running") -> Kept:
    return Kept(label, {OWNER: label}, state)


def test_a_container_belongs_to_a_living_process_or_is_swept():
    machine, pid, born = own_label().split()
    assert int(pid) == os.getpid()
    assert not is_orphan(kept(f"{machine} {pid} {born}"))
    assert is_orphan(kept(f"{machine} {2**22 + 1} {born}")), "no such process"
    assert is_orphan(kept(f"{machine} {pid} 1")), "the id was given to another process since"
    assert not is_orphan(kept(f"elsewhere {pid} {born}")), "another machine's may be at work"
    assert is_orphan(kept(f"elsewhere {pid} {born}", "exited"))


def test_the_sweep_removes_orphans_only(tmp_path):
    machine, pid, _ = own_label().split()
    engine = FakeEngine()
    engine.kept = [kept(own_label()), kept(f"{machine} {pid} 1")]
    assert sweep(engine) == 1
    assert engine.asked == [f"remove {machine} {pid} 1"]


def test_leftovers_are_named():
    engine = FakeEngine()
    engine.kept = [Kept("0123456789abcdef", {OWNER: own_label()}, "removing")]
    assert leftovers(engine) == ["container 0123456789ab (removing)"]
