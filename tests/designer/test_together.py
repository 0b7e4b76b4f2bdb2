"""Candidates of a round in one box: who shares, what becomes of each, and a run that is killed at any event."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from rich.console import Console

from designer.archive import HUMAN, Archive
from designer.config import load
from designer.display import told
from designer.errors import ConfigError
from designer.executors import Job, JobResult
from designer.executors.fake import Fake
from designer.files import write_atomically
from designer.journal import TrainedTogether
from designer.records import Status
from designer.review.report import write_report
from designer.runs import Run
from designer.search import Batch
from designer.seeds import search_seed
from designer.showing import show_candidate
from designer.together import groups
from designer.trainers import require_trainer
from tests.designer.cheetah_table import cheetah_table
from tests.designer.small_run import small_run
from tests.designer.test_loop import Killed, attempt, remembered

SEED = search_seed(0)
FOUR = {"search": {"population": 4}}
SHARING = {**FOUR, "training": {"steps": 1000, "share_box": True}}


def sharing_run(folder) -> Run:
    return small_run(folder, **SHARING)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> tuple[Run, Fake]:
    run, fake = sharing_run(tmp_path_factory.mktemp("shared")), Fake()
    attempt(run, fake)
    return run, fake


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Run:
    run = small_run(tmp_path_factory.mktemp("alone"), **FOUR)
    attempt(run, Fake())
    return run


def batches(*names: str, **changes) -> list[Batch]:
    return [Batch(name, "search", (1,), **changes) for name in names]


def named(found: list[tuple[Batch, ...]]) -> list[list[str]]:
    return [[batch.candidate for batch in group] for group in found]


# Who shares ----------------------------------------------------------------------------------------------------------


def test_as_few_boxes_as_there_may_be_at_once_and_nobody_alone_in_one():
    four = batches("a", "b", "c", "d")
    assert named(groups(Archive(), four, 1)) == [["a", "b", "c", "d"]]
    assert named(groups(Archive(), four, 2)) == [["a", "c"], ["b", "d"]]
    assert named(groups(Archive(), four[:3], 2)) == [["a", "b", "c"]]
    assert groups(Archive(), four[:1], 2) == []


def test_only_search_trainings_of_candidates_that_are_alike_share():
    final = Batch("a", "final", (1,))
    other_seed = Batch("b", "search", (2,))
    paused, resumed = batches("c", "d", until=0.5), batches("e", "f", since=0.5)
    assert named(groups(Archive(), [final, other_seed, Batch(HUMAN, "search", (1,)), *paused, *resumed], 1)) == [
        ["c", "d"],
        ["e", "f"],
    ]


def test_what_a_shared_box_has_trained_is_not_trained_in_one_again():
    archive = Archive.of([TrainedTogether(candidates=("a", "b"), seeds=(1,), until=1.0, status=Status.OK, walls="")])
    assert named(groups(archive, batches("a", "b", "c", "d"), 1)) == [["c", "d"]]
    assert named(groups(archive, batches("a", "b", until=0.5), 1)) == [["a", "b"]]


def test_without_the_setting_nobody_shares(alone):
    assert not alone.archive().together
    assert {trial.together for trial in alone.archive().trials.values()} == {()}
    assert not (alone.folder / "together").exists()


def test_other_trainer_can_not_share():
    asked = load(None, {"training.share_box": "true", "training.trainer": "sb3"})
    with pytest.raises(ConfigError, match=r"training.trainer = sb3 .*can't share a box.*share-box false"):
        require_trainer(asked, cheetah_table())


# What becomes of each ------------------------------------------------------------------------------------------------


def test_shared_run_comes_to_the_same_scores_and_says_who_was_together(shared, alone):
    mine, theirs = shared[0].archive(), alone.archive()
    assert {key: trial.scores for key, trial in mine.trials.items()} == {key: t.scores for key, t in theirs.trials.items()}
    assert {key: trial.traces for key, trial in mine.trials.items()} == {key: t.traces for key, t in theirs.trials.items()}
    assert mine.finished == theirs.finished
    for trial in mine.trials.values():
        stamped = trial.purpose == "search" and trial.candidate in mine.candidates
        assert bool(trial.together) <= stamped, "baselines and finalists are trained alone"
        assert trial.candidate not in trial.together
    assert mine.trials["g01c00", "search", SEED].together


def test_box_holds_every_reward_and_the_second_piece_their_checkpoints(shared):
    jobs = {path.parent.name: json.loads(path.read_text()) for path in (shared[0].folder / "together").glob("*/job.json")}
    first = jobs[f"candidates-g01c00-search-s{SEED}-to50"]
    assert (first["verb"], first["candidates"], first["seeds"], first["until"]) == ("train_together", 2, [SEED], 0.5)
    assert first["reward_cpu_s"] == pytest.approx(2.0 * 500 * 0.5), "as much as its training alone"
    folder = shared[0].folder / "together" / f"candidates-g01c00-search-s{SEED}-to50"
    for k, name in enumerate(("g01c00", "g01c02")):
        assert (folder / f"reward-{k}.py").read_text() == shared[0].archive().candidates[name].source
    resumed = [job for job in jobs.values() if job.get("resume")]
    assert resumed
    assert all("until" not in job for job in resumed)


def fails_one(k: int, status: str) -> Fake:
    """Every shared box reports that candidate k failed, and sends nothing of it."""

    class Failing(Fake):
        def _train_together(self, job: Job, folder):
            content = super()._train_together(job, folder)
            content["candidates"][k] = {"status": status, "error": "enough", "line": 3}
            for name in ("policy", "checkpoint"):
                (folder / f"{name}-{k}.safetensors").unlink(missing_ok=True)
            return content

    return Failing()


@pytest.mark.parametrize("status", ["crashed", "non_finite", "timed_out", "rejected"])
def test_candidate_that_failed_in_a_shared_box_is_recorded_and_the_others_are_judged(tmp_path, status, alone):
    run = sharing_run(tmp_path)
    archive = attempt(run, fails_one(1, status))
    failed = archive.trials["g01c02", "search", SEED]
    assert (failed.status, failed.error) == (status, "line 3: enough")
    assert archive.trials["g01c00", "search", SEED].scores[0] == alone.archive().trials["g01c00", "search", SEED].scores[0]


@pytest.mark.parametrize(
    "answer",
    [
        JobResult(Status.TIMED_OUT, "stopped after 60 s", {}, 1.0, 1.0, "w"),
        JobResult(Status.CRASHED, "signal 9", {}, 1.0, 1.0, "w"),
        JobResult(Status.OK, "", {"candidates": [{"status": "ok"}]}, 1.0, 1.0, "w"),
        JobResult(Status.OK, "", {"candidates": "mine"}, 1.0, 1.0, "w"),
    ],
    ids=["timed out", "crashed", "one too few", "no list"],
)
def test_where_a_shared_box_fails_each_is_trained_alone(tmp_path, answer, alone):
    run = sharing_run(tmp_path)
    archive = attempt(run, Fake(lambda job: answer if job.verb == "train_together" else None))
    assert {key: t.scores for key, t in archive.trials.items()} == {key: t.scores for key, t in alone.archive().trials.items()}
    assert {trial.together for trial in archive.trials.values()} == {()}
    assert all(event.status is not Status.OK and event.error for event in archive.together)
    assert "each is trained in a box of its own" in told(archive.together[0], "")


def test_candidate_whose_policy_is_missing_has_crashed(tmp_path):
    class Forgetful(Fake):
        def _train_together(self, job: Job, folder):
            content = super()._train_together(job, folder)
            (folder / "policy-0.safetensors").unlink()
            return content

    archive = attempt(sharing_run(tmp_path), Forgetful())
    assert archive.trials["g01c00", "search", SEED].status is Status.CRASHED
    assert "sent no policy" in archive.trials["g01c00", "search", SEED].error


def test_claim_to_be_fine_with_another_status_is_a_crash(tmp_path):
    archive = attempt(sharing_run(tmp_path), fails_one(0, "excellent"))
    assert archive.trials["g01c00", "search", SEED].status is Status.CRASHED


def test_report_and_show_are_stamped(shared, capsys):
    run = shared[0]
    assert "candidates share a box (training.share_box)" in run.config.training.trainer_name
    write_report(run)
    page = (run.folder / "report.html").read_text()
    assert "share a box (training.share_box)" in page
    assert "could spoil each other" in page
    show_candidate(run, "g01c00", False, Console(width=300, no_color=True))
    assert "trained in one box with g01c0" in capsys.readouterr().out


# Killed, and gone on with ---------------------------------------------------------------------------------------------


EVENTS = 1 + 2 + 2 * (4 + 4 + 2 + 4 + 1 + 2 + 1) + 5 + 1
# A start, two baselines; a round: rewards, screenings, shared boxes, halves, a shared box, halves, more seeds; finals, end.


def test_number_of_events_is_that_of_those_that_are_killed(shared):
    assert len(remembered(shared[0])) == EVENTS


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("dies_at", range(4, EVENTS + 1, 3))
def test_sharing_run_killed_at_any_event_comes_to_the_same_end(tmp_path, shared, dies_at, before):
    whole, all_jobs = shared
    run, fake = sharing_run(tmp_path), Fake()
    with pytest.raises(Killed):
        attempt(run, fake, dies_at=dies_at, before=before)
    attempt(run, fake)
    assert remembered(run) == remembered(whole)
    assert Counter(fake.jobs) == Counter(all_jobs.jobs), "a finished job was done twice, or one was left out"


def test_run_killed_while_a_shared_boxs_parts_are_put_in_place_trains_nothing_twice(tmp_path, shared, monkeypatch):
    run, fake, written = sharing_run(tmp_path), Fake(), []

    def dies(path, content):
        if path.name == "together.json" and len(written) == 1:
            raise Killed
        written.extend([path] if path.name == "together.json" else [])
        write_atomically(path, content)

    monkeypatch.setattr("designer.shared_result.write_atomically", dies)
    with pytest.raises(Killed):
        attempt(run, fake)
    monkeypatch.undo()
    attempt(run, fake)
    assert remembered(run) == remembered(shared[0])
    assert Counter(fake.jobs) == Counter(shared[1].jobs)
