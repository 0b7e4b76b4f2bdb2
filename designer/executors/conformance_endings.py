"""Conformance, first half: every way in which a box can end, and how it must be told."""

from __future__ import annotations

import time
from collections.abc import Mapping

from designer.errors import DesignerError, DiskError, MachineError
from designer.executors import JobResult
from designer.executors.conformance import LIMITS, REWARD, Bench, BrokenError, Check, job
from designer.records import Status

MAX_STDERR_CHARACTERS = 256 * 1024
PROMPTLY_S = 15.0


def _expect(bench: Bench, ended: JobResult, status: Status, *words: str) -> None:
    bench.require(ended.status is status, f"the status is {ended.status} instead of {status}: {ended.error}")
    for word in words:
        bench.require(word in ended.error, f"{word!r} is not in the error: {ended.error!r}")


def result_comes_out(bench: Bench) -> str:
    told: list[Mapping[str, float]] = []
    verb = "output.progress(share=0.5)\noutput.write('policy.safetensors', b'weights')\noutput.result('ok', answer=42)\n"
    ended = bench.run(verb, progress=told.append)
    _expect(bench, ended, Status.OK)
    bench.require(ended.content.get("answer") == 42, ended.content)
    bench.require((bench.job_folder / "policy.safetensors").read_bytes() == b"weights", "the file is another one")
    bench.require(told == [{"share": 0.5}], told)
    return f"result, file and progress came out of {ended.walls}"


def own_verdict_counts(bench: Bench) -> str:
    ended = bench.run("output.result('rejected', error='no such field', line=3)\n")
    _expect(bench, ended, Status.REJECTED, "line 3: no such field")
    bench.require(ended.content == {}, ended.content)
    return ended.error


def exception_is_the_workers(bench: Bench) -> str:
    ended = bench.run("raise ValueError('no good')\n")
    _expect(bench, ended, Status.CRASHED, "no good")
    return ended.error


def exit_is_a_crash(bench: Bench) -> str:
    ended = bench.run("import os\nos.write(2, b'good bye')\nos._exit(3)\n")
    _expect(bench, ended, Status.CRASHED, "exit status 3", "good bye")
    return ended.error


def silent_success_is_a_crash(bench: Bench) -> str:
    ended = bench.run("import os\nos._exit(0)\n")
    _expect(bench, ended, Status.CRASHED, "without a result")
    return ended.error


def signal_is_a_crash(bench: Bench) -> str:
    ended = bench.run("import ctypes\nctypes.string_at(0)\n")
    _expect(bench, ended, Status.CRASHED, "signal 11")
    return ended.error


def cpu_time_is_limited(bench: Bench) -> str:
    limits = LIMITS.model_copy(update={"cpu_s": 2})
    ignoring = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
    for verb in ("while True: pass\n", ignoring + "while True: pass\n"):
        ended = bench.run(verb, limits=limits)
        _expect(bench, ended, Status.TIMED_OUT, "CPU time")
    return f"{ended.error}, also where SIGXCPU is ignored"


def wall_time_is_limited(bench: Bench) -> str:
    limits = LIMITS.model_copy(update={"wall_s": 3.0})
    for verb in ("", "output.result('ok')\n"):
        ended = bench.run(f"{verb}import time\ntime.sleep(60)\n", limits=limits)
        _expect(bench, ended, Status.TIMED_OUT, "wall time")
        bench.require(ended.wall_s < 3 + PROMPTLY_S, f"it took {ended.wall_s:.0f} s")
    return f"{ended.error}, whatever it had sent"


def memory_is_limited(bench: Bench) -> str:
    limits = LIMITS.model_copy(update={"memory_bytes": 512 * 1024**2})
    for verb in ("b = bytearray(10**11)\n", "b = []\nwhile True: b.append(bytearray(10**7))\n"):
        ended = bench.run(verb, limits=limits)
        bench.require(ended.status in (Status.OUT_OF_MEMORY, Status.CRASHED), f"{ended.status}: {ended.error}")
    return f"{ended.status}: {ended.error}"


def output_flood_is_stopped(bench: Bench) -> str:
    limits = LIMITS.model_copy(update={"output_bytes": 1024**2})
    ended = bench.run("while True: output.write('progress', b'{\"a\": 1}')\n", limits=limits)
    _expect(bench, ended, Status.CRASHED, "more bytes than it may")
    ended = bench.run("stream = output._stream\nwhile True: stream.write(bytes(65536))\n", limits=limits)
    _expect(bench, ended, Status.CRASHED)
    bench.require(ended.wall_s < PROMPTLY_S, f"it took {ended.wall_s:.0f} s to kill a box that floods its stream")
    return f"killed in {ended.wall_s:.1f} s while it flooded"


def chatter_is_capped(bench: Bench) -> str:
    ended = bench.run("import os\nfor _ in range(2000): os.write(2, b'x' * 4096)\noutput.result('ok')\n")
    _expect(bench, ended, Status.OK)
    size = (bench.job_folder / "stderr.txt").stat().st_size
    bench.require(size <= MAX_STDERR_CHARACTERS, f"stderr.txt has {size} bytes")
    return f"of 8 MB of standard error {size // 1024} KiB were kept"


