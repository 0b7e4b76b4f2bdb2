"""The loop: a whole run with nothing trained, killed at every event and at every job, and gone on with."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import pytest

from designer.archive import Archive
from designer.assemble import make_loop
from designer.display import Silent
from designer.errors import DiskError, ModelUnreachableError, SandboxError, TaskError
from designer.executors import Job, JobResult
from designer.executors.fake import Fake
from designer.executors.resumable import Resumable
from designer.journal import Event, Journal, RunStarted
from designer.llm.scripted import Scripted
from designer.records import Status
from designer.runs import Run, open_run
from tests.designer.small_run import reply, small_run

SLOTS = 2
STARTED = RunStarted(task="t", config="{}", proposer="p", sandbox="fake", fitness="f", version="0")
FORGOTTEN = ("at", "train_cpu_s", "wall_s")


class Killed(BaseException):
    """Stands for kill -9: no product code may catch it and go on."""


class Mortal(Journal):
    """A journal whose writer is killed right before or right after its n-th event (counted from 1)."""

    def __init__(self, path: Path, dies_at: int, before: bool) -> None:
        super().__init__(path, clock=lambda: 0.0)
        self._dies_at = dies_at
        self._before = before
        self._count = 0
        self._order = threading.Lock()

    def append(self, event: Event) -> None:
        with self._order:
            self._count += 1
            dead = self._count > self._dies_at or (self._before and self._count == self._dies_at)
            if not dead:
                super().append(event)
            if self._count >= self._dies_at:
                raise Killed  # a killed process writes nothing more, from any thread


def attempt(run: Run, fake: Fake, llm=None, dies_at: int = 10**6, before: bool = False) -> Archive:
    """Open a run from the disk, as `designer run FOLDER` does, and go on with it."""
    loop = make_loop(open_run(run.folder), Resumable(fake), Silent(), lambda line: None, llm)
    loop.journal = Mortal(run.journal, dies_at, before)
    if loop.archive.started is None:
        loop.record(STARTED)
    return loop.design(SLOTS)


def remembered(run: Run) -> list[str]:
    """Return a journal without times, sorted: what two equal runs have in common."""
    written = run.journal.read_bytes() if run.journal.exists() else b""
    return sorted(_without_times(json.loads(line)) for line in written.splitlines())


def _without_times(event: dict) -> str:
    trials = event["event"].get("trials", ())
    kept = [{key: value for key, value in trial.items() if key not in FORGOTTEN} for trial in trials]
    return json.dumps({**event["event"], "trials": kept}, sort_keys=True)


def replies(request) -> str:
    """A model whose every reply depends on its place: some fine, one mended at the second try, one never."""
    match str(request.key):
        case "r01-init-s01-a0":
            return reply(2.0).replace("torso_velocity", "torso_speed")
        case "r01-init-s02-a0" | "r01-repair-s02-a1":
            return "I would rather not."
    return reply(request.key.round + request.key.sample / 10)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[Run, Fake]:
    run, fake = small_run(tmp_path_factory.mktemp("whole")), Fake()
    attempt(run, fake)
    return run, fake


@pytest.fixture(scope="module")
def uninterrupted_model(tmp_path_factory) -> tuple[Run, Fake, Scripted]:
    run, fake, llm = small_run(tmp_path_factory.mktemp("whole")), Fake(), Scripted(replies)
    attempt(run, fake, llm)
    return run, fake, llm


# Whole runs ---------------------------------------------------------------------------------------------------------


def test_whole_run_ends_with_a_winner_chosen_by_final_seeds(uninterrupted):
    archive = uninterrupted[0].archive()
    assert len(archive.candidates) == 6
    assert archive.finished.winner in archive.candidates
    means = {c.id: sum(s) / len(s) for c in archive.ranked() if (s := archive.final_scores(c.id))}
    assert len(means) == 2
    assert means[archive.finished.winner] == max(means.values())
    assert {len(archive.trials_of(name, "final")) for name in ("human", "sparse")} == {2}


def test_every_job_is_run_once(uninterrupted):
    assert Counter(uninterrupted[1].jobs).most_common(1)[0][1] == 1


def test_finished_run_does_nothing_more(uninterrupted):
    run, _ = uninterrupted
    before, idle = run.journal.read_bytes(), Fake()
    attempt(run, idle)
    assert (idle.jobs, run.journal.read_bytes()) == ([], before)


def test_trajectories_are_removed_once_they_are_scored_and_policies_stay(uninterrupted):
    run, _ = uninterrupted
    assert list(run.folder.rglob("trajectories.safetensors")) == []
    assert len(list(run.folder.rglob("train/policy.safetensors"))) == 2 + 2 * (3 + 1 + 1) + 4


def test_refused_candidate_is_recorded_with_its_faults_and_not_trained(uninterrupted_model):
    run, fake, _ = uninterrupted_model
    verdict = run.archive().verdicts["g01c02"]
    assert verdict.status is Status.REJECTED
    assert verdict.repairs == 1
    assert verdict.faults
    assert not run.archive().trials_of("g01c02", "search")
    assert not any("g01c02" in job for job in fake.jobs)
    assert (run.folder / "candidates" / "g01c02" / "reward.py").exists()


def test_mended_candidate_is_trained(uninterrupted_model):
    run, _, llm = uninterrupted_model
    archive = run.archive()
    assert (archive.verdicts["g01c01"].status, archive.verdicts["g01c01"].repairs) == (Status.OK, 1)
    assert archive.trials_of("g01c01", "search")[0].status is Status.OK
    (asked,) = [request for request in llm.requests if str(request.key) == "r01-repair-s01-a1"]
    assert "torso_speed" in asked.messages[-1].content
    assert "Did you mean" in asked.messages[-1].content


def test_candidate_that_fails_its_probe_is_sent_back_then_refused(tmp_path):
    def hangs(job: Job) -> JobResult | None:
        return JobResult(Status.TIMED_OUT, "stopped after 60 s", {}, 60.0, 61.0, "") if job.verb == "probe" else None

    run, fake, llm = small_run(tmp_path, search={"rounds": 1, "population": 1}), Fake(hangs), Scripted(replies)
    archive = attempt(run, fake, llm)
    assert archive.verdicts["g01c00"].status is Status.TIMED_OUT
    assert [str(request.key) for request in llm.requests] == ["r01-init-s00-a0", "r01-repair-s00-a1"]
    assert archive.finished.winner is None


@pytest.mark.parametrize("status", [Status.CRASHED, Status.TIMED_OUT, Status.OUT_OF_MEMORY, Status.NON_FINITE])
def test_candidate_that_fails_in_training_is_recorded_and_the_run_goes_on(tmp_path, status):
    def fails(job: Job) -> JobResult | None:
        own = job.verb == "train" and job.spec["reward"]["kind"] == "code" and job.spec["reward"]["entry"] == "reward"
        return JobResult(status, "line 3: bad", {}, 1.0, 1.0, "") if own else None

    archive = attempt(small_run(tmp_path, search={"rounds": 1}), Fake(fails))
    assert {trial.status for c in archive.candidates for trial in archive.trials_of(c, "search")} == {status}
    assert (archive.finished.winner, archive.ranked()) == (None, [])
    assert archive.final_scores("human")


def test_seeds_trained_together_share_the_episodes_of_a_curves_points(tmp_path):
    asked = set()

    def seen(job: Job) -> None:
        if job.verb == "rollout" and "random_seeds" not in job.spec:
            asked.add((job.spec["policies"], job.spec["earlier_episodes"], job.spec["episodes"]))

    attempt(small_run(tmp_path, evaluation={"episodes": 6, "checkpoint_episodes": 4}, search={"final_seeds": 5}), Fake(seen))
    assert {(1, 4, 6), (5, 1, 6)} <= asked


def test_training_box_that_sends_no_policy_has_crashed(tmp_path):
    def silent(job: Job) -> JobResult | None:
        return JobResult(Status.OK, "", {}, 1.0, 1.0, "") if job.verb == "train" and "reward.py" in job.files else None

    archive = attempt(small_run(tmp_path, search={"rounds": 1}), Fake(silent))
    trial = archive.trials_of("g01c00", "search")[0]
    assert (trial.status, trial.error, trial.scores) == (Status.CRASHED, "the training box sent no policy", ())


def test_refused_policy_is_the_candidates_failure_and_a_broken_evaluator_the_machines(tmp_path):
    def evaluator(status: Status):
        return lambda job: JobResult(status, "why", {}, 1.0, 1.0, "") if job.verb == "rollout" else None

    archive = attempt(small_run(tmp_path / "a", search={"rounds": 1}), Fake(evaluator(Status.REJECTED)))
    assert archive.trials_of("g01c00", "search")[0].status is Status.CRASHED
    with pytest.raises(SandboxError, match="why"):
        attempt(small_run(tmp_path / "b"), Fake(evaluator(Status.CRASHED)))


def test_fitness_that_fails_stops_the_run(tmp_path):
    def score(job: Job) -> JobResult | None:
        return JobResult(Status.REJECTED, "it is NaN", {}, 1.0, 1.0, "") if job.verb == "score" else None

    with pytest.raises(TaskError, match="it is NaN"):
        attempt(small_run(tmp_path), Fake(score))


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"traces": None},
        {"traces": [[{"name": 3}]]},
        {"traces": [[{"name": "a", "mean": ["x"], "low": 0, "high": 0}]]},
        {"traces": [[{"name": "a", "mean": [0.0], "low": 10**17, "high": 0, "more": 1}]]},
        {"traces": {"0": 1}},
        {"traces": [7]},
        {"traces": [["text"]]},
    ],
)
def test_what_a_box_says_of_its_terms_can_break_nothing(tmp_path, content):
    def boasts(job: Job) -> JobResult | None:
        return JobResult(Status.OK, "", {"fitness": 999.0, **content}, 1.0, 1.0, "") if job.verb == "train" else None

    class Boastful(Fake):
        def run(self, job, folder, progress):
            ended = super().run(job, folder, progress)
            return boasts(job) or ended

    archive = attempt(small_run(tmp_path, search={"rounds": 1, "population": 1}), Boastful())
    trial, *_ = archive.trials_of("g01c00", "search")
    assert (trial.status, trial.traces) == (Status.OK, ())
    assert trial.result.fitness < 100


def test_spent_cap_on_calls_ends_the_run_with_its_best_so_far(tmp_path):
    llm = Scripted(replies)
    archive = attempt(small_run(tmp_path, llm={"max_calls": 6}), Fake(), llm)
    assert llm.calls == 6
    assert archive.finished.winner in archive.candidates
    assert archive.finished.reason == "llm.max_calls = 6 model calls are used up"
    assert archive.final_scores(archive.finished.winner)


def test_cap_that_allows_nothing_ends_without_a_winner(tmp_path):
    llm = Scripted(replies)
    archive = attempt(small_run(tmp_path, llm={"max_tokens": 10}), Fake(), llm)
    assert (llm.calls, archive.finished.winner) == (0, None)
    assert "llm.max_tokens = 10" in archive.finished.reason


def test_cap_that_ends_in_a_repair_keeps_the_candidate_with_its_faults(tmp_path):
    run = small_run(tmp_path, search={"rounds": 1, "population": 1}, llm={"max_calls": 1})
    archive = attempt(run, Fake(), Scripted(lambda request: "I would rather not."))
    assert (archive.verdicts["g01c00"].status, archive.verdicts["g01c00"].repairs) == (Status.REJECTED, 0)


def test_model_out_of_reach_stops_the_run_and_it_can_go_on(tmp_path, uninterrupted_model):
    def gone_at_first(request):
        raise ModelUnreachableError("gone")

    run = small_run(tmp_path)
    with pytest.raises(ModelUnreachableError):
        attempt(run, Fake(), Scripted(gone_at_first))
    attempt(run, Fake(), Scripted(replies))
    assert sorted(set(remembered(run))) == remembered(uninterrupted_model[0])


def test_full_disk_stops_the_run_and_it_can_go_on(tmp_path, uninterrupted):
    def full(job: Job) -> JobResult | None:
        if job.verb == "rollout":
            raise DiskError("the disk is full")
        return None

    run, fake = small_run(tmp_path), Fake(full)
    with pytest.raises(DiskError):
        attempt(run, fake)
    attempt(run, Fake())
    assert remembered(run) == remembered(uninterrupted[0])


def test_every_slot_of_a_round_gets_the_same_brief(tmp_path):
    """Else a slot's prompt would depend on which of its neighbours was filled first."""
    llm = Scripted(replies)
    run = small_run(tmp_path, search={"rounds": 2, "population": 8})
    attempt(run, Fake(), llm)
    assert [c.id for c in run.archive().in_round(2)] == [f"g02c{k:02d}" for k in range(8)]
    late = [asked.messages[-1].content for asked in llm.requests if asked.key.round == 2]
    assert late
    assert not any("g02c" in prompt for prompt in late)


