"""The native worlds step exactly as gymnasium's do."""

import numpy as np
import pytest
import torch

from benchmarks.parity import Reference, one_step_differences
from envs import worlds

pytestmark = pytest.mark.worker
TOLERANCE = 1e-8


@pytest.mark.parametrize("world", worlds.NATIVE)
def test_one_step_from_the_same_state_agrees_with_gymnasium(world):
    found = one_step_differences(world, steps=200)
    assert found.observation <= TOLERANCE
    assert found.reward <= TOLERANCE
    assert found.ends_agree


def test_random_hopping_falls_often_enough_to_compare_the_ends():
    assert one_step_differences("hopper", steps=200).ends >= 3


@pytest.mark.parametrize(
    ("world", "index", "value"),
    [
        ("hopper", 1, 0.69),
        ("hopper", 1, 0.72),
        ("hopper", 2, 0.21),
        ("hopper", 2, -0.21),
        ("walker2d", 1, 0.79),
        ("walker2d", 1, 2.05),
        ("walker2d", 2, 1.02),
        ("walker2d", 2, -0.9),
        ("humanoid", 2, 0.95),
        ("humanoid", 2, 2.1),
        ("inverted_pendulum", 1, 0.25),
        ("inverted_pendulum", 1, -0.15),
        ("inverted_double_pendulum", 1, 1.0),
        ("inverted_double_pendulum", 1, 0.2),
        ("ant", 2, 0.1),
        ("ant", 2, 0.5),
        ("ant", 2, 1.1),
    ],
)
def test_an_episode_ends_where_gymnasium_ends_it(world, index, value):
    reference, native = Reference(world), worlds.make(world, 1, dtype=torch.float64)
    reference.reset(0)
    native.reset([0])
    qpos, qvel = native.model.qpos0.copy(), np.zeros(native.model.nv)
    qpos[index] = value
    reference.set_state(qpos, qvel)
    native.set_state(qpos[None], qvel[None])
    still = np.zeros(native.spec.action_dim)
    assert native.step(still[None]).terminated[0] == reference.step(still)[2]


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_pendulums_speed_is_cut_off_as_gymnasiums_is(direction):
    reference, native = Reference("pendulum"), worlds.make("pendulum", 1, dtype=torch.float64)
    reference.reset(0)
    native.reset([0])
    qpos, qvel = np.array([direction * 1.5]), np.array([direction * 7.9])
    reference.set_state(qpos, qvel)
    native.set_state(qpos[None], qvel[None])
    observation, _, _ = reference.step(np.array([direction * 2.0]))
    ours = native.step(np.array([[direction * 2.0]])).final_observation[0]
    assert ours[2] == direction * 8.0
    np.testing.assert_allclose(ours, observation, atol=TOLERANCE)


@pytest.mark.parametrize("world", worlds.NATIVE)
def test_episodes_start_as_widely_as_gymnasiums(world):
    reference, native = Reference(world), worlds.make(world, 400)
    native.reset([0])
    ours = np.concatenate((native._before["qpos"], native._before["qvel"]), axis=1)
    theirs = []
    for seed in range(400):
        reference.reset(seed)
        theirs.append(np.concatenate(reference.state()))
    theirs = np.array(theirs)
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.2, atol=1e-9)
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.3 * theirs.std(axis=0).max())
