"""A run says who trained: Stable-Baselines3 instead of designer's own trainer, in the same sealed boxes."""

from __future__ import annotations

from designer.journal import read
from tests.e2e.command import TINY, designer, only_run

SMALL = ("--search.rounds", "0", "--search.final-seeds", "1", "--training.trainer", "sb3")


def test_stable_baselines3_trains_and_is_named_everywhere(tmp_path):
    ended = designer("run", "half_cheetah_backward", *TINY, *SMALL, cwd=tmp_path)
    assert ended.code == 0, ended.err + ended.out
    assert "trainer:  sb3 (PPO of Stable-Baselines3" in ended.out
    run = only_run(tmp_path / "runs")
    opening = read(run / "journal.jsonl")[0].event
    assert opening.trainer.startswith("sb3")
    assert "by sb3 (PPO of Stable-Baselines3" in (run / "report.html").read_text()
    job = (run / "candidates" / "human" / "final-s1000" / "train" / "job.json").read_text()
    assert '"trainer": "sb3"' in job or '"trainer":"sb3"' in job


def test_unknown_trainer_is_refused_with_what_it_may_be(tmp_path):
    ended = designer("run", "half_cheetah_backward", *TINY, "--training.trainer", "dreamer", cwd=tmp_path)
    assert ended.code == 2
    assert "training.trainer = 'dreamer'" in ended.err + ended.out
    assert "'sb3'" in ended.err + ended.out