# Killed, and gone on with -------------------------------------------------------------------------------------------

EVENTS = 1 + 2 + 2 * (3 + 3 + 3 + 1 + 1) + 5 + 1
EVENTS_MODEL = EVENTS - 2 + 2 * 8


def test_numbers_of_events_are_those_that_are_killed(uninterrupted, uninterrupted_model):
    assert len(remembered(uninterrupted[0])) == EVENTS
    assert len(remembered(uninterrupted_model[0])) == EVENTS_MODEL


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("dies_at", range(1, EVENTS + 1))
def test_run_killed_at_any_event_comes_to_the_same_end(tmp_path, uninterrupted, dies_at, before):
    run, fake = small_run(tmp_path), Fake()
    with pytest.raises(Killed):
        attempt(run, fake, dies_at=dies_at, before=before)
    assert len(remembered(run)) == dies_at - before
    attempt(run, fake)
    assert remembered(run) == remembered(uninterrupted[0])
    assert Counter(fake.jobs) == Counter(uninterrupted[1].jobs), "a finished job was done twice, or one was left out"


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("dies_at", range(1, EVENTS_MODEL + 1))
def test_run_with_a_model_killed_at_any_event_buys_nothing_twice(tmp_path, uninterrupted_model, dies_at, before):
    run, fake, llm = small_run(tmp_path), Fake(), Scripted(replies)
    whole, all_jobs, all_calls = uninterrupted_model
    with pytest.raises(Killed):
        attempt(run, fake, llm, dies_at, before)
    attempt(run, fake, llm)
    events = Counter(remembered(run))
    assert sorted(events) == remembered(whole)
    assert {count for line, count in events.items() if '"call_started"' not in line} == {1}
    assert max(events.values()) <= 2
    assert Counter(fake.jobs) == Counter(all_jobs.jobs)
    assert Counter(str(r.key) for r in llm.requests) == Counter(str(r.key) for r in all_calls.requests)


