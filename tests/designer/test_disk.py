"""The disk guard: warns by forecast, prunes in order, keeps what matters, and stops while there is room to write it down."""

from __future__ import annotations

from pathlib import Path

import pytest

from designer.assemble import make_loop
from designer.config import Config
from designer.disk import CHECKPOINTS, GB, JUDGING, LEAST_FILES, DiskGuard, Room, forecast_bytes, room, warning
from designer.display import Silent
from designer.errors import DiskError
from designer.executors.fake import Fake
from designer.executors.resumable import Resumable
from designer.journal import Pruned
from designer.machine_settings import DiskConfig
from designer.runs import Run
from tests.designer.cheetah_table import cheetah_table
from tests.designer.small_run import small_run, task
from tests.designer.test_loop import STARTED, attempt, remembered

RESERVE = DiskConfig(reserve_gb=1.0)


@pytest.fixture
def finished(tmp_path) -> Run:
    run = small_run(tmp_path)
    attempt(run, Fake())
    return run


def guard(run: Run, *free_gb: float, config: DiskConfig = RESERVE, files: int | None = None) -> list[Pruned]:
    """Look once at a disk that has so much free at each question; the last answer stays."""
    answers = [Room(int(gb * GB), files) for gb in free_gb]
    look = DiskGuard(run.folder, config, lambda _: answers.pop(0) if len(answers) > 1 else answers[0])
    return list(look.look(run.archive()))


def all_files(run: Run) -> set[str]:
    return {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}


def test_a_disk_with_room_is_left_alone(finished):
    before = all_files(finished)
    assert guard(finished, 2.0) == []
    assert all_files(finished) == before


def test_checkpoints_go_first_and_nothing_else_where_that_is_enough(finished):
    before = all_files(finished)
    (pruned,) = guard(finished, 1.9, 1.9, 2.5)
    gone = before - all_files(finished)
    assert (pruned.what, pruned.files) == (CHECKPOINTS, len(gone))
    assert pruned.freed_bytes > 0
    assert gone == {name for name in before if name.endswith("checkpoint.safetensors")}
    assert gone


def test_then_what_judging_left_of_those_that_are_not_the_best_goes(finished, monkeypatch):
    monkeypatch.setattr("designer.disk.KEPT_BEST", 1)
    before = all_files(finished)
    first, second = guard(finished, 1.9)
    gone = before - all_files(finished)
    assert (first.what, second.what) == (CHECKPOINTS, JUDGING)
    assert {Path(name).name for name in gone} <= {"checkpoint.safetensors", "episodes.safetensors", "job.json"} | {
        f"episodes-{k}.safetensors" for k in range(9)
    }
    best = finished.archive().ranked()[0].id
    winner = finished.archive().finished.winner
    assert not any(f"/{name}/" in path and "checkpoint" not in path for path in gone for name in (best, winner))


def test_code_replies_results_and_policies_stay_whatever_happens(finished):
    guard(finished, 1.5)
    left = all_files(finished)
    archive = finished.archive()
    for candidate in archive.candidates:
        assert f"candidates/{candidate}/reward.py" in left
    for trial in archive.trials.values():
        assert f"{trial.folder}/score/ended.json" in left
        if trial.candidate != "random":
            assert f"{trial.folder}/train/policy.safetensors" in left
    assert {"journal.jsonl", "config.toml", "task/task.json"} <= left


def test_a_pruned_run_says_so_and_comes_to_the_same_end(tmp_path, finished):
    """What the search still needs is not pruned: every training goes on from its own checkpoint."""
    run = small_run(tmp_path / "tight")
    loop = make_loop(run, Resumable(Fake()), Silent(), lambda line: None)
    loop.vigil.disk = DiskGuard(run.folder, RESERVE, lambda _: Room(int(1.5 * GB), None))
    loop.record(STARTED)
    loop.design(2)
    told = [line for line in remembered(run) if '"event": "pruned"' in line]
    assert told
    assert [line for line in remembered(run) if line not in told] == remembered(finished)


def test_pruning_can_be_forbidden(finished):
    before = all_files(finished)
    assert guard(finished, 1.5, config=DiskConfig(reserve_gb=1.0, prune=False)) == []
    assert all_files(finished) == before


def test_below_the_reserve_the_run_stops_before_it_writes_more(tmp_path):
    run = small_run(tmp_path)
    free = iter([*[3.0] * 12, *[0.9] * 100])
    loop = make_loop(run, Resumable(Fake()), Silent(), lambda line: None)
    loop.vigil.disk = DiskGuard(run.folder, RESERVE, lambda _: Room(int(next(free) * GB), None))
    loop.record(STARTED)
    with pytest.raises(DiskError, match=r"room for 922 MB only, and a run leaves 1.0 GB free \(disk.reserve_gb\)"):
        loop.design(2)
    assert run.archive().candidates
    attempt(run, Fake())
    assert run.archive().finished.winner


def test_a_disk_without_room_for_names_is_full_too(finished):
    assert guard(finished, 5.0, files=LEAST_FILES) == []
    with pytest.raises(DiskError, match="room for 499 more files only"):
        guard(finished, 5.0, files=LEAST_FILES - 1)


def test_a_run_that_may_not_fit_is_warned_of():
    config = Config()
    needed = forecast_bytes(task(), cheetah_table(), config, boxes=2)
    assert 30 * 1024**2 < needed < 2 * GB
    more = config.model_copy(update={"search": config.search.model_copy(update={"rounds": 30, "population": 16})})
    assert forecast_bytes(task(), cheetah_table(), more, boxes=2) > 3 * needed
    assert warning(needed, Room(needed + 2 * GB, None), RESERVE) == ""
    assert "this run may need" in warning(needed, Room(needed, None), RESERVE)


def test_the_room_of_a_real_disk_is_asked_for(tmp_path):
    assert room(tmp_path).free_bytes > 0
    with pytest.raises(DiskError):
        room(tmp_path / "not there")
