"""Runs with tiny trainings and faults at random, until the minutes are over: is anything lost, bought twice, or left behind?

    python -m benchmarks.soak FOLDER --minutes 120

Real boxes, a scripted endpoint. FOLDER/soak.jsonl gets a line for every session and run; started again with the same folder it
goes on, and the summary is over all of it. As root the runs lie on a small file system of their own, which can be filled. A
line that says "wrong" is a finding; with any, it exits with 1. What may be lost: an answer on its way to a host that is killed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.soak_endpoint import Endpoint, asked_of
from benchmarks.soak_faults import DISK_MB, FAKETIME, FAULTS, RESERVE_GB, Place, descendants, tear_journal
from designer import __version__
from designer.archive import Archive
from designer.journal import Stamped, TrialsFinished, read
from designer.machine_slots import held_slots
from designer.stopping import endings_heard

SETTINGS = {
    "training.steps": 2048, "search.rounds": 4, "search.population": 4, "search.final-seeds": 2, "search.confirm-seeds": 1,
    "search.finalists": 2, "evaluation.episodes": 2, "evaluation.checkpoints": 2, "evaluation.checkpoint-episodes": 1,
    "clips": "false", "cached-baselines": "false", "llm.critic": 0, "llm.analyst": "false", "llm.model": "soak",
    "llm.max-calls": 1000, "disk.reserve-gb": RESERVE_GB, "executor.cpu-s-per-1k-steps": 1, "executor.memory-gb": 3,
}  # fmt: skip
SET_CLOCK = "clock set"
SESSIONS_A_RUN = 12
FAULTY_SESSIONS = 8
LONGEST_SESSION_S = 900.0


class Soak:
    """One soak: its places, its endpoint, and the log."""

    def __init__(self, folder: Path, place: Place, seed: int, worker: Path | None) -> None:
        self.worker = worker
        self.log = folder / "soak.jsonl"
        self.place = place
        self.draw = random.Random(seed)
        self.endpoint = Endpoint(seed)
        self.kills = 0

    def note(self, **what: object) -> None:
        with open(self.log, "a") as file:
            file.write(json.dumps(what) + "\n")
        print(json.dumps(what), flush=True)

    def one_run(self, until: float) -> None:
        """Start a run, disturb it, go on with it until it is finished, and look at what it left."""
        before = set(self.place.runs.glob("2*"))
        sold_before, kills_before, began = self.endpoint.sold.copy(), self.kills, time.monotonic()
        run: Path | None = None
        stored: dict[str, bytes] = {}
        for session in range(SESSIONS_A_RUN):
            faulty = session < FAULTY_SESSIONS and time.monotonic() < until
            self.session(run, faulty)
            run = next(iter(set(self.place.runs.glob("2*")) - before), None)
            if run is None:
                continue
            self.compare_stored(run, stored)
            if (run / "report.html").exists():
                break
            tear_journal(run, self.draw)
        if run is None or not (run / "report.html").exists():
            self.note(kind="run", wrong=[f"not finished after {SESSIONS_A_RUN} sessions"], run=str(run))
            return
        sold = Counter({asked: n - sold_before[asked] for asked, n in self.endpoint.sold.items() if n > sold_before[asked]})
        wrong = [*findings(run), *self.bought_twice(run, sold, self.kills - kills_before), *left_behind(run, self.place)]
        archive = Archive.of(stamped.event for stamped in read(run / "journal.jsonl"))
        counts = {"candidates": len(archive.candidates), "trials": len(archive.trials), "calls": archive.calls_started}
        self.note(kind="run", wrong=wrong, sessions=session + 1, seconds=round(time.monotonic() - began), **counts)
        if not wrong:
            subprocess.run(["rm", "-rf", run], check=True)

    def session(self, run: Path | None, faulty: bool) -> None:
        """Run the command once, with at most one fault, and note how it ended and how much memory it had."""
        self.place.clock.write_text("+0\n")
        flags = [text for name, value in SETTINGS.items() for text in (f"--{name}", str(value))]
        flags += ["--worker.python", str(self.worker)] if self.worker else []
        flags += ["--llm.base-url", self.endpoint.base_url, "--runs", str(self.place.runs)]
        what = [str(run)] if run else ["half_cheetah_backward", *flags]
        fault = self.draw.choice(list(FAULTS)) if faulty else ""
        # As after a sleep, or another start of the machine. faketime and a time namespace don't go together.
        shifted = self.draw.randrange(0, 10**6) if run and os.geteuid() == 0 and fault != SET_CLOCK else 0
        shift = ["unshare", "-T", "--monotonic", str(shifted), "--boottime", str(shifted)] if shifted else []
        own = variables(self.place, fault == SET_CLOCK)
        with open(self.place.temporary / "out.txt", "w") as out:
            process = subprocess.Popen(
                [*shift, sys.executable, "-m", "designer.cli", "run", *what],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, text=True, env=own,
            )  # fmt: skip
            memory = self.watch(process, fault)
        told = (self.place.temporary / "out.txt").read_text().strip().splitlines()
        crashed = [line for line in told if line.startswith("Traceback")]
        self.note(
            kind="session", fault=fault, code=process.returncode, memory_mb=memory, last=told[-1][:200] if told else "",
            wrong=["a traceback: " + " / ".join(told[-3:])] if crashed else [],
        )  # fmt: skip

    def watch(self, process: subprocess.Popen[str], fault: str) -> float:
        """Wait for the end of a session; do the fault somewhere in it. Returns the host's largest memory [MB]."""
        strike = time.monotonic() + self.draw.uniform(1, 12)
        deadline, most = time.monotonic() + LONGEST_SESSION_S, 0.0
        while process.poll() is None:
            most = max(most, memory_mb(process.pid))
            if fault and time.monotonic() > strike:
                self.kills += fault in ("kill -9 of the host", "a signal to the host", "full disk")
                FAULTS[fault](process, self.place, self.endpoint, self.draw)
                fault = ""
            if time.monotonic() > deadline:
                self.note(kind="hang", wrong=[f"a session took more than {LONGEST_SESSION_S:.0f} s"])
                process.kill()
                process.wait()
            time.sleep(0.1)
        return round(most, 1)

    def compare_stored(self, run: Path, stored: dict[str, bytes]) -> None:
        """Note every stored reply that is gone or another one now."""
        now = {path.name: path.read_bytes() for path in (run / "llm").glob("*.json")}
        changed = [name for name, content in stored.items() if now.get(name) != content]
        if changed:
            self.note(kind="replies", wrong=[f"stored replies changed or gone: {', '.join(changed)}"])
        stored.update(now)

    def bought_twice(self, run: Path, sold: Counter[str], kills: int) -> Iterator[str]:
        """Compare what was sold with what is stored: an answer in flight may be lost with its host, four at a time."""
        stored = Counter(
            asked_of(json.loads(path.read_bytes())["request"]["messages"]) for path in (run / "llm").glob("*.json")
        )
        twice = sum(n - stored[asked] for asked, n in sold.items())
        if twice > 4 * kills:
            yield f"{twice} answers more were sold than are stored, with {kills} kills"
        if missing := [asked[:80] for asked, n in stored.items() if sold[asked] < n]:
            yield f"stored, but never sold: {missing}"


