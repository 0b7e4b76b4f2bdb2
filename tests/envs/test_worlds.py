"""What every native world promises to a trainer: typed fields, clean ends, and groups that don't touch each other."""

import mujoco
import numpy as np
import pytest
import torch

from envs import worlds
from envs.state import KINDS, StateField

pytestmark = pytest.mark.worker
every_world = pytest.mark.parametrize("name", worlds.NATIVE)


def random_actions(world, generator):
    low, high = np.array(world.spec.action_low), np.array(world.spec.action_high)
    return generator.uniform(low, high, (world.num_envs, world.spec.action_dim))


def fields_of(state, world):
    return {field.name: getattr(state, field.name).clone() for field in world.spec.fields}


@every_world
def test_fields_have_the_shape_and_type_that_the_table_says(name):
    world = worlds.make(name, 4)
    world.reset([1, 2])
    state = world.step(np.zeros((4, world.spec.action_dim))).state
    for field in world.spec.fields:
        values = getattr(state, field.name)
        assert values.shape == (4, *field.shape), field.name
        assert values.dtype == torch.float32
        assert torch.isfinite(values).all()
        assert len(field.components) == (field.shape[-1] if field.shape else 0)
        assert field.kind in KINDS
        assert field.unit
        assert field.sentence.endswith(".")
    assert len({field.name for field in world.spec.fields}) == len(world.spec.fields)


@every_world
def test_observation_has_the_size_that_the_spec_says(name):
    world = worlds.make(name, 2)
    assert world.reset([0]).shape == (2, world.spec.observation_dim)


@pytest.mark.parametrize("name", ["half_cheetah", "hopper", "walker2d", "ant", "humanoid", "humanoid_standup", "swimmer"])
def test_joints_carry_the_models_own_names_and_values(name):
    world = worlds.make(name, 1, dtype=torch.float64)
    world.reset([3])
    step = world.step(random_actions(world, np.random.default_rng(0)))
    angles = next(field for field in world.spec.fields if field.name == "joint_angles")
    data = world.simulation(0)
    expected = [data.joint(joint).qpos[0] for joint in angles.components]
    np.testing.assert_array_equal(step.state.joint_angles[0].numpy(), expected)
    assert angles.components == world.spec.action_names


@every_world
def test_prev_is_the_state_before_the_action(name):
    world = worlds.make(name, 3)
    world.reset([5])
    generator = np.random.default_rng(0)
    first = fields_of(world.step(random_actions(world, generator)).state, world)
    before = fields_of(world.step(random_actions(world, generator)).state.prev, world)
    for field, values in first.items():
        assert torch.equal(values, before[field]), field


def test_terminal_state_is_the_fallen_one_and_the_next_episode_starts_fresh():
    world = worlds.make("hopper", 8)
    world.reset([0])
    generator = np.random.default_rng(0)
    for _ in range(200):
        step = world.step(random_actions(world, generator))
        if step.terminated.any():
            break
    fallen = torch.from_numpy(step.terminated)
    assert fallen.any()
    lost = (step.state.torso_pitch.abs() >= 0.2) | (step.state.torso_position[:, 1] <= 0.7)
    assert torch.equal(lost, fallen)
    assert np.abs(step.observation[step.terminated] - step.final_observation[step.terminated]).max() > 0.05
    following = world.step(random_actions(world, generator)).state
    assert (following.prev.torso_pitch[fallen].abs() < 0.01).all()
    assert (following.prev.episode_time_s[fallen] == 0).all()


def test_time_limit_cuts_off_at_the_last_step_and_starts_anew():
    world = worlds.make("pendulum", 2)
    world.reset([0])
    still = np.zeros((2, 1))
    for _ in range(world.spec.episode_steps - 1):
        assert not world.step(still).truncated.any()
    last = world.step(still)
    assert last.truncated.all()
    assert not last.terminated.any()
    assert last.state.episode_time_s[0].item() == pytest.approx(10.0)
    assert world.step(still).state.episode_time_s[0].item() == pytest.approx(world.spec.dt_s)


@pytest.mark.parametrize("name", ["hopper", "ant"])
def test_a_groups_episodes_do_not_depend_on_the_groups_beside_it(name):
    def play(seeds):
        world, generators = worlds.make(name, 4 * len(seeds)), [np.random.default_rng(seed) for seed in seeds]
        first = world.reset(seeds)
        seen = [{seed: first[4 * k : 4 * k + 4] for k, seed in enumerate(seeds)}]
        for _ in range(60):
            actions = [generator.uniform(-1, 1, (4, world.spec.action_dim)) for generator in generators]
            observation = world.step(np.concatenate(actions)).observation
            seen.append({seed: observation[4 * k : 4 * k + 4] for k, seed in enumerate(seeds)})
        return seen

    alone, beside, after = play([7]), play([7, 8]), play([9, 7])
    for one, two, three in zip(alone, beside, after, strict=True):
        np.testing.assert_array_equal(one[7], two[7])
        np.testing.assert_array_equal(one[7], three[7])
    assert not np.array_equal(beside[-1][7], beside[-1][8])


def test_actions_beyond_the_bounds_are_clipped():
    world = worlds.make("pendulum", 1)
    world.reset([0])
    assert world.step(np.array([[50.0]])).action.tolist() == [[2.0]]


def test_number_of_worlds_must_be_a_multiple_of_the_seeds():
    with pytest.raises(ValueError, match="num_envs = 4 is not a multiple of the 3 seeds"):
        worlds.make("pendulum", 4).reset([0, 1, 2])


def test_unknown_field_names_the_closest_one():
    world = worlds.make("half_cheetah", 1)
    world.reset([0])
    state = world.step(np.zeros((1, 6))).state
    with pytest.raises(AttributeError, match=r"no field 'torso_velocty'\. Did you mean s\.torso_velocity\?"):
        state.torso_velocty  # noqa: B018


def test_unknown_world_names_the_closest_one():
    with pytest.raises(worlds.UnknownWorldError, match=r"'half_chetah'\. Did you mean half_cheetah"):
        worlds.make("half_chetah", 1)


def test_a_gymnasium_id_finds_the_native_world():
    assert worlds.make("Hopper-v5", 1).spec.name == "hopper"


def test_a_field_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind 'colour' is not one of"):
        StateField("paint", (), "1", "world", "colour", "Its colour.")


@every_world
def test_a_simulation_can_be_handed_to_mujocos_own_functions(name):
    world = worlds.make(name, 2)
    world.reset([0])
    data = world.simulation(1)
    mujoco.mj_forward(world.model, data)
    assert np.isfinite(data.xpos).all()
    assert world.model.ncam == 0 or world.model.camera(0).name == "track"
