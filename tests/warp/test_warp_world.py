"""MuJoCo Warp on its CPU device: the worlds, the reward and the learner that a GPU would run, small enough for any machine.

These tests run in the worker environment `warp`; compiling its kernels takes most of their time.
"""

import io

import numpy as np
import pytest
import torch

from envs import worlds
from envs.device_array import DeviceArray
from envs.errors import WorldError
from envs.warp_world import WarpWorld
from sandbox.device_train import DeviceTraining
from sandbox.output import Output
from sandbox.payers import CodeReward
from sandbox.ppo import Settings

pytestmark = pytest.mark.worker

NUM_ENVS = 8
REWARD = """
def reward(s, a):
    moved = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / 0.05
    return {"run": moved, "effort": -0.1 * a.square().sum(-1), "foot": s.feet_height[:, 0], "clock": s.episode_time_s}
"""


@pytest.fixture(scope="module")
def cheetah() -> WarpWorld:
    return WarpWorld("half_cheetah", NUM_ENVS, "cpu")


def alike(world: WarpWorld):
    """Return the native world in the same state, seen in float32."""
    native = worlds.make(world.spec.name, world.num_envs)
    native.reset([0])
    qpos, qvel = (world._views[name].clone() for name in ("qpos", "qvel"))
    world.set_state(qpos, qvel)
    native.set_state(qpos.double().numpy(), qvel.double().numpy())
    return native


def test_it_moves_sees_and_pays_as_the_native_world_does(cheetah):
    cheetah.reset([0, 1])
    native = alike(cheetah)
    rewards = [CodeReward(REWARD, "reward", 0.99) for _ in range(2)]
    generator = np.random.default_rng(0)
    for _ in range(5):
        action = cheetah.spec.random_actions(generator, NUM_ENVS)
        theirs, ours = native.step(action), cheetah.step(torch.as_tensor(action, dtype=torch.float32))
        np.testing.assert_allclose(ours.observation, theirs.observation, atol=2e-3)
        for field in cheetah.spec.fields:
            torch.testing.assert_close(getattr(ours.state, field.name), getattr(theirs.state, field.name), atol=2e-3, rtol=1e-3)
        paid = [
            reward.pay(step, torch.as_tensor(step.action, dtype=torch.float32))
            for reward, step in zip(rewards, (theirs, ours), strict=True)
        ]
        assert paid[0].names == paid[1].names
        torch.testing.assert_close(paid[0].values, paid[1].values, atol=2e-3, rtol=1e-3)


def test_an_episode_that_ends_begins_anew_and_leaves_the_others_alone(cheetah):
    cheetah.reset([0, 1])
    cheetah._episode_step[3] = cheetah.spec.episode_steps - 1
    step = cheetah.step(torch.zeros(NUM_ENVS, 6))
    assert step.truncated.nonzero().flatten().tolist() == [3]
    assert not step.terminated.any()
    same = (step.observation == step.final_observation).all(1)
    assert same.tolist() == [world != 3 for world in range(NUM_ENVS)]
    following = cheetah.step(torch.zeros(NUM_ENVS, 6))
    assert following.state.prev.episode_time_s.tolist() == pytest.approx(
        [0.0 if world == 3 else 0.05 for world in range(NUM_ENVS)]
    )
    moved = (following.state.torso_position - following.state.prev.torso_position).abs().max()
    assert moved < 0.5, "the state before the step is the new episode's, not the old one's"


def test_the_same_seed_gives_the_same_start_and_another_seed_another(cheetah):
    first, second = cheetah.reset([5, 6]).clone(), cheetah.reset([5, 7])
    half = NUM_ENVS // 2
    assert torch.equal(first[:half], second[:half])
    assert not torch.equal(first[half:], second[half:])


def test_the_learner_learns_on_it_and_keeps_policies(cheetah):
    settings = Settings(num_envs=NUM_ENVS // 2, horizon=4, minibatches=2)
    training = DeviceTraining(cheetah, CodeReward(REWARD, "reward", 0.99), [1, 2], 4 * 4 * 2, [0.5, 1.0], settings)
    training.start()
    training.advance(1.0, Output(io.BytesIO()))
    assert len(training.kept) == 2
    assert training.kept[0]["actor.0.weight"].shape == (2, 17, 64)
    assert [term["name"] for term in training.traces_of(1)] == ["run", "effort", "foot", "clock"]


@pytest.mark.parametrize("name", ["pendulum", "CartPole-v1"])
def test_a_world_that_is_more_than_physics_is_refused(name):
    with pytest.raises(WorldError, match="can't run on MuJoCo Warp"):
        WarpWorld(name, 2, "cpu")


@pytest.mark.parametrize(
    "name", ["half_cheetah", "hopper", "walker2d", "ant", "humanoid", "humanoid_standup", "swimmer", "reacher"]
)
def test_what_a_world_computes_with_numpy_it_computes_on_tensors(name):
    world = worlds.make(name, 4)
    world.reset([0])
    world.step(world.spec.random_actions(np.random.default_rng(0), 4))
    raw = world._snapshot()
    tensors = {key: DeviceArray(torch.as_tensor(values)) for key, values in raw.items()}
    np.testing.assert_allclose(world.observe(tensors).tensor, world.observe(raw), atol=1e-12)
    for field in world.spec.fields:
        np.testing.assert_allclose(field.read(tensors).tensor, field.read(raw), atol=1e-12, err_msg=field.name)
    ends = world.terminated(tensors)
    assert np.array_equal(getattr(ends, "tensor", ends), world.terminated(raw))


def test_a_function_without_a_meaning_is_named():
    with pytest.raises(TypeError, match=r"numpy\.sort has no meaning"):
        np.sort(DeviceArray(torch.zeros(3)))
