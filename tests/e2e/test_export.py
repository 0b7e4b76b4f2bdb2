"""What `export` writes runs without us: its own test passes in the worker environment, which has no `designer`."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from designer.assemble import describe, executor_for, make_loop
from designer.bundle import bundle_root
from designer.config import Config
from designer.display import Silent
from designer.environments import environment_python
from designer.errors import InputError
from designer.exporting import export_to
from designer.opinions import approve
from designer.runs import Run, create
from designer.task import find_task, resolve_task
from designer.world_source import locate_world
from tests.designer.test_loop import STARTED

CONFIG = Config.model_validate(
    {
        "training": {"steps": 2000, "num_envs": 8},
        "search": {"rounds": 1, "population": 2, "confirm": 0, "cut": 1, "finalists": 2, "final_seeds": 2},
        "curriculum": {"form": "both"},
        "evaluation": {"episodes": 2, "checkpoints": 2, "checkpoint_episodes": 1},
        "clips": False,
    }
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    draft = find_task("pendulum_swing_up", bundle_root() / "envs")
    table = describe(locate_world(draft.world, ""), CONFIG)
    task = resolve_task(draft, table).model_copy(update={"steps": 2000})
    made = create(tmp_path_factory.mktemp("runs"), task, table, CONFIG, datetime(2026, 11, 24))
    loop = make_loop(made, executor_for(made), Silent(), lambda line: None)
    loop.record(STARTED)
    loop.design(2)
    return made


@pytest.mark.parametrize(("name", "is_a_curriculum"), [("g01c00", False), ("g01c01", True)])
def test_the_exported_test_passes_without_us(run: Run, tmp_path: Path, name: str, is_a_curriculum: bool) -> None:
    with pytest.raises(InputError, match=f"nobody approved {name}"):
        export_to(tmp_path / "out", run, name)
    said = approve(run, name, "ann", "it stands")
    folder = export_to(tmp_path / "out", run, name)
    assert ("STAGES = [Stage(" in (folder / "reward.py").read_text()) is is_a_curriculum
    assert f"by ann, {datetime.fromtimestamp(said.at, UTC):%Y-%m-%d}" in (folder / "README.md").read_text()
    assert said.source_hash in (folder / "README.md").read_text()
    python = environment_python("native")
    there = subprocess.run([python, "-I", "-c", "import designer"], cwd=tmp_path, capture_output=True)
    assert there.returncode != 0, "the worker environment has us: this test would prove nothing"
    ended = subprocess.run([python, "test_export.py"], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "3 tests" in ended.stderr
    assert "swing" in (folder / "README.md").read_text().lower()
    assert not [path for path in folder.rglob("*") if path.name in ("fitness.py", "human.py")]


def test_a_folder_with_something_in_it_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(InputError, match="not empty"):
        export_to(tmp_path, run)


def test_an_unknown_candidate_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="g09c09"):
        export_to(tmp_path / "out", run, "g09c09")


def test_what_nobody_approved_is_exported_only_when_told_and_says_so(run: Run, tmp_path: Path) -> None:
    (run.folder / "opinions.jsonl").unlink(missing_ok=True)
    folder = export_to(tmp_path / "out", run, unapproved=True)
    assert "by nobody: exported as unapproved" in (folder / "README.md").read_text()
