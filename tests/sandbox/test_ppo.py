"""PPO: its parts against slow or well-known ones, stacked policies against single ones, and that it learns."""

import io

import numpy as np
import pytest
import torch

from envs import worlds
from sandbox.output import Output
from sandbox.payers import CodeReward
from sandbox.policy import StackedPolicy
from sandbox.ppo import PPO, Adam, RunningMoments, Settings
from sandbox.train import Training
from tests.sandbox.toy_world import EPISODE_STEPS, LineWorld

pytestmark = pytest.mark.worker

TINY = Settings(num_envs=4, horizon=8)
PENDULUM_REWARD = """
def reward(s, a):
    return {"upright": s.rod_upright, "effort": -0.01 * a.square().sum(-1)}
"""
LINE_REWARD = """
def reward(s, a):
    return {"near": -s.distance}
"""


def trained(seeds: list[int], settings: Settings, steps: int, toy: bool = False) -> Training:
    num_envs = settings.num_envs * len(seeds)
    world = LineWorld(num_envs) if toy else worlds.make("pendulum", num_envs)
    reward = CodeReward(LINE_REWARD if toy else PENDULUM_REWARD, "reward", settings.gamma)
    training = Training(world, reward, seeds, steps, [1.0], settings)
    training.start()
    training.advance(1.0, Output(io.BytesIO()))
    return training


# Moments and optimiser -----------------------------------------------------------------------------------------------


def test_running_moments_are_those_of_all_that_was_seen():
    batches = torch.randn(6, 2, 5, 3, generator=torch.Generator().manual_seed(0)) * 3 + 7
    moments = RunningMoments(2, 3)
    for batch in batches:
        moments.update(batch)
    everything = batches.transpose(0, 1).reshape(2, 30, 3).numpy()
    np.testing.assert_allclose(moments.mean, everything.mean(axis=1), rtol=1e-3)
    np.testing.assert_allclose(moments.variance, everything.var(axis=1), rtol=1e-2)
    np.testing.assert_allclose(moments.std, everything.std(axis=1), rtol=1e-2)


def test_constant_observation_has_a_spread_above_zero():
    moments = RunningMoments(1, 1)
    for _ in range(100):
        moments.update(torch.full((1, 64, 1), 5.0))
    assert 0 < float(moments.std) < 0.1


def test_adam_is_torchs_adam():
    generator = torch.Generator().manual_seed(0)
    ours = torch.randn(2, 1, 12, generator=generator)
    theirs = [network.flatten().clone().requires_grad_() for network in ours]
    adam, reference = Adam(ours, max_gradient_norm=1.0), torch.optim.Adam(theirs)
    for step in range(20):
        scale, rate = (0.05, 1e-2) if step % 2 else (5.0, 3e-3)  # below and above the norm's limit
        gradients = [torch.randn(p.shape, generator=generator) * scale for p in theirs]
        adam.step(torch.stack(gradients).unsqueeze(1), torch.tensor([rate]))
        for parameter, gradient in zip(theirs, gradients, strict=True):
            parameter.grad = gradient.clone()
        torch.nn.utils.clip_grad_norm_(theirs, 1.0)
        reference.param_groups[0]["lr"] = rate
        reference.step()
    for mine, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine[0], expected, rtol=1e-4, atol=1e-5)


def test_one_policys_gradient_does_not_move_another():
    gradient = torch.tensor([[[0.1, 0.2], [float("nan"), 1e20]]])
    together, alone = torch.zeros(1, 2, 2), torch.zeros(1, 1, 2)
    pair, single = Adam(together, 1.0), Adam(alone, 1.0)
    for _ in range(3):
        pair.step(gradient, torch.tensor([1e-2, 1e-3]))
        single.step(gradient[:, :1], torch.tensor([1e-2]))
    assert torch.equal(together[:, :1], alone)


# Advantages ----------------------------------------------------------------------------------------------------------


def test_advantages_are_those_of_the_definition():
    """Play made-up numbers, with ends of both kinds, and sum each advantage from its definition."""
    settings = Settings(num_envs=5, horizon=12, gamma=0.9, gae_lambda=0.8)
    learner = PPO(2, 1, [1, 2], settings)
    generator = np.random.default_rng(0)
    shape = (settings.horizon, 2, settings.num_envs)
    reward = generator.normal(0, 2, shape)
    kind = generator.choice(3, shape, p=(0.7, 0.15, 0.15))
    terminated, truncated = kind == 1, kind == 2
    observation = generator.normal(0, 1, (settings.horizon + 1, *shape[1:], 2))
    final = generator.normal(0, 1, (*shape, 2))
    value, value_at_end = np.zeros((settings.horizon + 1, *shape[1:])), np.zeros(shape)
    for t in range(settings.horizon):
        learner.act(as_tensor(observation[t]))
        value[t], value_at_end[t] = values(learner, observation[t]), values(learner, final[t])
        learner.record(as_tensor(reward[t]), torch.tensor(terminated[t]), torch.tensor(truncated[t]), as_tensor(final[t]))
    value[-1] = values(learner, observation[-1])
    batch = learner._batch(as_tensor(observation[-1]))

    scaled = scaled_rewards(reward, terminated | truncated, settings.gamma)
    following = np.where(truncated, value_at_end, np.where(terminated, 0.0, value[1:]))
    delta = scaled + settings.gamma * following - value[:-1]
    expected = np.zeros(shape)
    for t, policy, world in np.ndindex(*shape):
        weight = 1.0
        for later in range(t, settings.horizon):
            expected[t, policy, world] += weight * delta[later, policy, world]
            weight *= settings.gamma * settings.gae_lambda
            if kind[later, policy, world]:
                break
    by_policy = expected.transpose(1, 0, 2).reshape(2, -1)
    played = value[:-1].transpose(1, 0, 2).reshape(2, -1)
    np.testing.assert_allclose(batch.target.numpy() - played, by_policy, rtol=1e-3, atol=1e-4)
    mean, spread = by_policy.mean(axis=1, keepdims=True), by_policy.std(axis=1, ddof=1, keepdims=True)
    np.testing.assert_allclose(batch.advantage, (by_policy - mean) / spread, rtol=1e-3, atol=1e-4)


