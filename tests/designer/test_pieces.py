"""A training that is paused and goes on: the host's side, with the worker's answers made up."""

from __future__ import annotations

import json

from designer.archive import Archive
from designer.executors import Job, JobResult
from designer.executors.fake import Fake
from designer.records import Status
from designer.search import Batch
from designer.trials import run_batch
from designer.workbench import Workbench, batch_folder
from tests.designer.cheetah_table import cheetah_table
from tests.designer.small_run import GOOD, config, task

SEEDS = (1, 2)
WHOLE = Batch("g01c00", "search", SEEDS)
FIRST, SECOND = WHOLE._replace(until=0.5), WHOLE._replace(since=0.5)
SOURCE = GOOD.format(weight=2.5)


def bench(folder, fake=None) -> Workbench:
    settings = config(evaluation={"checkpoints": 5})
    return Workbench(task(), cheetah_table(), settings, fake or Fake(), folder)


def run(at: Workbench, batch: Batch, before=()):
    return run_batch(at, batch, SOURCE, lambda _: None, before).trials


def spec(at: Workbench, batch: Batch) -> dict:
    return json.loads((at.folder / batch_folder(batch) / "train" / "job.json").read_bytes())


def test_two_pieces_come_to_the_same_as_one_training(tmp_path):
    whole = run(bench(tmp_path / "a"), WHOLE)
    pieces = bench(tmp_path / "b")
    ended = run(pieces, SECOND, run(pieces, FIRST))
    assert [trial.result for trial in ended] == [trial.result for trial in whole]
    assert [trial.steps for trial in ended] == [trial.steps for trial in whole]
    curve = {score.fraction: score.fitness for score in ended[0].scores}
    assert curve.items() >= {score.fraction: score.fitness for score in whole[0].scores}.items()
    assert sorted(curve) == [0.2, 0.4, 0.5, 0.6, 0.8, 1.0]


def test_uninterrupted_training_is_one_box_that_knows_of_no_pause(tmp_path):
    at = bench(tmp_path)
    run(at, WHOLE)
    assert not {"until", "resume"} & spec(at, WHOLE).keys()
    assert not list(tmp_path.rglob("checkpoint.safetensors"))


def test_pieces_share_the_length_and_the_second_gets_the_firsts_checkpoint(tmp_path):
    at = bench(tmp_path)
    first = run(at, FIRST)
    run(at, SECOND, first)
    one, two = spec(at, FIRST), spec(at, SECOND)
    assert (one["steps"], two["steps"]) == (at.task.steps, at.task.steps)
    assert (one["until"], one.get("resume"), two.get("until"), two["resume"]) == (0.5, None, None, True)
    assert (one["fractions"], two["fractions"]) == ([0.2, 0.4, 0.5], [0.6, 0.8, 1.0])
    sent, got = (at.folder / batch_folder(batch) / "train" / "checkpoint.safetensors" for batch in (FIRST, SECOND))
    assert sent.read_bytes() == got.read_bytes()


def test_paused_trial_is_judged_where_it_stands(tmp_path):
    (trial, _) = run(bench(tmp_path), FIRST)
    assert (trial.until, trial.is_whole, trial.steps) == (0.5, False, task().steps // 2)
    assert trial.fitness_at(0.5) == trial.result.fitness
    assert trial.fitness_at(0.6) is None


def test_what_both_pieces_took_is_added_up(tmp_path):
    at = bench(tmp_path)
    first = run(at, FIRST)
    assert run(at, SECOND, first)[0].train_cpu_s == 2 * first[0].train_cpu_s


def test_box_that_pauses_and_sends_no_checkpoint_has_crashed(tmp_path):
    class Forgetful(Fake):
        def run(self, job: Job, folder, progress) -> JobResult:
            ended = super().run(job, folder, progress)
            if job.verb == "train":
                (folder / "checkpoint.safetensors").unlink(missing_ok=True)
            return ended

    trials = run(bench(tmp_path, Forgetful()), FIRST)
    assert {(t.status, t.error) for t in trials} == {(Status.CRASHED, "the training box sent no checkpoint")}


def test_failure_after_the_pause_leaves_no_score(tmp_path):
    def fails(job: Job) -> JobResult | None:
        return JobResult(Status.CRASHED, "line 3", {}, 1.0, 1.0, "") if job.spec.get("resume") else None

    at = bench(tmp_path, Fake(fails))
    (trial, _) = run(at, SECOND, run(at, FIRST))
    assert (trial.status, trial.scores, trial.until) == (Status.CRASHED, (), 1.0)
    assert Archive.of([]).search_score("g01c00") is None