def findings(run: Path) -> Iterator[str]:
    """Look through a finished run's journal: every candidate has an end, nothing is there twice, every file is there."""
    events = [stamped.event for stamped in read(run / "journal.jsonl")]
    archive = Archive.of(events)
    if archive.finished is None or archive.finished.winner is None:
        yield f"no winner: {archive.finished}"
    proposed = Counter(event.candidate.id for event in events if event.event == "candidate_proposed")
    trained = Counter(
        (trial.candidate, trial.purpose, trial.seed, trial.until)
        for event in events if isinstance(event, TrialsFinished) for trial in event.trials
    )  # fmt: skip
    yield from (f"{name} is in the journal {n} times" for name, n in (*proposed.items(), *trained.items()) if n > 1)
    for name in archive.candidates:
        if not (run / "candidates" / name / "reward.py").is_file():
            yield f"{name} has no code"
        if archive.trainable(name) and not archive.trials_of(archive.original(name), "search"):
            yield f"{name} was never trained"
    replies = {path.stem for path in (run / "llm").glob("*.json")}
    yield from (f"no reply for {call.key}" for call in archive.calls if call.key not in replies)
    for number, line in enumerate((run / "journal.jsonl").read_bytes().splitlines(), 1):
        try:
            Stamped.model_validate_json(line)
        except ValueError:
            yield f"line {number} of the journal can't be read"


