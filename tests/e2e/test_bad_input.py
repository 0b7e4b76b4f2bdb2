"""Whatever a person gets wrong is met by one or two sentences on standard error and exit status 2, never by a traceback."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from designer.journal import TrialsFinished, locked, read
from tests.e2e.command import (
    TINY,
    Ended,
    command,
    designer,
    environment,
    only_run,
    processes_of,
    stand_in,
    started,
    wait_for_line,
)

TASK = "half_cheetah_backward"


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> tuple[str, str]:
    return stand_in(tmp_path_factory.mktemp("worker"))


@pytest.fixture(scope="module")
def finished_run(worker, tmp_path_factory) -> Path:
    """A run that came to its end, with nothing trained."""
    parent = tmp_path_factory.mktemp("finished")
    ended = designer("run", TASK, "--runs", parent, *TINY, *worker, cwd=parent.parent)
    assert ended.code == 0, ended.err
    return only_run(parent)


def assert_refused(ended: Ended, *said: str) -> None:
    assert ended.code == 2, ended.out + ended.err
    assert "Traceback" not in ended.err + ended.out
    assert ended.err.startswith("designer: ")
    assert len(ended.err) < 1200
    for words in said:
        assert words in ended.err


def gone(folder: Path, within_s: float = 3) -> bool:
    deadline = time.monotonic() + within_s
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not processes_of(folder)


# What is typed ------------------------------------------------------------------------------------------------------

SENTENCE = "stand on the front foot"
WORLD = ("--env", "half_cheetah")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["run", "half_cheetah_backwards"], ["no task is called", "Did you mean half_cheetah_backward?"]),
        (["run", "nonsense"], ["no task is called 'nonsense'", "Tasks: "]),
        (["run", SENTENCE], ["needs an environment", "--env HalfCheetah-v5"]),
        (["run", SENTENCE, *WORLD], ["has no fitness", "--fitness", "torso_velocity"]),
        (["run", SENTENCE, *WORLD, "--fitness", "mean(torso_velocty[x])"], ["torso_velocty", "Did you mean torso_velocity?"]),
        (["run", SENTENCE, *WORLD, "--fitness", "mean(torso_velocity[y])"], ["y", "x, z"]),
        (["run", SENTENCE, *WORLD, "--fitness", "mean(torso_velocity[x]"], ["fitness = ", "'(' was never closed"]),
        (["run", SENTENCE, *WORLD, "--fitness", "average(torso_pitch)"], ["average", "mean"]),
        (["run", SENTENCE, *WORLD, "--fitness", "none.py:fitness"], ["none.py can't be read", "No such file"]),
        (["run", TASK, "--fitness", "mean(torso_pitch)"], ["has its own fitness"]),
        (
            ["run", TASK, "--order", "speed: torso_pich", "--order", "calm: -norm(action)"],
            ["factor 1", "Did you mean torso_pitch?"],
        ),
        (["run", TASK, "--order", "speed: torso_pitch"], ["1 factor(s); an order has 2 to 8"]),
        (["run", TASK, "--feedback", "ranking", "--feedback.rater", "heron"], ["has none", "--order"]),
        (["run", TASK, "--env", "hopper"], ["is a task of half_cheetah, not of hopper"]),
        (["run", "none.toml"], ["none.toml can't be read"]),
        (["run", TASK, "--search.round", "3"], ["--search.round is not a setting", "search.rounds"]),
        (["run", TASK, "--search.rounds", "three"], ["search.rounds = 'three'"]),
        (["run", TASK, "--search.population", "0"], ["search.population = '0'"]),
        (["run", TASK, "--config", "none.toml"], ["none.toml can't be read"]),
        (["run", TASK, "--config", "unknown.toml"], ["unknown.toml: search.round is not a", "Did you mean search.rounds?"]),
        (["run", TASK, "--config", "bad.toml"], ["training.gamma = 1.5 (bad.toml)"]),
        (["run", TASK, "--config", "broken.toml"], ["broken.toml is not TOML"]),
        (["run", TASK, "--llm.model", "m"], ["no key for m at https://api.openai.com/v1", "OPENAI_API_KEY"]),
        (["run", TASK, "--llm.model", "m", "--llm.base-url", "http://models.example/v1"], ["no key for m at http://models"]),
        (["run", TASK, "--llm.model", "m", "--llm.base-url", "models"], ["base_url = 'models' is not an http(s) address"]),
        (["run", TASK, "--llm.base-url", "http://me:s3cret@models.example/v1"], ["holds a user, a password"]),
        (["run", TASK, "--llm.provider", "openai"], ["llm.provider = openai needs llm.model"]),
        (["run", TASK, "--llm.provider", "replay"], ["needs llm.replay"]),
        (["run", TASK, "--worker.python", "/none/python"], ["worker.python = /none/python is not a program"]),
        (["run", TASK, "--worker.python", "."], ["worker.python = . is not a program"]),
        (["run", TASK, "--worker.environment", "nativ"], ["'nativ'", "Did you mean native?"]),
        (["run", "."], ["is not a run folder"]),
        (["plan", "nonsense"], ["no task is called"]),
        (["baseline", SENTENCE], ["needs an environment"]),
        (["show", "none"], ["none is not a run folder"]),
        (["show", "."], ["is not a run folder", "`designer show` lists the runs"]),
        (["report", "none"], ["none is not a run folder"]),
        (["replay", "none"], ["none is not a run folder"]),
        (["check", "good.py"], ["--task", "--env"]),
        (["check", "none.py", "--task", TASK], ["none.py can't be read"]),
        (["check", "good.py", "--task", "half_cheetah_backwards"], ["Did you mean half_cheetah_backward?"]),
        (["check", "typo.py", "--task", TASK], ["typo.py is refused", "line 2", "Did you mean torso_velocity?"]),
        (["check", "syntax.py", "--task", TASK], ["syntax.py is refused", "line 1", "not valid Python"]),
        (["check", "import.py", "--task", TASK], ["import.py is refused", "line 1", "os"]),
        (["image", "build", "nativ"], ["There is no worker environment 'nativ'", "Did you mean native?"]),
    ],
    ids=lambda value: " ".join(value)[:60] if value and value[0] in ("run", "show", "check") else "",
)
def test_wrong_input_is_refused_with_what_to_do(tmp_path, worker, typed, said):
    for name, content in {
        "unknown.toml": "[search]\nround = 3\n",
        "bad.toml": "[training]\ngamma = 1.5\n",
        "broken.toml": "[training\n",
        "good.py": 'def reward(s, a):\n    return {"run": s.torso_velocity[:, 0]}\n',
        "typo.py": 'def reward(s, a):\n    return {"run": s.torso_velocty[:, 0]}\n',
        "syntax.py": "def reward(s, a:\n",
        "import.py": 'import os\ndef reward(s, a):\n    return {"run": s.torso_velocity[:, 0]}\n',
    }.items():
        (tmp_path / name).write_text(content)
    chosen = any(word.startswith("--worker.") for word in typed) or typed[0] in ("show", "report", "replay", "image")
    flags = () if chosen else worker
    assert_refused(designer(*typed, *flags, cwd=tmp_path), *said)
    assert not (tmp_path / "runs").exists(), "a refused command leaves nothing behind"


def test_unknown_world_is_refused_by_the_real_worker(tmp_path):
    ended = designer("run", SENTENCE, "--env", "HalfCheeta-v5", "--fitness", "mean(torso_pitch)", cwd=tmp_path)
    assert_refused(ended, "HalfCheeta-v5", "HalfCheetah-v5")


def test_worker_that_is_no_worker_is_told(tmp_path):
    ended = designer("run", TASK, "--worker.python", shutil.which("true"), cwd=tmp_path)
    assert_refused(ended, "no sandbox can be made here", "is it a Python?")


# Run folders --------------------------------------------------------------------------------------------------------


def test_run_that_another_process_writes_is_named_with_its_pid(finished_run, tmp_path):
    with locked(finished_run):
        holder = (finished_run / "lock").read_text().strip()
        assert_refused(designer("run", finished_run, cwd=tmp_path), f"is being written by process {holder}")


def test_finished_run_is_told_again_and_not_changed(finished_run, tmp_path):
    before = (finished_run / "journal.jsonl").read_bytes()
    ended = designer("run", finished_run, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "The winner, g01c0" in ended.out
    assert (finished_run / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize("flag", [("--search.rounds", "3"), ("--env", "hopper"), ("--fitness", "1"), ("--config", "x.toml")])
def test_run_keeps_the_settings_that_it_began_with(finished_run, tmp_path, flag):
    assert_refused(designer("run", finished_run, *flag, cwd=tmp_path), "keeps the settings that it began with")


def test_unknown_candidate_gets_the_closest_one(finished_run, tmp_path):
    ended = designer("show", finished_run, "g01c1", cwd=tmp_path)
    assert_refused(ended, "has no candidate 'g01c1'", "Did you mean g01c01?", "g01c00")


def test_broken_journal_is_told_by_its_line(finished_run, tmp_path):
    broken = shutil.copytree(finished_run, tmp_path / "runs" / finished_run.name)
    lines = (broken / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (broken / "journal.jsonl").write_bytes(lines[0] + b"{}\n" + b"".join(lines[2:]))
    for typed in (["run", broken], ["show", broken], ["report", broken]):
        assert_refused(designer(*typed, cwd=tmp_path), "journal.jsonl line 2 can't be read")
    listed = designer("show", cwd=tmp_path)
    assert listed.code == 0
    assert "line 2 can't be read" in " ".join(listed.out.split())


def test_list_of_runs_has_each_folder_in_one_piece(finished_run, tmp_path):
    kept = shutil.copytree(finished_run, tmp_path / "runs" / f"20261123-2210-{'a-long-name-' * 4}7f3a")
    listed = designer("show", cwd=tmp_path).out
    assert f"runs/{kept.name}" in listed
    spent = next(line for line in designer("show", kept, cwd=tmp_path).out.splitlines() if line.startswith("Spent: "))
    assert f" {spent.split()[1]} " in next(line for line in listed.splitlines() if kept.name in line)


def test_edited_config_of_a_run_is_told(finished_run, tmp_path):
    edited = shutil.copytree(finished_run, tmp_path / "edited")
    (edited / "config.toml").write_text("[search]\nrounds = 'many'\n")
    assert_refused(designer("run", edited, cwd=tmp_path), "search.rounds = 'many'")


# Disks --------------------------------------------------------------------------------------------------------------


def test_runs_folder_under_a_file_is_told(tmp_path, worker):
    (tmp_path / "file").write_text("")
    ended = designer("run", TASK, "--runs", tmp_path / "file" / "runs", *TINY, *worker, cwd=tmp_path)
    assert_refused(ended, "file/runs", "can't be written: Not a directory")


def in_a_mount(folder: Path, mount: str, arguments: list[str | Path]) -> Ended:
    """Run `designer` where a mount, made in a namespace of its own, hides `folder`."""
    shell = ["unshare", "-rm", "sh", "-ec", f'mount {mount} "$1"; shift; exec "$@"', "sh", folder, *command(arguments)]
    ended = subprocess.run(shell, cwd=folder.parent, env=environment(), capture_output=True, text=True, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def mounts_work() -> bool:
    tried = shutil.which("unshare") and subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "x", "/mnt"], check=False)
    return bool(tried) and tried.returncode == 0


needs_mounts = pytest.mark.skipif(not mounts_work(), reason="this machine lets nobody mount in a namespace")


@needs_mounts
def test_read_only_runs_folder_is_told(tmp_path, worker):
    runs = tmp_path / "runs"
    runs.mkdir()
    ended = in_a_mount(runs, "-t tmpfs -o ro none", ["run", TASK, "--runs", runs, *TINY, *worker])
    assert_refused(ended, "the file system is read-only", "--runs")


@needs_mounts
@pytest.mark.parametrize("spare_bytes", [-50_000, 110_000], ids=["at the start", "in the middle"])
def test_full_disk_is_told(tmp_path, worker, finished_run, spare_bytes):
    at_the_start = [path for name in ("code", "prompts", "task") for path in (finished_run / name).rglob("*")]
    pages = sum(-(-path.stat().st_size // 4096) for path in at_the_start if path.is_file())
    runs = tmp_path / "runs"
    runs.mkdir()
    mount = f"-t tmpfs -o size={4096 * pages + spare_bytes} none"
    ended = in_a_mount(runs, mount, ["run", TASK, "--runs", runs, *TINY, *worker, "--disk.reserve-gb", "0"])
    assert_refused(ended, "the disk is full", "Free some space")
    assert ("Go on with: designer run" in ended.err) == ("run folder:" in ended.out) == (spare_bytes > 0)


@needs_mounts
def test_tight_disk_stops_a_run_that_goes_on_where_there_is_room(tmp_path, worker):
    """A disk of 24 MB with half of it reserved stops the run at once; grown to 64 MB, the same run ends."""
    runs = tmp_path / "runs"
    runs.mkdir()
    script = (
        'runs="$1"; shift; mount -t tmpfs -o size=24m none "$runs"; head -c 14M /dev/zero > "$runs/fill"; '
        '"$@" && exit 9; mount -o remount,size=64m "$runs"; exec "$1" "$2" "$3" run "$runs"/2*'
    )
    run = ["run", TASK, "--runs", runs, *TINY, *worker, "--disk.reserve-gb", "0.012"]
    shell = ["unshare", "-rm", "sh", "-c", script, "sh", runs, *command(run)]
    ended = subprocess.run(shell, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert "It stopped before the disk was full. Free some space. Go on with: designer run" in ended.stderr
    assert "this run may need" in ended.stdout
    assert "report:" in ended.stdout


# Being stopped ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "by"), [(signal.SIGINT, ""), (signal.SIGTERM, " by SIGTERM"), (signal.SIGHUP, " by SIGHUP")], ids=["C", "T", "H"]
)
def test_a_signal_leaves_a_run_that_can_go_on_and_no_process(tmp_path, worker, number, by):
    endless = [*TINY, "--training.steps", "1000000000"]
    process = started("run", TASK, *endless, *worker, cwd=tmp_path)
    with process:
        wait_for_line(process, "training human")
        folder = only_run(tmp_path / "runs")
        while not processes_of(folder):
            time.sleep(0.01)
        process.send_signal(number)
        asked = time.monotonic()
        out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, out
    assert err == f"designer: stopped{by}. Nothing finished is lost. Go on with: designer run runs/{folder.name}\n"
    assert time.monotonic() - asked < 5
    assert gone(folder)
    assert not any(isinstance(stamped.event, TrialsFinished) for stamped in read(folder / "journal.jsonl"))


def test_run_without_its_worker_says_how_to_go_on(finished_run, tmp_path):
    unfinished = shutil.copytree(finished_run, tmp_path / "moved")
    lines = (unfinished / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (unfinished / "journal.jsonl").write_bytes(b"".join(lines[:1]))
    shutil.rmtree(unfinished / "candidates")
    shutil.rmtree(unfinished / "code" / "sandbox")
    assert_refused(
        designer("run", unfinished, cwd=tmp_path), "no sandbox can be made here", f"Go on with: designer run {unfinished}"
    )
