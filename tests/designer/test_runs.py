"""Run folders: whole or not there, readable again, with all that a run needs and nothing that a candidate may not see."""

from __future__ import annotations

from pathlib import Path

import pytest

from designer.config import Config
from designer.errors import ConfigError, DiskError, InputError, RunBrokenError, RunError
from designer.runs import create, list_runs, open_run, slug, stage_worker_code
from tests.designer.cheetah_table import cheetah_table
from tests.designer.small_run import NOW, config, small_run, task


def test_run_is_read_as_it_was_made(tmp_path):
    run = small_run(tmp_path / "runs")
    assert open_run(run.folder) == run
    assert run.folder.name.startswith("20261124-093000-half-cheetah-backward-")
    assert run.events() == []


def test_boxes_see_no_fitness_no_human_reward_no_task_and_no_host_code(tmp_path):
    stage_worker_code(tmp_path)
    staged = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert "sandbox/worker.py" in staged
    assert "envs/half_cheetah/env.py" in staged
    hidden = {"fitness.py", "human.py", "tasks", "designer"}
    assert [path for path in staged if hidden & set(path.split("/"))] == []


def test_run_keeps_its_own_prompts_and_code(tmp_path):
    run = small_run(tmp_path)
    assert (run.prompts / "first.j2").is_file()
    assert (run.code / "sandbox" / "box.py").is_file()


def test_baselines_are_those_that_the_task_allows(tmp_path):
    made = [create(tmp_path / name, each, cheetah_table(), Config(), NOW) for name, each in (
        ("a", task()), ("b", task(human=None)), ("c", task(human=None, fitness=None)),
    )]  # fmt: skip
    assert [run.baselines for run in made] == [("human", "sparse"), ("sparse",), ()]


def test_second_run_in_the_same_second_is_refused(tmp_path):
    small_run(tmp_path)
    with pytest.raises(RunError, match="exists already"):
        small_run(tmp_path)


def test_place_under_a_file_is_a_disk_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="Not a directory"):
        small_run(tmp_path / "file" / "runs")


def test_run_that_could_not_be_made_leaves_no_folder(tmp_path):
    lone_surrogate = config(llm={"model": "m", "base_url": "\udcff"})
    with pytest.raises(UnicodeEncodeError):
        create(tmp_path, task(), cheetah_table(), lone_surrogate, NOW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["config.toml", "task/task.json"])
def test_folder_that_is_no_run_is_told_apart(tmp_path, missing):
    run = small_run(tmp_path)
    (run.folder / missing).unlink()
    with pytest.raises(InputError, match="is not a run folder"):
        open_run(run.folder)


def test_edited_task_is_a_broken_run_and_an_edited_config_names_the_key(tmp_path):
    run = small_run(tmp_path)
    (run.folder / "task" / "task.json").write_text('{"name": 3}')
    with pytest.raises(RunBrokenError, match="Was it edited"):
        open_run(run.folder)
    other = small_run(tmp_path / "other")
    (other.folder / "config.toml").write_text("[search]\nround = 1\n")
    with pytest.raises(ConfigError, match=r"search\.rounds"):
        open_run(other.folder)


def test_runs_are_listed_oldest_first_and_other_folders_are_not(tmp_path):
    assert list_runs(tmp_path / "none") == []
    later = create(tmp_path, task(), cheetah_table(), Config(), NOW.replace(hour=12))
    earlier = small_run(tmp_path)
    (tmp_path / "notes").mkdir()
    assert list_runs(tmp_path) == [earlier.folder, later.folder]


@pytest.mark.parametrize(
    ("name", "made"),
    [("Half Cheetah: run!", "half-cheetah-run"), ("../../etc", "etc"), ("日本", "run"), ("x" * 99, "x" * 40), ("", "run")],
)
def test_name_becomes_fit_for_a_folder(name, made):
    assert slug(name) == made
    assert Path(made).name == made