def as_tensor(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def values(learner: PPO, observation: np.ndarray) -> np.ndarray:
    return learner.networks.value(learner._scaled(as_tensor(observation))).numpy()


def scaled_rewards(reward: np.ndarray, ended: np.ndarray, gamma: float) -> np.ndarray:
    """Divide rewards (T, P, N) by the spread of the discounted returns seen so far, for each policy, and cut them off at 10."""
    running, seen = np.zeros(reward.shape[1:]), []
    for step_reward, step_ended in zip(reward, ended, strict=True):
        running = gamma * running + step_reward
        seen.append(running)
        running = np.where(step_ended, 0.0, running)
    spread = np.concatenate(seen, axis=1).std(axis=1, keepdims=True)
    return np.clip(reward / spread, -10, 10)


def test_minibatches_hold_every_sample_once_and_never_mix_policies():
    learner = PPO(1, 1, [1, 2], TINY)
    for t in range(TINY.horizon):
        rows = torch.arange(TINY.num_envs) + TINY.num_envs * t
        learner.act(torch.zeros(2, TINY.num_envs, 1))
        learner._action[:, t, :, 0] = torch.stack((rows, rows + 1000))
        nobody = torch.zeros(2, TINY.num_envs, dtype=torch.bool)
        learner.record(torch.zeros(2, TINY.num_envs), nobody, nobody, torch.zeros(2, TINY.num_envs, 1))
    batches = learner._minibatches(learner._batch(torch.zeros(2, TINY.num_envs, 1)))
    drawn = torch.cat([batch.action.squeeze(-1) for batch in batches], dim=1)
    samples = TINY.horizon * TINY.num_envs
    assert len(batches) == TINY.minibatches
    assert drawn[0].sort().values.tolist() == list(range(samples))
    assert drawn[1].sort().values.tolist() == list(range(1000, 1000 + samples))
    assert drawn[0].tolist() != (drawn[1] - 1000).tolist()


# Stacked policies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("toy", [True, False], ids=["line", "pendulum"])
def test_stacked_policy_learns_what_it_would_have_learnt_alone(toy):
    seeds, steps = [3, 4, 5], 3 * TINY.num_envs * TINY.horizon
    together = trained(seeds, TINY, steps, toy)
    for k, seed in enumerate(seeds):
        alone = trained([seed], TINY, steps, toy)
        for name, tensor in alone.kept[-1].items():
            torch.testing.assert_close(together.kept[-1][name][k], tensor[0], rtol=1e-3, atol=1e-4, msg=name)
        trace, expected = together.traces.of(k)[0], alone.traces.of(0)[0]
        assert trace["mean"] == pytest.approx(expected["mean"], rel=1e-4)


def test_same_seed_gives_the_same_bytes():
    first, second = (trained([7, 8], TINY, 100).kept[-1] for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_seeds_give_different_policies():
    checkpoint = trained([7, 8], TINY, 32).kept[-1]
    assert all(not torch.equal(t[0], t[1]) for t in checkpoint.values())


# It learns -----------------------------------------------------------------------------------------------------------


def test_it_learns_to_go_to_the_target():
    training = trained([1, 2], Settings(num_envs=16, horizon=EPISODE_STEPS), 6_400, toy=True)
    for policy in range(2):
        paid = training.traces.of(policy)[0]["mean"]
        assert paid[0] < -0.4
        assert paid[-1] > -0.25
    assert (distance_at_the_end(training.kept[-1]) < 0.1).all()


def distance_at_the_end(checkpoint: dict[str, torch.Tensor]) -> np.ndarray:
    """Play one episode without exploration; return each policy's mean distance at its last step."""
    policy, world = StackedPolicy(checkpoint), LineWorld(2 * 50)
    observation = world.reset([100, 100])
    for _ in range(EPISODE_STEPS):
        action = policy.act(as_tensor(observation).view(2, 50, -1)).flatten(0, 1).numpy()
        step = world.step(action)
        observation = step.observation
    return step.state.distance.view(2, 50).mean(1).numpy()
