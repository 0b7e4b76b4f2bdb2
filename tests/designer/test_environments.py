"""Environments are made once from their locks, anew when these changed, and a missing one says what to type."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from designer.bundle import find_bundle
from designer.config import Config, with_environment
from designer.environments import build, environment_names, environment_of, environment_python, environments_root
from designer.errors import WorkerMissingError
from designer.venvs import STAMP, Recipe, Say, make, run_command

ROOT = Path(__file__).resolve().parents[2]


class Recorder:
    """A `Run` that starts nothing: notes the commands, fails at those that contain `fails`, and prints `output`."""

    def __init__(self, fails: str = "", output: str = "") -> None:
        self.commands: list[str] = []
        self.fails = fails
        self.output = output

    def __call__(self, command: Sequence[str], say: Say) -> str:
        line = " ".join(command)
        self.commands.append(line)
        if self.fails and self.fails in line:
            raise WorkerMissingError(f"{self.fails} failed")
        if "-m venv" in line:
            Path(command[-1], "bin").mkdir(parents=True)
            Path(command[-1], "bin", "python").touch()
        return self.output

    def installed(self) -> list[str]:
        """Return the names of the locks that were installed, in order."""
        return [Path(line.split(" -r ")[1]).name for line in self.commands if " -r " in line]


def quiet(line: str) -> None:
    pass


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    """A folder of locks for an environment `native`."""
    folder = tmp_path / "locks"
    folder.mkdir()
    for name in ("native", "native-cpu", "native-cuda"):
        (folder / f"{name}.lock").write_text(f"# {name}\n")
    return folder


def build_native(tmp_path: Path, locks: Path, run: Recorder) -> Path:
    return build("native", tmp_path / "made", locks, quiet, run)


def test_environment_is_made_once(tmp_path: Path, locks: Path) -> None:
    first, second = Recorder(), Recorder()
    assert build_native(tmp_path, locks, first) == tmp_path / "made" / "native" / "bin" / "python"
    build_native(tmp_path, locks, second)
    assert first.installed() == ["native-cpu.lock", "native.lock"]
    assert second.installed() == []
    assert environment_python("native", tmp_path / "made", locks).exists()


def test_every_lock_is_installed_by_hash_and_the_result_is_checked(tmp_path: Path, locks: Path) -> None:
    run = Recorder()
    build_native(tmp_path, locks, run)
    installs = [line for line in run.commands if " install " in line]
    assert all("--require-hashes" in line and "--no-deps" in line for line in installs)
    assert any(line.endswith(" check") for line in run.commands)


def test_cuda_libraries_come_only_where_torch_asks_for_them(tmp_path: Path, locks: Path) -> None:
    run = Recorder(output="numpy\nnvidia-cudnn-cu13==9.20.0.48\n")
    build_native(tmp_path, locks, run)
    assert run.installed() == ["native-cpu.lock", "native.lock", "native-cuda.lock"]


def test_index_build_is_taken_where_there_is_no_cpu_build(tmp_path: Path, locks: Path) -> None:
    run = Recorder(fails="native-cpu.lock")
    build_native(tmp_path, locks, run)
    assert run.installed() == ["native-cpu.lock", "native.lock"]


def test_changed_lock_makes_the_environment_anew(tmp_path: Path, locks: Path) -> None:
    build_native(tmp_path, locks, Recorder())
    left_over = tmp_path / "made" / "native" / "lib" / "old.py"
    left_over.parent.mkdir()
    left_over.touch()
    (locks / "native.lock").write_text("# newer\n")
    with pytest.raises(WorkerMissingError, match=r"made from other versions.*designer image build native"):
        environment_python("native", tmp_path / "made", locks)
    run = Recorder()
    build_native(tmp_path, locks, run)
    assert "native.lock" in run.installed()
    assert not left_over.exists()


def test_build_that_failed_is_done_again(tmp_path: Path, locks: Path) -> None:
    with pytest.raises(WorkerMissingError, match="failed"):
        build_native(tmp_path, locks, Recorder(fails=" check"))
    with pytest.raises(WorkerMissingError, match="never finished"):
        environment_python("native", tmp_path / "made", locks)
    run = Recorder()
    build_native(tmp_path, locks, run)
    assert any("-m venv" in line for line in run.commands)


def test_moved_environment_is_made_anew(tmp_path: Path, locks: Path) -> None:
    build_native(tmp_path, locks, Recorder())
    (tmp_path / "made").rename(tmp_path / "elsewhere")
    with pytest.raises(WorkerMissingError, match="designer image build native"):
        environment_python("native", tmp_path / "elsewhere", locks)


def test_environment_is_made_anew_after_its_python_broke(tmp_path: Path, locks: Path) -> None:
    build_native(tmp_path, locks, Recorder())
    run = Recorder(fails="import pip")
    build_native(tmp_path, locks, run)
    assert "native.lock" in run.installed()


def test_second_lock_goes_on_top_of_the_first(tmp_path: Path, locks: Path) -> None:
    one, two = locks / "native.lock", locks / "native-cuda.lock"
    make(Recipe(tmp_path / "venv", (one,)), quiet, Recorder())
    run = Recorder()
    make(Recipe(tmp_path / "venv", (two,)), quiet, run)
    assert run.installed() == ["native-cuda.lock"]
    again = Recorder()
    make(Recipe(tmp_path / "venv", (one,)), quiet, again)
    assert again.installed() == []


def test_missing_environment_says_what_to_type(tmp_path: Path, locks: Path) -> None:
    with pytest.raises(WorkerMissingError, match=r"'native' is not built .* Type: designer image build native"):
        environment_python("native", tmp_path / "made", locks)


def test_unknown_environment_gets_the_closest_name(tmp_path: Path, locks: Path) -> None:
    with pytest.raises(WorkerMissingError, match=r"Did you mean native\?"):
        environment_python("nativ", tmp_path / "made", locks)


def test_shipped_locks_name_the_native_environment() -> None:
    assert "native" in environment_names()


@pytest.mark.parametrize(
    ("variables", "checkout", "expected"),
    [
        ({"DESIGNER_ENVIRONMENTS": "/srv/made"}, "/repo", "/srv/made"),
        ({}, "/repo", "/repo/.environments"),
    ],
)
def test_root_is_the_named_one_else_the_checkouts(variables: dict[str, str], checkout: str, expected: str) -> None:
    assert environments_root(variables, Path(checkout)) == Path(expected)


def test_bundle_lies_in_the_package_or_beside_it(tmp_path: Path) -> None:
    package = tmp_path / "designer"
    with pytest.raises(WorkerMissingError, match="incomplete"):
        find_bundle(package)
    for name in ("envs", "sandbox", "prompts"):
        (tmp_path / name).mkdir()
    assert find_bundle(package) == tmp_path
    for name in ("envs", "sandbox", "prompts"):
        (package / "_bundled" / name).mkdir(parents=True)
    assert find_bundle(package) == package / "_bundled"


def make_wheel(folder: Path) -> Path:
    """Write the smallest wheel there is: one module `tiny`."""
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "answer = 42\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return wheel


def test_real_build_installs_the_locked_file_and_refuses_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_wheel(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    lock = tmp_path / "tiny.lock"
    recipe = Recipe(tmp_path / "venv", (lock,))

    lock.write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(WorkerMissingError, match="DO NOT MATCH THE HASHES"):
        make(recipe, quiet)
    assert not (recipe.folder / STAMP).exists()

    lock.write_text(f"tiny==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    python = make(recipe, quiet)
    printed = subprocess.run([python, "-c", "import tiny; print(tiny.answer)"], capture_output=True, text=True)
    assert printed.stdout == "42\n"


def test_failing_command_is_quoted_with_the_end_of_its_output() -> None:
    script = "print('first'); print('No space left on device'); raise SystemExit(3)"
    with pytest.raises(WorkerMissingError, match="exit status 3:\nfirst\nNo space left on device"):
        run_command([sys.executable, "-c", script], quiet)


def test_large_downloads_are_told_and_nothing_else() -> None:
    told: list[str] = []
    script = "print('Collecting a'); print('  Downloading a.whl (12.0 MB)'); print('  Downloading b.whl (9 kB)')"
    run_command([sys.executable, "-c", script], told.append)
    assert told == ["  downloading a.whl (12.0 MB)"]


def test_environment_module_runs_without_the_hosts_packages() -> None:
    command = [sys.executable, "-S", "-m", "designer.environments", "build", "nativ"]
    outcome = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert outcome.returncode == 2
    assert "Did you mean native?" in outcome.stderr


@pytest.mark.parametrize(
    ("world", "name"),
    [
        ("half_cheetah", "native"),
        ("LunarLander-v3", "native"),
        ("FetchReach-v4", "robotics"),
        ("gymnasium_robotics:HandReach-v3", "robotics"),
        ("metaworld/reach-v3", "metaworld"),
    ],
)
def test_a_worlds_family_says_which_environment_it_needs(world, name):
    assert environment_of(world) == name


def test_an_environment_that_somebody_chose_is_kept():
    chosen = Config.model_validate({"worker": {"environment": "mine"}})
    assert with_environment(chosen, "robotics") == chosen
    assert with_environment(Config(), "robotics").worker.environment == "robotics"


@pytest.mark.parametrize("name", ["metaworld", "robotics"])
def test_a_missing_family_says_what_to_type(name, tmp_path):
    with pytest.raises(WorkerMissingError, match=f"Type: designer image build {name}"):
        environment_python(name, tmp_path)
