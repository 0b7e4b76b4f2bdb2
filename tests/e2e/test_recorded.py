"""Runs that a language model really played, stored with its replies: each replays to its end, and trains anew in small."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from designer.archive import Archive
from designer.journal import read
from designer.records import Status
from tests.e2e.command import designer, only_run

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
CRITICISED = RECORDED / "mountain_car_continuous_reach_flag"
RUNS = sorted(path.name for path in RECORDED.iterdir())
SMALL = (
    *("--training.steps", "2048", "--search.finalists", "1", "--search.final-seeds", "2"),
    *("--evaluation.episodes", "2", "--evaluation.checkpoints", "1"),
)


def archive(run: Path) -> Archive:
    return Archive.of(stamped.event for stamped in read(run / "journal.jsonl"))


@pytest.mark.parametrize("name", RUNS)
def test_recorded_run_replays_to_the_same_end_without_a_key_a_worker_or_a_network(name, tmp_path):
    ended = designer("replay", RECORDED / name, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "came to the same end" in ended.out
    before, after = archive(RECORDED / name), archive(only_run(tmp_path / "runs"))
    assert after.candidates.keys() == before.candidates.keys()
    assert {c.id: c.source for c in after.candidates.values()} == {c.id: c.source for c in before.candidates.values()}
    assert after.trials == before.trials
    assert after.reviews == before.reviews
    assert after.finished == before.finished


def test_recorded_replies_train_anew_in_small(tmp_path):
    ended = designer("replay", CRITICISED, "--retrain", *SMALL, cwd=tmp_path)
    assert ended.code == 0, ended.err
    again = archive(only_run(tmp_path / "runs"))
    assert {verdict.status for verdict in again.verdicts.values()} == {Status.OK}
    assert {trial.status for trial in again.trials.values()} == {Status.OK}
    assert [name for name, verdict in again.verdicts.items() if verdict.criticised] == ["g01c02"]


def test_without_the_critic_the_rewards_stay_as_first_written(tmp_path):
    ended = designer("replay", CRITICISED, "--retrain", "--llm.critic", "0", *SMALL, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "lack_weight = 20.0" in archive(only_run(tmp_path / "runs")).candidates["g01c02"].source
    assert "lack_weight = 3.0" in archive(CRITICISED).candidates["g01c02"].source


def test_finished_run_takes_no_note_and_says_why(tmp_path):
    refused = designer("say", CRITICISED, "higher!", cwd=tmp_path)
    assert refused.code == 2
    assert "is finished" in refused.err


def test_all_exchanges_of_a_candidate_can_be_read(tmp_path):
    shown = designer("show", CRITICISED, "g01c02", "--prompt", cwd=tmp_path)
    assert shown.code == 0, shown.err
    for said in ("r01-init-s02-a0", "r01-critic-s02-a1", "r01-repair-s02-a11", "waiting is positive"):
        assert said in shown.out


def test_every_stored_call_names_the_prompt_that_it_was_made_from():
    for path in RECORDED.glob("*/llm/*.json"):
        template, _, version = json.loads(path.read_bytes())["request"]["prompt"].partition("@")
        assert template.endswith(".j2")
        assert len(version) == 12


def test_replay_does_not_need_the_folder_to_be_writable(tmp_path):
    copy = shutil.copytree(RECORDED / "pendulum_swing_up", tmp_path / "read only")
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    assert designer("replay", copy, cwd=tmp_path).code == 0
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


@pytest.mark.parametrize(
    ("name", "stages"), [("minigrid_door_key_stages", ["take_key", "open_door"]), ("minigrid_multi_room_stages", ["open_door"])]
)
def test_recorded_curricula_were_written_by_a_model_and_tell_their_course(name, stages):
    known = archive(RECORDED / name)
    assert {candidate.form for candidate in known.candidates.values()} == {"stages"}
    courses = [trial.course for trial in known.trials.values() if trial.candidate == "g01c00"]
    assert courses
    assert all(course is not None and [stage.name for stage in course.stages] == stages for course in courses)
