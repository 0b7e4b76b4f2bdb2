"""simplify, tune and ablate over an executor that trains nothing: a reward is worth the sum of its numbers, at most 10."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from designer.archive import Archive
from designer.assemble import make_loop
from designer.display import Silent
from designer.errors import ConfigError
from designer.executors.fake import Fake
from designer.files import write_atomically
from designer.revising import ablate, simplify, tune
from designer.runs import GIVEN_FILE, open_run
from designer.terms import term_names
from tests.designer.small_run import small_run
from tests.designer.test_loop import STARTED

THREE = """def reward(s, a):
    return {"run": 9.0 * -s.torso_velocity[:, 0], "calm": -0.5 * s.torso_velocity[:, 0], "idle": 0 * s.torso_velocity[:, 0]}
"""


def revised(folder: Path, rule: str) -> Archive:
    run = small_run(folder, search={"rule": f"designer.search.revision:{rule}"})
    write_atomically(run.folder / GIVEN_FILE, THREE)
    loop = make_loop(open_run(run.folder), Fake(), Silent(), lambda line: None)
    loop.record(STARTED)
    return loop.design(2)


def test_simplify_drops_what_costs_nothing_and_keeps_what_pays(tmp_path: Path) -> None:
    archive = revised(tmp_path, "Simplify")
    assert archive.finished is not None
    kept = archive.candidates[archive.finished.winner or ""]
    assert "run" in term_names(kept.source)
    assert "idle" not in term_names(kept.source)
    assert archive.final_scores(kept.id)
    assert archive.final_scores("g01c00")


def test_ablate_trains_the_reward_without_each_term_on_the_same_seeds(tmp_path: Path) -> None:
    archive = revised(tmp_path, "Ablate")
    assert [term_names(c.source) for c in archive.in_round(2)] == [("calm", "idle"), ("run", "idle"), ("run", "calm")]
    seeds = {c: {trial.seed for trial in archive.trials_of(c, "search")} for c in archive.candidates}
    assert len(set(map(frozenset, seeds.values()))) == 1
    whole, without_run = archive.search_score("g01c00"), archive.search_score("g02c00")
    assert whole is not None
    assert without_run is not None
    assert without_run < whole


def test_tune_changes_numbers_only(tmp_path: Path) -> None:
    archive = revised(tmp_path, "Tune")
    assert archive.finished is not None
    assert len(archive.rounds) > 1
    assert all(term_names(c.source) == ("run", "calm", "idle") for c in archive.candidates.values() if archive.trainable(c.id))


@pytest.mark.parametrize("command", [simplify, tune, ablate])
def test_setting_that_the_command_chooses_itself_is_refused(
    tmp_path: Path, command: Callable[[argparse.Namespace], None]
) -> None:
    asked = argparse.Namespace(run=tmp_path, candidate=None, of="terms", settings={"search.rule": "bandit"}, unsafe=False)
    with pytest.raises(ConfigError, match=r"search\.rule = bandit"):
        command(asked)
