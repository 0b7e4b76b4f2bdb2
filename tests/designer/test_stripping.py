"""The world's code in a prompt: what could tell its reward is gone, by syntax tree."""

from __future__ import annotations

import pytest

from designer.bundle import bundle_root
from designer.stripping import TELLTALES, without_reward

WORLD = '''
"""Reward: forward speed minus control cost."""
import numpy as np

FORWARD_REWARD_WEIGHT = 1.0
SIZE = 3


class Env(Base):
    """The reward is x."""

    def __init__(self, ctrl_cost_weight=0.1):
        self._w = ctrl_cost_weight

    def step(self, action):
        # reward shaping here
        before = self.x
        self.x = before + action
        reward = self.x - before - 0.1 * np.square(action).sum()
        info = {"reward_run": reward, "x": self.x}
        return self.observe(), reward, self.is_done(), info

    def observe(self):
        """Not the reward."""
        return np.array([self.x, SIZE])

    def _get_rew(self, costs):
        return -costs
'''


def test_reward_docstrings_comments_and_info_are_gone_and_the_rest_stays():
    text = without_reward(WORLD)
    assert "self.x = before + action" in text
    assert "return np.array([self.x, SIZE])" in text
    assert not [word for word in (*TELLTALES, "0.1") if word in text.lower()]


@pytest.mark.parametrize("world", ["half_cheetah", "hopper", "ant", "pendulum"])
def test_no_shipped_world_leaks(world):
    text = without_reward((bundle_root() / "envs" / world / "env.py").read_text())
    assert "observe" in text
    assert not [word for word in TELLTALES if word in text.lower()]


@pytest.mark.parametrize("source", ["", "def f(:", "x = 'reward'", "\0"])
def test_nothing_is_shown_of_what_holds_nothing_or_can_not_be_read(source):
    assert without_reward(source) == ""
