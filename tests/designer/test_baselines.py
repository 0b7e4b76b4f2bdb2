"""Baselines are trained once: kept whole or not at all, and believed only as they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from designer.archive import HUMAN, RANDOM, SPARSE
from designer.assemble import make_loop
from designer.baselines import BaselineCache, cache_root, folder_hash
from designer.display import Silent
from designer.executors.fake import Fake
from designer.executors.resumable import Resumable
from tests.designer.small_run import small_run


def design(parent: Path, cache: BaselineCache | None, fake: Fake, **changes: dict[str, object]):
    """Run to the end; return the archive."""
    run = small_run(parent, **changes)
    return make_loop(run, Resumable(fake), Silent(), lambda line: None, cache=cache).design(2)


@pytest.fixture
def cache(tmp_path: Path) -> BaselineCache:
    return BaselineCache(tmp_path / "cache", "a worker")


def trained(fake: Fake) -> int:
    return sum(job.startswith("train ") for job in fake.jobs)


def finals(archive) -> dict[str, list[float]]:
    return {name: archive.final_scores(name) for name in (RANDOM, HUMAN, SPARSE)}


def test_second_run_takes_the_baselines_of_the_first(tmp_path: Path, cache: BaselineCache) -> None:
    first, again = Fake(), Fake()
    before = design(tmp_path / "a", cache, first)
    after = design(tmp_path / "b", cache, again)
    assert finals(after) == finals(before)
    assert all(trial.from_cache for name in (RANDOM, HUMAN, SPARSE) for trial in after.trials_of(name, "final"))
    assert trained(first) - trained(again) == 4  # both on the search's seed, and both on the final ones
    assert not any(trial.from_cache for trial in before.trials.values())
    policies = list((tmp_path / "b").rglob("candidates/human/final-*/train/policy.safetensors"))
    assert len(policies) == 1  # a clip can be drawn of it


def test_candidates_are_never_taken(tmp_path: Path, cache: BaselineCache) -> None:
    design(tmp_path / "a", cache, Fake())
    archive = design(tmp_path / "b", cache, Fake())
    assert not any(trial.from_cache for trial in archive.trials.values() if trial.candidate in archive.candidates)


@pytest.mark.parametrize("change", [{"training": {"gamma": 0.9}}, {"search": {"seed": 1}}, {"evaluation": {"episodes": 3}}])
def test_other_settings_are_other_baselines(tmp_path: Path, cache: BaselineCache, change: dict[str, dict[str, object]]) -> None:
    design(tmp_path / "a", cache, Fake())
    archive = design(tmp_path / "b", cache, Fake(), **change)
    assert not any(trial.from_cache for trial in archive.trials_of(HUMAN, "final"))


def test_another_workers_baselines_are_not_taken(tmp_path: Path, cache: BaselineCache) -> None:
    design(tmp_path / "a", cache, Fake())
    archive = design(tmp_path / "b", BaselineCache(cache.root, "another worker"), Fake())
    assert not any(trial.from_cache for trial in archive.trials.values())


@pytest.mark.parametrize("damage", [b"", b"something else"])
def test_damaged_entry_is_not_believed_and_made_anew(tmp_path: Path, cache: BaselineCache, damage: bytes) -> None:
    before = design(tmp_path / "a", cache, Fake())
    for path in cache.root.rglob("policy.safetensors"):
        path.write_bytes(damage)
    fake = Fake()
    assert finals(design(tmp_path / "b", cache, fake)) == finals(before)
    assert trained(fake) > 0
    assert all(trial.from_cache for trial in design(tmp_path / "c", cache, Fake()).trials_of(HUMAN, "final"))


def test_entry_that_a_killed_process_left_half_made_is_not_there(tmp_path: Path, cache: BaselineCache) -> None:
    before = design(tmp_path / "a", cache, Fake())
    for place in list(cache.root.iterdir()):  # killed before the rename: the folder still has its making's name
        place.rename(place.with_name(f".{place.name}.0123abcd"))
    archive = design(tmp_path / "b", cache, Fake())
    assert finals(archive) == finals(before)
    assert not any(trial.from_cache for trial in archive.trials.values())


def test_cache_that_cannot_be_written_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    archive = design(tmp_path / "a", BaselineCache(tmp_path / "file" / "cache", "w"), Fake())
    assert archive.finished is not None


def test_place_is_the_variables_or_the_users_cache(tmp_path: Path) -> None:
    assert cache_root({"DESIGNER_BASELINES": str(tmp_path)}) == tmp_path
    assert cache_root({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "designer" / "baselines"
    assert cache_root({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache" / "designer" / "baselines"


def test_changed_worker_code_is_another_worker(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = folder_hash(tmp_path)
    (tmp_path / "a.py").write_text("2")
    assert folder_hash(tmp_path) != before
