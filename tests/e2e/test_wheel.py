"""The wheel, built from the source distribution as a release is, holds all it needs and shadows nobody's packages."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from designer.environments import ROOT_VARIABLE, environments_root

ROOT = Path(__file__).resolve().parents[2]


class Installed(NamedTuple):
    """The wheel, and an environment that has it and the host's dependencies but not this checkout."""

    wheel: Path
    sdist: Path
    bin: Path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    # Without arguments, `build` makes the wheel from the unpacked source distribution.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    outcome = subprocess.run(build, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")

    place = folder / "venv"
    venv.EnvBuilder(with_pip=False, symlinks=True).create(place)
    python = place / "bin" / "python"
    install = ["-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, *install], check=True)
    # The dependencies are lent by the environment that runs this test. The path files in there, through which it
    # finds the checkout, don't count for a folder that is itself named in a path file.
    (site,) = place.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(wheel, sdist, python.parent)


def environment() -> dict[str, str]:
    """Return the variables for a program that must not see this checkout except for its worker environments."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**kept, ROOT_VARIABLE: str(environments_root())}


def test_wheel_bundles_worker_prompts_and_locks(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"designer"}
    for start, end in (
        ("designer/_bundled/envs/half_cheetah/", "env.py"),
        ("designer/_bundled/envs/half_cheetah/tasks/", ".toml"),
        ("designer/_bundled/sandbox/", "worker.py"),
        ("designer/_bundled/sandbox/environments/", "native.lock"),
        ("designer/_bundled/prompts/", ".j2"),
    ):
        assert any(name.startswith(start) and name.endswith(end) for name in names), f"no {start}*{end}"


def test_wheel_holds_no_tests_and_no_leftovers(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    assert [name for name in names if "tests/" in name or name.split("/")[-1].startswith("test_")] == []
    assert [name for name in names if "__pycache__" in name or name.endswith(".TXT")] == []


def test_wheel_holds_every_file_of_the_worker_and_the_prompts(installed: Installed) -> None:
    packed = set(zipfile.ZipFile(installed.wheel).namelist())
    for folder in ("envs", "sandbox", "prompts"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        missing = [path for path in files if f"designer/_bundled/{path.relative_to(ROOT)}" not in packed]
        assert missing == []


def test_source_distribution_holds_the_tests_and_the_scripts(installed: Installed) -> None:
    with tarfile.open(installed.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"scripts/demo.sh", "scripts/host.lock", "tests/e2e/test_wheel.py", "pyproject.toml", "LICENSE"} <= names


def test_installed_package_does_not_shadow_a_users_envs(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "envs.py").write_text("owner = 'the user'\n")
    script = (
        "import designer, designer.bundle, envs, importlib.util\n"
        "print(envs.owner, importlib.util.find_spec('sandbox'), designer.bundle.bundle_root())"
    )
    printed = subprocess.run(
        [installed.bin / "python", "-c", script], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    (bundled,) = installed.bin.parent.glob("lib/python*/site-packages/designer/_bundled")
    assert printed.stdout == f"the user None {bundled.resolve()}\n", printed.stderr


def test_demo_runs_from_the_installed_wheel(installed: Installed, tmp_path: Path) -> None:
    search = ["--search.rounds", "1", "--search.population", "2", "--search.final-seeds", "2"]
    judged = ["--evaluation.episodes", "2", "--evaluation.checkpoints", "1", "--search.confirm", "0", "--search.finalists", "1"]
    tiny = ["--training.steps", "4096", *judged, *search]
    command = [installed.bin / "designer", "run", "half_cheetah_backward", *tiny]
    outcome = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    (report,) = tmp_path.glob("runs/*/report.html")
    assert report.stat().st_size > 0
