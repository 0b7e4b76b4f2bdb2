"""Screening over doubles: a copy is not trained and shares the score; a reward that prefers bad episodes is kept out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from designer.archive import HINDSIGHT
from designer.assemble import make_loop
from designer.auditing import Known, Library, audit, library_against, looked_back
from designer.display import Silent
from designer.executors import Job, JobResult
from designer.executors.fake import Fake
from designer.executors.results import Explained, ExplainedTerm
from designer.executors.resumable import Resumable
from designer.files import write_atomically
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


# In hindsight ---------------------------------------------------------------------------------------------------------

RUNNER, WRIGGLER, FAIR = Path("runner"), Path("wriggler"), Path("fair")
SEEN = {
    RUNNER: [Known("g01c00", 3.9, 100), Known("g01c00", 4.0, 100)],
    WRIGGLER: [Known("g01c01", 0.4, 100), Known("g01c01", 0.5, 100)],
    FAIR: [Known("g01c02", 2.6, 100), Known("g01c02", 2.7, 100)],
}


def test_a_reward_that_pays_its_own_bad_episodes_more_is_called_hacked_with_its_numbers() -> None:
    library = library_against(SEEN, "g01c01")
    assert library is not None
    assert {library.episodes[k].candidate for k in library.good} == {"g01c00"}
    assert {library.episodes[k].candidate for k in library.bad} == {"g01c01"}
    paid = [9.0 if episode.candidate == "g01c01" else 1.0 for episode in library.episodes]
    remark = looked_back("g01c01", explained(*paid), library)
    assert remark is not None
    assert not remark.blocking
    for told in ("misranking: ", "4 of 4 pairs", "an episode of g01c00 with a task score of 3.9 would be paid 100", "900"):
        assert told in remark.text


def test_a_reward_that_was_not_learnt_but_wants_the_right_thing_raises_no_flag() -> None:
    library = library_against(SEEN, "g01c01")
    assert library is not None
    paid = [1.0 if episode.candidate == "g01c01" else 9.0 for episode in library.episodes]
    remark = looked_back("g01c01", explained(*paid), library)
    assert remark is not None
    assert remark.kind == "text"
    assert "not learnt rather than hacked" in remark.text
    tied = [1.0] * len(library.episodes)
    assert looked_back("g01c01", explained(*tied), library) is None


def test_what_did_well_or_alone_is_not_held_against_anything() -> None:
    assert library_against(SEEN, "g01c00") is None
    assert library_against(SEEN, "g01c02") is None
    assert library_against({WRIGGLER: SEEN[WRIGGLER]}, "g01c01") is None
    assert library_against(SEEN, "g09c09") is None


class Contrary(Fake):
    """Its analyses know the fitness of the episodes, and every reward pays an episode minus its fitness."""

    def _analyse(self, job: Job, folder: Path) -> Mapping[str, Any]:
        content = super()._analyse(job, folder)
        ends = {"worst": min(job.spec["fitness"]), "best": max(job.spec["fitness"])}
        write_atomically(folder / "episodes.safetensors", json.dumps(list(ends.values())))
        policies = [{end: {**policy[end], "fitness": ends[end]} for end in ends} for policy in content["policies"]]
        return {**content, "policies": policies}

    def _explain(self, job: Job, folder: Path) -> Mapping[str, Any]:
        files = [folder / f"episodes-{k}.safetensors" for k in range(job.spec["parts"])]
        paid = [-fitness for file in files for fitness in json.loads(file.read_bytes())]
        return {"terms": [{"name": "run", "episodes": paid, "saturated": 0.0}]}


def test_what_was_trained_is_looked_at_in_hindsight_once_and_before_the_finals(tmp_path: Path) -> None:
    run = small_run(tmp_path, search={"screen": False, "population": 6})
    fake = Contrary()
    loop = make_loop(open_run(run.folder), Resumable(fake), Silent(), lambda line: None)
    loop.record(STARTED)
    archive = loop.design(2)
    flagged = [name for (reviewer, name), review in archive.reviews.items() if reviewer == HINDSIGHT and review.remarks]
    assert flagged
    for name in flagged:
        assert archive.reviews[HINDSIGHT, name].remarks[0].text.startswith("misranking: ")
    looked = [job for job in fake.jobs if job.endswith("/hindsight")]
    assert len(looked) == len(set(looked))
    finals = [k for k, job in enumerate(fake.jobs) if "/final-" in job]
    assert max(fake.jobs.index(job) for job in looked) < min(finals)
