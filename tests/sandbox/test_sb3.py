"""Stable-Baselines3 as the second trainer: it pays, ends, exports, pauses and fails as our own does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from envs import worlds
from sandbox.payers import CodeReward
from sandbox.policy import StackedPolicy, unpack
from sandbox.ppo import Settings
from sandbox.sb3_learner import Learner
from sandbox.sb3_worlds import Draws, PaidWorlds
from tests.sandbox.frames import Sent, run_verb
from tests.sandbox.measures import shipped
from tests.sandbox.toy_world import EPISODE_STEPS, LineWorld

pytestmark = pytest.mark.worker

NUM_ENVS, HORIZON = 4, 40
SEEDS = [1, 2]
GOOD = """
def reward(s, a):
    return {"upright": s.rod_upright, "effort": -0.01 * a.square().sum(-1)}
"""
NEAR = "def reward(s, a):\n    return {'near': -s.distance}\n"


def train(source: str = GOOD, checkpoint: bytes = b"", **changes) -> Sent:
    """Train two seeds for four horizons."""
    job = {
        "verb": "train",
        "trainer": "sb3",
        "world": "pendulum",
        "seeds": SEEDS,
        "steps": 4 * NUM_ENVS * HORIZON,
        "fractions": [0.25, 0.75, 1.0],
        "settings": {"num_envs": NUM_ENVS, "horizon": HORIZON, "minibatches": 2},
        "reward": {"kind": "code", "entry": "reward"},
        **changes,
    }
    return run_verb(job, reward_py=source, checkpoint_safetensors=checkpoint)


def on_a_line(source: str = NEAR, num_envs: int = 8, seed: int = 0, horizons: int = 1, **settings) -> Learner:
    made = Settings(num_envs=num_envs, **{"horizon": 20, "minibatches": 1, **settings})
    return Learner(LineWorld(num_envs), CodeReward(source, "reward", made.gamma), seed, made, horizons)


@contextmanager
def paid_worlds(world, source: str, steps: int) -> Iterator[PaidWorlds]:
    """Worlds at their start, with the learner's random numbers in place, as while it learns."""
    draws = Draws(0)
    made = PaidWorlds(world, CodeReward(source, "reward", 0.99), seed=0, draws=draws, total_steps=steps)
    made.reset()
    with draws.swapped():
        yield made


# What leaves the box -------------------------------------------------------------------------------------------------


def test_training_sends_what_our_trainer_sends():
    sent = train()
    assert set(sent.files) == {"curves.jsonl", "policy.safetensors"}
    assert (sent.result["status"], sent.result["steps"]) == ("ok", 4 * NUM_ENVS * HORIZON)
    assert [[term["name"] for term in policy] for policy in sent.result["traces"]] == [["upright", "effort"]] * 2
    curves = [json.loads(line) for line in sent.files["curves.jsonl"].splitlines()]
    assert [line["steps"] for line in curves] == [k * NUM_ENVS * HORIZON for k in (1, 2, 3, 4)]
    assert all(len(line[name]) == len(SEEDS) for line in curves for name in ("kl", "learning_rate", "std"))
    assert sent.progress[-1]["share"] == 1.0
    kept = unpack(sent.files["policy.safetensors"], 3, 2, 3, 1)
    assert not torch.equal(kept["actor.0.weight"][0], kept["actor.0.weight"][2])


def test_each_seed_learns_what_it_learns_alone():
    together = unpack(train().files["policy.safetensors"], 3, 2, 3, 1)
    alone = unpack(train(seeds=[2]).files["policy.safetensors"], 3, 1, 3, 1)
    assert all(torch.equal(values[:, 1], alone[name][:, 0]) for name, values in together.items())


def test_policy_file_acts_as_the_model_does():
    learner = on_a_line()
    learner.learn()
    model, seen = learner._model, np.random.default_rng(0).uniform(-1, 1, (16, 2))
    expected, _ = model.predict(learner._normaliser.normalize_obs(seen), deterministic=True)
    policy = StackedPolicy({name: value.unsqueeze(0) for name, value in learner.export().items()})
    acted = policy.act(torch.as_tensor(seen, dtype=torch.float32).unsqueeze(0))[0].clamp(-1, 1)
    np.testing.assert_allclose(acted, expected, atol=1e-5)


