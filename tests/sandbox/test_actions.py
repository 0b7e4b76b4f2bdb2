"""Exploring by a Gaussian and by a choice: probabilities that add up, draws that follow them, and something learnt."""

import pytest
import torch

from sandbox.actions import Categorical, Gaussian
from sandbox.ppo import PPO, Settings

pytestmark = pytest.mark.worker
NO_STD = torch.zeros(0)


def test_choices_are_drawn_as_often_as_their_probability():
    head = Categorical(1, 3)
    logits = torch.log(torch.tensor([0.7, 0.2, 0.1])).expand(1, 20_000, 3)
    noise = head.noise(1, 20_000, torch.Generator().manual_seed(0))
    drawn = head.act(logits, NO_STD, noise)
    shares = [(drawn == choice).float().mean().item() for choice in range(3)]
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.02)


def test_probabilities_of_all_choices_add_up_to_one():
    head = Categorical(2, 4)
    logits = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    total = sum(head.log_prob(logits, NO_STD, torch.full((2, 5, 1), float(choice))).exp() for choice in range(4))
    assert torch.allclose(total, torch.ones(2, 5))


def test_entropy_is_largest_where_all_choices_are_equal():
    head = Categorical(1, 4)
    even, sure = torch.zeros(1, 3, 4), torch.tensor([50.0, 0.0, 0.0, 0.0]).expand(1, 3, 4)
    assert head.entropy(even, NO_STD).item() == pytest.approx(1.3863, abs=1e-4)
    assert head.entropy(sure, NO_STD).item() == pytest.approx(0.0, abs=1e-4)


def test_gaussian_log_probability_is_that_of_its_noise():
    head, log_std = Gaussian(2), torch.full((1, 1, 2), -0.7)
    noise, output = torch.randn(1, 6, 2), torch.randn(1, 6, 2)
    action = head.act(output, log_std, noise)
    expected = torch.distributions.Normal(output, log_std.exp()).log_prob(action).sum(-1)
    assert torch.allclose(head.log_prob(output, log_std, action), expected, atol=1e-5)
    assert torch.allclose(head.log_prob_drawn(lambda: output, log_std, action, noise), expected, atol=1e-5)


def test_a_learner_finds_the_choice_that_pays():
    """A bandit whose paying choice is written in the observation."""
    settings = Settings(num_envs=16, horizon=8)
    learner = PPO(2, 2, [1, 2], settings, discrete=True)
    generator = torch.Generator().manual_seed(0)

    def observe():
        right = torch.randint(0, 2, (2, 16), generator=generator)
        return torch.nn.functional.one_hot(right, 2).float(), right

    observation, right = observe()
    nobody = torch.zeros(2, 16, dtype=torch.bool)
    for _ in range(30):
        for _ in range(8):
            action = learner.act(observation).squeeze(-1)
            paid = (action == right).float()
            following, right = observe()
            learner.record(paid, ~nobody, nobody, following)
            observation = following
        learner.update(observation)
    assert paid.mean().item() > 0.9