@pytest.mark.parametrize("dies_at", [1, 3, 4, 7, 11, 20, 30])
def test_run_killed_in_a_job_repeats_that_job_only(tmp_path, uninterrupted, dies_at):
    whole, all_jobs = uninterrupted
    count = iter(range(1, 10**6))
    repeated = []

    def dies(job: Job) -> JobResult | None:
        if next(count) >= dies_at:
            repeated.append(job.verb)
            raise Killed
        return None

    run, fake = small_run(tmp_path), Fake(dies)
    with pytest.raises(Killed):
        attempt(run, fake)
    again = Fake()
    attempt(run, again)
    assert remembered(run) == remembered(whole)
    done = Counter(fake.jobs) + Counter(again.jobs)
    assert sum((done - Counter(all_jobs.jobs)).values()) == len(repeated)


def test_run_killed_again_and_again_still_comes_to_the_same_end(tmp_path, uninterrupted):
    run, fake = small_run(tmp_path), Fake()
    for _ in range(EVENTS - 1):
        with pytest.raises(Killed):
            attempt(run, fake, dies_at=1)
    attempt(run, fake)
    assert remembered(run) == remembered(uninterrupted[0])
    assert Counter(fake.jobs) == Counter(uninterrupted[1].jobs)


def test_torn_last_line_is_cut_and_done_again_without_new_training(tmp_path, uninterrupted):
    run, fake = small_run(tmp_path), Fake()
    attempt(run, fake)
    lines = run.journal.read_bytes().splitlines(keepends=True)
    run.journal.write_bytes(b"".join(lines[:9]) + lines[9][:40])
    again = Fake()
    attempt(run, again)
    assert remembered(run) == remembered(uninterrupted[0])
    assert {job.split()[0] for job in again.jobs} == {"rollout", "score", "analyse", "explain"}, (
        "only the tidied trajectories are played again"
    )