def test_choices_are_trained_and_played():
    sent = train("def reward(s, a):\n    return {'up': -s.pole_angle.abs()}\n", world="CartPole-v1", seeds=[3])
    assert sent.result["status"] == "ok"
    rollout = {"verb": "rollout", "world": "CartPole-v1", "checkpoints": 3, "policies": 1, "episodes": 2}
    played = run_verb({**rollout, "earlier_episodes": 1, "seed": 5}, policy_safetensors=sent.files["policy.safetensors"])
    assert played.result["index"] == [[0, 0, 1], [1, 0, 1], [2, 0, 2]]


# How episodes end ----------------------------------------------------------------------------------------------------


def test_time_limit_is_told_with_the_observation_before_the_reset():
    with paid_worlds(LineWorld(2), NEAR, EPISODE_STEPS) as made:
        for _ in range(EPISODE_STEPS):
            observation, _, ended, told = made.step(np.ones((2, 1)))
    assert ended.all()
    for world in range(2):
        assert told[world]["TimeLimit.truncated"]
        assert not np.array_equal(told[world]["terminal_observation"], observation[world])


def test_true_end_is_no_time_limit():
    told = [{}]
    with paid_worlds(worlds.make("hopper", 2), "def reward(s, a):\n    return {'x': s.torso_pitch}\n", 1000) as made:
        while not told[0]:
            _, _, ended, told = made.step(np.ones((2, 3)))
            assert [bool(one) for one in told] == ended.tolist()
    assert not told[0]["TimeLimit.truncated"]


# Pausing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "source"),
    [("pendulum", GOOD), ("half_cheetah", "def reward(s, a):\n    return {'run': s.torso_velocity[:, 0]}\n")],
)
def test_resumed_training_ends_bit_for_bit_as_one_that_never_stopped(world, source):
    whole = train(source, world=world)
    first = train(source, world=world, until=0.5)
    resumed = train(source, first.files["checkpoint.safetensors"], world=world, resume=True)
    assert resumed.files == whole.files
    assert resumed.result["traces"] == whole.result["traces"]


def test_baseline_goes_on_with_the_episodes_that_it_had_begun():
    reward = {"kind": "episode_measure", "measure": shipped("pendulum", "swing_up")}
    whole = train(reward=reward)
    left = train(reward=reward, until=0.25).files["checkpoint.safetensors"]
    assert train(checkpoint=left, reward=reward, resume=True).files == whole.files


# Rewards -------------------------------------------------------------------------------------------------------------


def test_learners_random_numbers_are_not_blamed_on_the_reward():
    before = torch.default_generator.get_state(), np.random.get_state()[1].tolist()
    assert train().result["status"] == "ok"
    assert torch.equal(torch.default_generator.get_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]


@pytest.mark.parametrize("draw", ["torch.rand(1)", "__import__('numpy').random.rand()"])
def test_reward_that_draws_random_numbers_is_refused(draw):
    sent = train(f"import torch\ndef reward(s, a):\n    {draw}\n    return {{'x': s.rod_upright}}\n")
    assert sent.result["status"] == "rejected"
    assert "random numbers" in sent.result["error"]


def test_reward_that_fails_late_ends_the_training():
    source = "def reward(s, a):\n    assert s.training_progress[0] < 0.5\n    return {'x': s.rod_upright}\n"
    sent = train(source)
    assert (sent.result["status"], sent.result["line"]) == ("crashed", 2)
    assert not sent.files


def test_it_learns():
    learner = on_a_line(num_envs=16, horizons=12, horizon=20, minibatches=2)
    for _ in range(12):
        learner.learn()
    (near,) = learner.traces
    assert near["mean"][-1] > 0.6 * near["mean"][0]
