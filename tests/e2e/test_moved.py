"""A run folder that was moved goes on where it is, or says why it can't; what differs is told."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from designer.config import Config, to_toml
from designer.journal import read
from designer.origin import ORIGIN, Origin, changes
from tests.e2e.command import TINY, designer, only_run, processes_of, stand_in, started, wait_for_line

TASK = "half_cheetah_backward"


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> tuple[str, str]:
    return stand_in(tmp_path_factory.mktemp("worker"))


def killed_in_its_first_trainings(cwd: Path, worker: tuple[str, str]) -> Path:
    """Begin a run, kill it, wait until nothing of it lives, and return its folder."""
    process = started("run", TASK, *TINY, *worker, cwd=cwd)
    with process:
        wait_for_line(process, "training human")
        folder = only_run(cwd / "runs")
        process.kill()
    while processes_of(folder):
        pass
    return folder


@pytest.fixture
def killed(tmp_path, worker) -> Path:
    """A run that was killed in its first trainings, in a folder that is no more: it lies in another one now."""
    folder = killed_in_its_first_trainings(tmp_path, worker)
    moved = tmp_path / "elsewhere" / "a run"
    moved.parent.mkdir()
    shutil.move(folder, moved)
    return moved


def test_a_moved_run_goes_on_and_says_from_where(killed, tmp_path):
    ended = designer("run", killed, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert f"it goes on in {killed} on " in ended.out
    assert "runs/2" in ended.out
    assert read(killed / "journal.jsonl")[-1].event.winner
    assert not list((tmp_path / "runs").iterdir()), "nothing is written where it came from"
    again = designer("run", killed, cwd=tmp_path)
    assert "it goes on in" not in again.out


def test_another_cpu_and_another_version_are_told_and_the_run_goes_on(killed, tmp_path):
    origin = json.loads((killed / ORIGIN).read_text())
    changed = {**origin, "cpu": "m68k", "version": "0.0.1", "host": "the lab"}
    (killed / ORIGIN).write_text(json.dumps(changed))
    ended = designer("run", killed, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "on the lab; it goes on in" in ended.out
    assert "its trainings were made on m68k, from here on" in ended.out
    assert "it was at work with designer 0.0.1, this is" in ended.out


def test_a_worker_that_is_not_there_is_named_and_another_one_may_be_given(tmp_path, worker, tmp_path_factory):
    place = tmp_path_factory.mktemp("there")
    folder = killed_in_its_first_trainings(tmp_path, stand_in(place))
    shutil.rmtree(place)
    refused = designer("run", folder, cwd=tmp_path)
    assert refused.code == 2
    assert f"worker.python = {place}/bin/python is not a program" in refused.err
    ended = designer("run", folder, *worker, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "the worker's packages are others than before" in ended.out


def test_settings_of_the_run_stay_with_it(killed, tmp_path):
    refused = designer("run", killed, "--search.rounds", "3", cwd=tmp_path)
    assert refused.code == 2
    assert "keeps the settings" in refused.err


def test_a_place_that_is_the_same_says_nothing():
    origin = Origin(folder="/a", host="h", cpu="c", version="1", packages="p")
    assert list(changes(origin, origin)) == []


def with_settings(folder: Path, **sections: dict[str, object]) -> None:
    """Change the settings that a run was made with, as if it came from a machine where they were so."""
    path = folder / "config.toml"
    known = tomllib.loads(path.read_text())
    changed = {**known, **{name: {**known.get(name, {}), **changes} for name, changes in sections.items()}}
    path.write_text(to_toml(Config.model_validate(changed)))


def test_an_environment_that_was_never_built_here_is_named(killed, tmp_path):
    with_settings(killed, worker={"python": None, "environment": "of_the_lab"})
    refused = designer("run", killed, cwd=tmp_path)
    assert refused.code == 2
    assert "There is no worker environment 'of_the_lab'" in refused.err
    assert "--worker.python PATH" in refused.err


def test_a_container_engine_that_is_not_here_is_named_and_the_run_stays_as_it_was(killed, tmp_path):
    with_settings(killed, sandbox={"provider": "docker"})
    before = (killed / "journal.jsonl").read_bytes()
    refused = designer("run", killed, cwd=tmp_path, variables={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    assert refused.code == 2
    assert f"unix://{tmp_path}/none.sock" in refused.err
    assert (killed / "journal.jsonl").read_bytes() == before


def test_a_process_of_another_machine_is_not_waited_for(killed, tmp_path):
    """What a run last said of itself came along: a process id of there means nothing here."""
    live = json.loads((killed / "live.json").read_text())
    (killed / "live.json").write_text(json.dumps({**live, "host": "the lab", "pid": 1, "ended": ""}))
    ended = designer("run", killed, cwd=tmp_path)
    assert ended.code == 0, ended.err
