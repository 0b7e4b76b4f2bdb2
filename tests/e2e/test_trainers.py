"""A run says who trained: Stable-Baselines3 instead of designer's own trainer, in the same sealed boxes; on pictures too."""

from __future__ import annotations

from designer.journal import read
from tests.e2e.command import TINY, designer, only_run

SMALL = ("--search.rounds", "0", "--search.final-seeds", "1", "--training.trainer", "sb3")

PICTURE_WORLD = """
import gymnasium
import numpy as np

class Dot(gymnasium.Env):
    observation_space = gymnasium.spaces.Dict(
        {"camera": gymnasium.spaces.Box(0, 255, (8, 8, 1), np.uint8), "speed": gymnasium.spaces.Box(-1, 1, (1,))}
    )
    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.count = float(self.np_random.uniform(2, 6)), 0
        return self.seen(0.0), {}

    def step(self, action):
        speed = float(np.clip(action[0], -1, 1))
        self.place, self.count = float(np.clip(self.place + speed, 0, 7)), self.count + 1
        return self.seen(speed), 0.0, self.count >= 20, False, {}

    def seen(self, speed):
        picture = np.zeros((8, 8, 1), dtype=np.uint8)
        picture[4, round(self.place)] = 255
        return {"camera": picture, "speed": np.array([speed], dtype=np.float32)}

make = Dot
"""
DOT = ("run", "Move to the right.", "--env", "dot.py:make", "--fitness", "mean(speed[0])")


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


def test_world_with_pictures_is_trained_and_played(tmp_path):
    (tmp_path / "dot.py").write_text(PICTURE_WORLD)
    ended = designer(*DOT, *TINY, *SMALL, "--training.steps", "2048", "--training.num-envs", "8", cwd=tmp_path)
    assert ended.code == 0, ended.err + ended.out
    assert "fitness as reward trained" in ended.out


def test_our_own_trainer_names_the_one_that_can_look_at_pictures(tmp_path):
    (tmp_path / "dot.py").write_text(PICTURE_WORLD)
    ended = designer(*DOT, *TINY, cwd=tmp_path)
    assert ended.code == 2
    assert "pictures" in ended.err
    assert "--training.trainer sb3" in ended.err
