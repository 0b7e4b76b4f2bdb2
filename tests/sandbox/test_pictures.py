"""Worlds that show pictures: Stable-Baselines3 trains on them, and the policy file plays without it."""

import numpy as np
import pytest
import torch

from envs import worlds
from envs.errors import WorldError
from envs.vec_env import Image
from sandbox.encoder import Encoder
from sandbox.payers import CodeReward
from sandbox.policy import PolicyRefusedError, StackedPolicy, unpack
from sandbox.ppo import Settings
from sandbox.sb3_learner import Learner
from tests.sandbox.frames import Sent, run_verb

pytestmark = pytest.mark.worker

PICTURES = "tests.envs.picture_worlds:PictureAndPlace-v0"
IMAGES = (Image(0, 7, 7, 3),)
REWARD = "def reward(s, a):\n    return {'away': s.place[:, 0]}\n"
TINY = {"num_envs": 4, "horizon": 10, "minibatches": 2}


def train(**changes) -> Sent:
    job = {"verb": "train", "trainer": "sb3", "world": PICTURES, "seeds": [1, 2], "steps": 80, "fractions": [0.5, 1.0]}
    return run_verb({**job, "settings": TINY, "reward": {"kind": "code", "entry": "reward"}, **changes}, reward_py=REWARD)


def test_a_picture_is_told_apart_from_numbers_and_is_no_field_of_the_state():
    spec = worlds.make(PICTURES, 1).spec
    assert spec.images == IMAGES
    assert spec.observation_dim == 3 + 7 * 7 * 3
    assert [field.name for field in spec.fields] == ["place"]


def test_a_world_of_pictures_alone_asks_for_a_table():
    with pytest.raises(WorldError, match=r"pictures alone.*--state"):
        worlds.make(PICTURES.replace("PictureAndPlace", "PictureAlone"), 1)


def test_our_own_trainer_names_the_one_that_can_look():
    job = {"verb": "train", "world": PICTURES, "seeds": [1], "steps": 8, "fractions": [1.0], "settings": TINY}
    with pytest.raises(WorldError, match=r"training\.trainer = sb3"):
        run_verb({**job, "reward": {"kind": "code", "entry": "reward"}}, reward_py=REWARD)


def test_trained_policies_are_played_from_their_file():
    payload = train().files["policy.safetensors"]
    job = {"verb": "rollout", "world": PICTURES, "checkpoints": 2, "policies": 2, "episodes": 2, "earlier_episodes": 1}
    played = run_verb({**job, "seed": 5}, policy_safetensors=payload)
    assert played.result["index"] == [[0, 0, 1], [0, 1, 1], [1, 0, 2], [1, 1, 2]]
    with pytest.raises(PolicyRefusedError):
        unpack(payload, 2, 2, 150, 7)


def test_policy_file_acts_as_the_model_does():
    world = worlds.make(PICTURES, 4)
    learner = Learner(world, CodeReward(REWARD, "reward", 0.99), 0, Settings(**TINY), 1)
    learner.learn()
    seen = np.random.default_rng(0).integers(0, 10, (64, 150)).astype(np.float64)
    expected, _ = learner._model.predict(learner._normaliser.normalize_obs(seen), deterministic=True)
    policy = StackedPolicy({name: value.unsqueeze(0) for name, value in learner.export().items()}, IMAGES)
    acted = policy.act(torch.as_tensor(seen, dtype=torch.float32).unsqueeze(0), discrete=True)[0, :, 0]
    assert (acted.numpy() == expected).mean() > 0.95  # two choices may be equally likely but for rounding


@pytest.mark.parametrize("side", [4, 7, 36, 84])
def test_every_size_of_picture_has_a_network_that_sees_all_of_it(side):
    encoder = Encoder(2 + side * side, [Image(1, side, side, 1)])
    seen = torch.rand(1, 2 + side * side, requires_grad=True)
    features = encoder(seen)
    assert features.shape == (1, encoder.features) == (1, 66)
    features.sum().backward()
    assert bool((seen.grad != 0).any())
    assert torch.equal(features[0, :2], seen[0, [0, -1]])
