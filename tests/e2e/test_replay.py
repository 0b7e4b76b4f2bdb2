"""A stored run is played again: same candidates, same numbers, same winner, and nothing trained or asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from designer.archive import Archive
from designer.journal import read
from tests.e2e.command import TINY, designer, only_run, stand_in


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> tuple[str, str]:
    return stand_in(tmp_path_factory.mktemp("worker"))


@pytest.fixture(scope="module")
def original(worker, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    ended = designer("run", "half_cheetah_backward", *TINY, "--search.rounds", "2", *worker, cwd=folder)
    assert ended.code == 0, ended.err
    return only_run(folder / "runs")


def archive(run: Path) -> Archive:
    return Archive.of(stamped.event for stamped in read(run / "journal.jsonl"))


def test_replayed_run_is_the_same_without_a_worker(original, tmp_path):
    """The stored run's worker is gone: nothing can be trained."""
    moved = shutil.copytree(original, tmp_path / "stored")
    config = (moved / "config.toml").read_text().splitlines()
    without = [line if not line.startswith("python = ") else 'python = "/none/python"' for line in config]
    assert without != config
    (moved / "config.toml").write_text("\n".join(without))
    ended = designer("replay", moved, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "came to the same end" in ended.out
    before, after = archive(moved), archive(only_run(tmp_path / "runs"))
    assert after.candidates == before.candidates
    assert after.trials == before.trials
    assert after.finished == before.finished


def test_replayed_run_can_be_replayed(original, tmp_path):
    assert designer("replay", original, cwd=tmp_path).code == 0
    again = designer("replay", only_run(tmp_path / "runs"), "--runs", tmp_path / "again", cwd=tmp_path)
    assert again.code == 0, again.err
    assert archive(only_run(tmp_path / "again")).trials == archive(original).trials


def test_retrained_run_trains_anew_and_comes_to_the_same_end(original, tmp_path):
    ended = designer("replay", original, "--retrain", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "came to the same end" in ended.out
    assert archive(only_run(tmp_path / "runs")).walls == archive(original).walls


def test_unfinished_run_is_replayed_as_far_as_it_goes_and_says_what_is_missing(original, tmp_path):
    cut = shutil.copytree(original, tmp_path / "cut")
    shutil.rmtree(cut / "candidates" / "human")
    ended = designer("replay", cut, cwd=tmp_path)
    assert ended.code == 2
    assert "holds no finished train in candidates/human/" in ended.err
    assert "--retrain" in ended.err
    assert "Traceback" not in ended.err


def test_original_is_not_touched(original, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in original.rglob("*")}
    designer("replay", original, cwd=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in original.rglob("*")} == before
