"""What --env names: native worlds and ids are names, folders and files are copied, and what can't be found is said."""

from pathlib import Path

import pytest

from designer.errors import TaskError
from designer.world_source import WorldSource, locate_world, stage_world, staged_world


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "two_link"
    (folder / "tasks").mkdir(parents=True)
    (folder / "meshes").mkdir()
    for name in ("world.py", "arm.xml", "fitness.py", "human.py", "tasks/reach.toml", "meshes/a.obj", ".hidden"):
        (folder / name).write_text(name)
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["half_cheetah", "HalfCheetah-v5", "LunarLander-v3", "phys2d/CartPole-v1", "module:Id-v0"])
def test_names_are_passed_on_as_typed(name: str, tmp_path: Path):
    assert locate_world(name, folder=tmp_path) == WorldSource(name)


def test_a_folder_is_copied_without_its_judges_and_tasks(own: Path, tmp_path: Path):
    world = locate_world("two_link", folder=tmp_path)
    assert world.name == "user_world/two_link"
    stage_world(world, tmp_path / "code")
    assert files(tmp_path / "code") == {f"user_world/two_link/{name}" for name in ("world.py", "arm.xml", "meshes/a.obj")}


def test_a_native_worlds_name_is_not_taken_for_a_folder_of_that_name(tmp_path: Path):
    (tmp_path / "hopper").mkdir()
    assert locate_world("hopper", folder=tmp_path) == WorldSource("hopper")


def test_a_file_and_a_table_are_copied_side_by_side(tmp_path: Path):
    (tmp_path / "mine.py").write_text("make = None")
    (tmp_path / "table.toml").write_text("")
    world = locate_world("mine.py:make", "table.toml", tmp_path)
    assert world.name == "user_world/mine.py:make"
    stage_world(world, tmp_path / "code")
    assert files(tmp_path / "code") == {"user_world/mine.py", "user_world/state.toml"}


def test_a_runs_world_can_be_copied_again_from_the_run(own: Path, tmp_path: Path):
    (tmp_path / "mine.py").write_text("make = None")
    (tmp_path / "table.toml").write_text("")
    for typed, state in (("two_link", ""), ("mine.py:make", "table.toml"), ("CartPole-v1", "table.toml"), ("hopper", "")):
        first, second = tmp_path / f"{typed}-a", tmp_path / f"{typed}-b"
        world = locate_world(typed, state, tmp_path)
        stage_world(world, first)
        stage_world(staged_world(world.name, first), second)
        assert files(first) == files(second)


@pytest.mark.parametrize(
    ("typed", "state", "message"),
    [
        ("absent.py:make", "", "absent.py is not there"),
        ("./absent", "", "neither a folder with a world.py nor a gymnasium id"),
        ("empty", "", "has no world.py"),
        ("CartPole-v1", "absent.toml", "the state table .*absent.toml is not there"),
    ],
)
def test_what_is_not_there_is_said(typed: str, state: str, message: str, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TaskError, match=message):
        locate_world(typed, state, tmp_path)


def test_a_folder_that_is_too_large_is_refused(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("designer.world_source.MAX_BYTES", 10)
    with pytest.raises(TaskError, match="MB are copied into a run"):
        stage_world(locate_world("two_link", folder=tmp_path), tmp_path / "code")