def broken_frames_are_refused(bench: Bench) -> str:
    frames = {
        "noise": "b'not a frame at all'",
        "a NaN": "b'DSGN\\x0bresult.json' + (23).to_bytes(8, 'big') + b'{\"status\": \"ok\", \"a\":NaN'",
        "deep nesting": "b'DSGN\\x0bresult.json' + (20000).to_bytes(8, 'big') + b'[' * 20000",
        "a huge size": "b'DSGN\\x0bresult.json' + (2**62).to_bytes(8, 'big')",
        "a torn frame": "b'DSGN\\x0bresult.json' + (9).to_bytes(8, 'big') + b'{'",
    }
    for name, raw in frames.items():
        ended = bench.run(f"stream = output._stream\nstream.write({raw})\nstream.flush()\n")
        bench.require(ended.status is Status.CRASHED and not ended.content, f"{name}: {ended.status} {ended.content}")
        bench.require(not (bench.job_folder / "result.json").exists(), f"{name}: a result was written")
    return f"{', '.join(frames)}: each is a crash of the worker's, and nothing is written"


def hostile_names_are_refused(bench: Bench) -> str:
    names = ("../out", "/tmp/out", "job.json", "reward.py", "stderr.txt", "a/../b", "result.json\\0x", "")
    for name in names:
        ended = bench.run(f"output.write('{name}', b'owned')\noutput.result('ok')\n")
        _expect(bench, ended, Status.CRASHED, "not allowed")
        written = {path.name for path in bench.job_folder.iterdir()}
        bench.require(written <= {"job.json", "reward.py", "stderr.txt"}, written)
        bench.require((bench.job_folder / "reward.py").read_bytes() == REWARD, f"{name} replaced reward.py")
    return f"frames named {', '.join(map(repr, names))} are refused"


def any_folder_will_do(bench: Bench) -> str:
    folder = bench.folder / "a b,c:d='\"$(x)`\\ é"
    executor = bench.provider.executor(bench.code("output.result('ok', size=len(files('reward.py')))\n"))
    ended = executor.run(job(), folder, lambda _: None)
    _expect(bench, ended, Status.OK)
    bench.require(ended.content["size"] == len(REWARD), ended.content)
    return f"a job ran in {folder.name!r}"


def earlier_attempts_are_removed(bench: Bench) -> str:
    bench.job_folder.mkdir()
    (bench.job_folder / "policy.safetensors").write_bytes(b"old")
    _expect(bench, bench.run("output.result('ok')\n"), Status.OK)
    left = sorted(path.name for path in bench.job_folder.iterdir())
    bench.require(left == ["job.json", "result.json", "reward.py", "stderr.txt"], left)
    return "what an earlier attempt had left in the folder is gone"


def broken_sandbox_raises(bench: Bench) -> str:
    lacking = bench.executors_that_lack_something()
    for lack, executor in lacking.items():
        try:
            ended = executor.run(job(), bench.job_folder, lambda _: None)
        except MachineError:
            continue
        except DesignerError as error:
            raise BrokenError(f"without {lack}: {type(error).__name__} instead of a MachineError: {error}") from error
        raise BrokenError(f"without {lack} the job came out as {ended.status}: {ended.error}")
    return f"without {', '.join(lacking)}: an error of the machine's, not a verdict on the job"


def full_disk_ends_the_box(bench: Bench) -> str:
    def full(numbers: Mapping[str, float]) -> None:
        raise DiskError("the disk is full")

    started = time.monotonic()
    try:
        bench.run("output.progress(a=1)\nimport time\ntime.sleep(60)\n", progress=full)
    except DiskError:
        took = time.monotonic() - started
        bench.require(took < PROMPTLY_S, f"it took {took:.0f} s")
        return f"the error came through and the box was ended, in {took:.1f} s"
    raise BrokenError("the error of a full disk was swallowed")


CHECKS = (
    Check("result and files come out", result_comes_out),
    Check("a worker's own verdict counts", own_verdict_counts),
    Check("an exception is a crash", exception_is_the_workers),
    Check("an exit is a crash", exit_is_a_crash),
    Check("an end without a result is a crash", silent_success_is_a_crash),
    Check("a signal is a crash", signal_is_a_crash),
    Check("CPU time is limited", cpu_time_is_limited),
    Check("wall time is limited", wall_time_is_limited),
    Check("memory is limited", memory_is_limited),
    Check("a flood of output is stopped", output_flood_is_stopped),
    Check("a flood of words is capped", chatter_is_capped),
    Check("broken frames are refused", broken_frames_are_refused),
    Check("hostile names are refused", hostile_names_are_refused),
    Check("any folder's name will do", any_folder_will_do),
    Check("an earlier attempt's files are removed", earlier_attempts_are_removed),
    Check("a sandbox that can't work says so", broken_sandbox_raises),
    Check("a full disk ends the box", full_disk_ends_the_box),
)