def left_behind(run: Path, place: Place) -> Iterator[str]:
    """Look for processes, temporary files and locks that outlived the run."""
    deadline = time.monotonic() + 15
    while (found := list(_left(run, place))) and time.monotonic() < deadline:
        time.sleep(0.5)
    yield from found


def _left(run: Path, place: Place) -> Iterator[str]:
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(place.small).encode() in command.read_bytes() and int(command.parent.name) != os.getpid():
                yield f"process {command.parent.name} is left"
        except OSError:
            continue
    yield from (f"process {pid} is left below the soak" for pid in descendants(os.getpid()))
    yield from (f"{path} is left" for path in place.temporary.iterdir() if path.name not in ("out.txt", "slots"))
    yield from (f"{path} is left" for path in (*run.rglob("*.tmp"), *run.rglob("trajectories.safetensors")))
    yield from (f"slot {held.slot} is held" for held in held_slots(place.temporary / "slots"))


def variables(place: Place, faked: bool) -> dict[str, str]:
    """Return a run's variables: its own places, no key, and, where it is asked for, a clock that can be set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    own = {"TMPDIR": str(place.temporary), "DESIGNER_SLOTS": str(place.temporary / "slots")}
    if faked and FAKETIME.exists():
        fake = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(place.clock), "FAKETIME_NO_CACHE": "1"}
        own |= {**fake, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    return {**kept, **own}


def memory_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0)


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Put a small file system in a folder, where this machine lets us. Says whether it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=True)


def summary(log: Path) -> tuple[list[str], int]:
    """Sum up a log. Returns lines, and how many findings there are."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    runs, sessions = ([line for line in lines if line["kind"] == kind] for kind in ("run", "session"))
    faults = Counter(line["fault"] for line in sessions if line["fault"])
    wrong = [finding for line in lines for finding in line.get("wrong", ())]
    whole = [line["memory_mb"] for line in sessions if line["memory_mb"] and line["code"] == 0]
    half = len(whole) // 2
    told = [
        f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, designer {__version__}",
        f"{len(runs)} runs in {len(sessions)} sessions, {sum(r.get('seconds', 0) for r in runs) / 60:.0f} min: "
        f"{sum(r.get('candidates', 0) for r in runs)} candidates, {sum(r.get('trials', 0) for r in runs)} trainings, "
        f"{sum(r.get('calls', 0) for r in runs)} model calls",
        "faults: " + ", ".join(f"{name} {n}" for name, n in faults.most_common()),
        "ends of sessions: " + ", ".join(f"{code} {n}" for code, n in Counter(s["code"] for s in sessions).most_common()),
    ]
    if half:
        told.append(
            f"host's largest memory in sessions that finished a run: first half {max(whole[:half]):.0f} MB, second half "
            f"{max(whole[half:]):.0f} MB"
        )
    return [*told, f"findings: {len(wrong)}", *(f"  {finding}" for finding in wrong)], len(wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--worker", type=Path, help="another worker's Python, such as a stand-in that trains nothing")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    seed = asked.seed if asked.seed is not None else int(time.time())
    until = time.monotonic() + 60 * asked.minutes
    with endings_heard(), tempfile.TemporaryDirectory(prefix="soak-") as own, small_disk(Path(own) / "disk") as mounted:
        temporary = Path(own) / "tmp"
        temporary.mkdir()
        place = Place(Path(own) / "disk", temporary, Path(own) / "clock", mounted)
        place.runs.mkdir(exist_ok=True)
        soak = Soak(asked.folder, place, seed, asked.worker)
        while time.monotonic() < until:
            soak.one_run(until)
        soak.endpoint.down()
    told, wrong = summary(soak.log)
    print("\n".join(told))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
