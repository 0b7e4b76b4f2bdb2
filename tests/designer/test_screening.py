"""Screening over doubles: a copy is not trained and shares the score; a reward that prefers bad episodes is kept out."""

from __future__ import annotations

from pathlib import Path

from designer.assemble import make_loop
from designer.auditing import Known, Library, audit
from designer.display import Silent
from designer.executors import Job, JobResult
from designer.executors.fake import Fake
from designer.executors.results import Explained, ExplainedTerm
from designer.records import Status
from designer.runs import open_run
from tests.designer.small_run import small_run
from tests.designer.test_loop import STARTED

GOOD, BAD = Known("g01c00", 4.0, 100), Known("g01c01", 0.5, 100)
LIBRARY = Library((), (GOOD, GOOD, BAD, BAD), good=(0, 1), bad=(2, 3))


def same_as_the_first(job: Job) -> JobResult | None:
    """The compare box says that every new reward is the first one of the list."""
    if job.verb != "compare":
        return None
    new = range(job.spec["first"], len(job.spec["rewards"]))
    nearest = [{"to": 0, "distance": 0.001} if k else None for k in new]
    content = {"nearest": nearest, "differ": [[] for _ in new], "centred": True}
    return JobResult(Status.OK, "", content, cpu_s=1.0, wall_s=1.0, walls="")


def test_a_copy_is_not_trained_and_shares_the_score(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    loop = make_loop(open_run(run.folder), Fake(same_as_the_first), Silent(), lambda line: None)
    loop.record(STARTED)
    archive = loop.design(2)
    copies = [name for name in archive.candidates if name != "g01c00"]
    assert copies
    for name in copies:
        assert archive.original(name) == "g01c00"
        assert not archive.trials_of(name, "search")
        assert archive.search_score(name) == archive.search_score("g01c00")
        assert "0.001" in archive.kept_out(name)
    assert archive.finished is not None
    assert archive.finished.winner == "g01c00"


def test_without_screening_every_sound_candidate_is_trained(tmp_path: Path) -> None:
    run = small_run(tmp_path, search={"screen": False})
    fake = Fake(same_as_the_first)
    loop = make_loop(open_run(run.folder), fake, Silent(), lambda line: None)
    loop.record(STARTED)
    archive = loop.design(2)
    assert not archive.screened
    assert not [job for job in fake.jobs if job.startswith("compare")]
    assert all(archive.trials_of(name, "search") for name in archive.candidates if archive.trainable(name))


def explained(*episodes: float) -> Explained:
    return Explained(terms=(ExplainedTerm(name="run", episodes=episodes, saturated=0.0),))


def test_a_reward_that_prefers_bad_episodes_is_kept_out_with_its_numbers() -> None:
    remark = audit("g02c00", explained(0.1, 0.2, 0.9, 0.8), LIBRARY)
    assert remark is not None
    assert remark.blocking
    for told in ("0 of 4 pairs", "g01c00", "g01c01", "10", "90"):
        assert told in remark.text


def test_a_reward_that_prefers_good_episodes_passes() -> None:
    assert audit("g02c00", explained(0.9, 0.8, 0.1, 0.2), LIBRARY) is None


def test_a_doubtful_reward_is_trained_and_told() -> None:
    remark = audit("g02c00", explained(0.9, 0.5, 0.1, 0.7), LIBRARY)
    assert remark is not None
    assert not remark.blocking


def test_an_audit_pays_by_the_episode_not_by_the_step() -> None:
    """A short bad episode with a high reward a step is still paid less than a long good one."""
    short = Known("g01c01", 0.5, 10)
    library = LIBRARY._replace(episodes=(GOOD, GOOD, short, short))
    assert audit("g02c00", explained(0.5, 0.5, 2.0, 2.0), library) is None
