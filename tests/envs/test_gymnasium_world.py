"""Any gymnasium world, unmodified: typed, seeded, ended as it says, and its reward and info out of sight."""

import importlib
import sys
from functools import partial
from types import ModuleType

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from envs import worlds
from envs.errors import WorldError
from envs.gymnasium_world import GymnasiumWorld
from envs.tables import WorldTable
from tests.envs.odd_worlds import OddWorld, gives_nan, gives_too_few, raises

pytestmark = pytest.mark.worker

SHIPPED = (
    *("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "LunarLander-v3"),
    *("LunarLanderContinuous-v3", "BipedalWalker-v3", "BipedalWalkerHardcore-v3", "Blackjack-v1", "FrozenLake-v1"),
    *("FrozenLake8x8-v1", "CliffWalking-v1", "CliffWalkingSlippery-v1", "Taxi-v4"),
)


def odd(num_envs=2, table=None, **options):
    return GymnasiumWorld("odd", lambda: OddWorld(**options), table, num_envs)


def table(*fields, **content):
    return WorldTable("state.toml", {"field": list(fields), **content})


def field(name, **more):
    return {"name": name, "sentence": "Something.", **more}


@pytest.mark.parametrize("id_", SHIPPED)
def test_every_trainable_world_that_gymnasium_ships_has_a_reviewed_table(id_):
    world = worlds.make(id_, 3)
    assert world.reset([0]).shape == (3, world.spec.observation_dim)
    generator = np.random.default_rng(0)
    for _ in range(20):
        step = world.step(world.spec.random_actions(generator, 3))
    assert step.action.shape == (3, world.spec.action_dim)
    for declared in world.spec.fields:
        values = getattr(step.state, declared.name)
        assert values.shape == (3, *declared.shape), declared.name
        assert declared.unit != "?", declared.name
        assert declared.sentence.endswith(".")
    assert "nobody has described" not in world.spec.summary


def test_every_entry_of_a_shipped_observation_is_told():
    for id_ in SHIPPED:
        world = worlds.make(id_, 1)
        told = sum(int(np.prod(declared.shape)) for declared in world.spec.fields)
        assert told >= world._observation.size, id_


def test_policies_see_an_index_as_one_hot():
    world = worlds.make("FrozenLake-v1", 2)
    observation = world.reset([0])
    assert observation.sum(axis=1).tolist() == [1.0, 1.0]
    assert observation[:, 0].tolist() == [1.0, 1.0]


def test_an_index_is_taken_apart_into_row_and_column():
    world = worlds.make("CliffWalking-v1", 1)
    world.reset([0])
    state = world.step(np.array([[0.0]])).state
    assert (state.prev.row.item(), state.prev.column.item()) == (3.0, 0.0)
    assert (state.row.item(), state.column.item()) == (2.0, 0.0)


def test_a_reward_sees_a_choice_as_its_index_and_one_hot():
    world = worlds.make("CartPole-v1", 2)
    world.reset([0])
    assert world.step(np.array([[1.0], [0.0]])).action.tolist() == [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    assert world.spec.action_names == ("index", "push_left", "push_right")


def test_box_actions_are_clipped():
    world = odd()
    world.reset([0])
    step = world.step(np.array([[5.0], [-0.5]]))
    assert step.action.tolist() == [[1.0], [-0.5]]
    assert step.state.obs[:, 1].tolist() == [1.0, -0.5]


def test_terminal_state_is_kept_and_the_next_episode_starts_fresh():
    world = odd(ends_at=2)
    world.reset([0])
    world.step(np.zeros((2, 1)))
    step = world.step(np.zeros((2, 1)))
    assert step.terminated.all()
    assert (step.state.obs[:, 0] >= 2).all()
    assert (step.final_observation[:, 0] >= 2).all()
    assert (step.observation[:, 0] < 1).all()
    following = world.step(np.zeros((2, 1))).state
    assert (following.prev.obs[:, 0] < 1).all()
    assert following.prev.episode_time_s.tolist() == [0.0, 0.0]


def test_time_limit_truncates_and_does_not_terminate():
    world = worlds.make("MountainCar-v0", 1)
    world.reset([0])
    for _ in range(200):
        step = world.step(np.array([[1.0]]))
    assert step.truncated.all()
    assert not step.terminated.any()


def test_equal_seeds_start_equal_episodes_and_groups_do_not_touch_each_other():
    def play(seeds):
        world = worlds.make("CartPole-v1", 2 * len(seeds))
        seen = [world.reset(seeds)]
        for t in range(60):
            seen.append(world.step(np.full((world.num_envs, 1), float(t % 2))).observation)
        return np.array(seen)

    alone, beside = play([7]), play([8, 7])
    np.testing.assert_array_equal(alone, beside[:, 2:])
    assert not np.array_equal(beside[:, :2], beside[:, 2:])


def test_a_mujoco_world_is_told_by_its_models_own_names():
    world = worlds.make("Reacher-v4", 1)
    fields = {declared.name: declared for declared in world.spec.fields}
    assert fields["hinge_angles"].components == ("joint0", "joint1")
    assert world.spec.action_names == ("joint0", "joint1")
    world.reset([0])
    state = world.step(np.zeros((1, 2))).state
    data = world._envs[0].unwrapped.data
    assert state.body_fingertip_position[0].tolist() == pytest.approx(data.body("fingertip").xpos.tolist(), abs=1e-6)
    assert state.hinge_velocities[0].tolist() == pytest.approx(data.qvel[:2].tolist(), abs=1e-6)
    assert set(fields) >= {"body_target_position", "contacts", "actuator_forces", "obs"}


def test_without_a_table_the_observation_is_shown_by_its_indices():
    (only,) = odd().spec.fields
    assert only.name == "obs"
    assert only.components == ("obs[0]", "obs[1]")


def test_a_dict_of_vectors_is_told_entry_by_entry():
    space = spaces.Dict({"near": spaces.Box(-9, 9, (2,)), "goal": spaces.Box(-9, 9, (2,))})
    fields = (field("apart", between=["here", "there"]),)
    given = table(field("here", part="near"), field("there", part="goal"), *fields)
    plain, named = odd(observation_space=space), odd(observation_space=space, table=given)
    assert {declared.name for declared in plain.spec.fields} == {"near", "goal"}
    named.reset([0])
    state = named.step(np.zeros((2, 1))).state
    assert state.apart.tolist() == pytest.approx([1.0, 1.0])


def test_of_info_only_what_a_table_names_is_kept():
    world = odd(table=table(field("steps_done", info="count"), field("first", index=0)))
    world.reset([0])
    step = world.step(np.zeros((2, 1)))
    assert step.state.steps_done.tolist() == [1.0, 1.0]
    assert set(world._before) == {"observation_numbers", "time", "info.count"}


@pytest.mark.parametrize("key", ["reward_run", "is_success", "ctrl_cost"])
def test_info_that_tells_the_answer_is_refused(key):
    with pytest.raises(WorldError, match=f"info '{key}' may not be shown"):
        odd(table=table(field("leak", info=key)))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (field("far", index=9), r"field 'far': index = 9 is beyond the observation"),
        ({"name": "mute", "index": 0}, r"field 'mute': 'sentence' is missing"),
        (field("odd", index=0, kind="colour"), r"kind 'colour' is not one of"),
        (field("none", part="absent"), r"no part 'absent'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_one_sentence(entry, message):
    with pytest.raises(WorldError, match=message):
        odd(table=table(entry))


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (raises, "the world odd raised in step: RuntimeError: the engine is on fire"),
        (gives_nan, "the world odd gave an observation that is not finite: entry 0"),
        (gives_too_few, "the world odd gave 1 numbers, not the 2 of its space"),
    ],
)
def test_a_world_that_fails_says_so_in_one_sentence(after, message):
    world = odd(after=after, ends_at=99)
    world.reset([0])
    for _ in range(2):
        world.step(np.zeros((2, 1)))
    with pytest.raises(WorldError, match=message):
        world.step(np.zeros((2, 1)))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"observation_space": spaces.Box(0, 255, (480, 640, 3), np.uint8)}, "the observation is a picture.*Wrap it"),
        ({"observation_space": spaces.Dict({"say": spaces.Text(5)})}, "the observation 'say' is a Text.*can be trained"),
        ({"action_space": spaces.MultiDiscrete([2, 2])}, "its actions are a MultiDiscrete.*can be trained"),
    ],
)
def test_what_cannot_be_trained_here_is_refused_with_a_way_out(options, what):
    with pytest.raises(WorldError, match=what):
        odd(**options)


def test_an_unknown_id_gets_the_closest_names():
    with pytest.raises(worlds.UnknownWorldError, match="Did you mean LunarLander-v3 or LunarLanderContinuous-v3"):
        worlds.make("LunarLandr-v3", 1)


def test_an_unknown_task_of_metaworld_gets_the_closest_name(monkeypatch):
    package = ModuleType("metaworld")  # it lives in another environment
    package.ALL_V3_ENVIRONMENTS = {"drawer-open-v3": None, "door-lock-v3": None}
    monkeypatch.setitem(sys.modules, "metaworld", package)
    with pytest.raises(worlds.UnknownWorldError, match="Did you mean metaworld/drawer-open-v3"):
        worlds.make("metaworld/drawer-opn-v3", 1)


def test_a_module_that_cannot_be_imported_is_named():
    with pytest.raises(WorldError, match="the module 'no_such_module' can't be imported"):
        worlds.make("no_such_module:Thing-v0", 1)


def test_states_are_tensors_of_the_asked_type():
    world = GymnasiumWorld("odd", OddWorld, None, 1, torch.float64)
    world.reset([0])
    assert world.step(np.zeros((1, 1))).state.obs.dtype == torch.float64


def test_a_grid_world_is_told_by_places_and_keeps_its_own_time_limit():
    world = worlds.make("MiniGrid-Empty-5x5-v0", 1)
    world.reset([0])
    forward = np.array([[2.0]])
    for _ in range(2):
        step = world.step(forward)
    assert step.state.agent_position.tolist() == [[3.0, 1.0]]
    assert step.state.goal_distance.item() == 2.0
    assert step.state.key_distance.item() == -1.0
    world.step(np.array([[1.0]]))
    for _ in range(2):
        step = world.step(forward)
    assert step.terminated.all()
    assert step.state.goal_distance.item() == 0.0
    assert world.spec.episode_steps == 100


def test_a_table_may_leave_the_models_own_names_out():
    def of_pendulum(**content):
        make = partial(gymnasium.make, "InvertedPendulum-v5")
        return GymnasiumWorld("pendulum", make, table(field("cart_position", index=0), **content), 1)

    both, alone = of_pendulum(), of_pendulum(model_fields=False)
    assert [field.name for field in alone.spec.fields] == ["cart_position"]
    assert len(both.spec.fields) > 1
    alone.reset([0])
    assert alone.step(np.zeros((1, 1))).state.cart_position.shape == (1,)


@pytest.mark.parametrize("id_", ["CartPole-v1", "LunarLander-v3", "FrozenLake-v1", "Reacher-v5", "MiniGrid-DoorKey-5x5-v0"])
def test_a_world_goes_on_after_a_pause_where_it_was(id_):
    """Episodes that have ended before, some in hand, random numbers to come: all as if there had been no pause."""
    dice = np.random.default_rng(5)
    whole = worlds.make(id_, 4)
    whole.reset([1, 2])
    for _ in range(130):
        whole.step(whole.spec.random_actions(dice, 4))
    resumed = worlds.make(id_, 4)
    resumed.restore(whole.state())
    for _ in range(130):
        action = whole.spec.random_actions(dice, 4)
        one, other = whole.step(action), resumed.step(action)
        assert one.observation.tolist() == other.observation.tolist()
        assert one.terminated.tolist() == other.terminated.tolist()
        assert one.truncated.tolist() == other.truncated.tolist()
        for declared in whole.spec.fields:
            assert torch.equal(getattr(one.state.prev, declared.name), getattr(other.state.prev, declared.name)), declared.name


class Forgetful(OddWorld):
    """A world that does more than its actions and its random numbers say."""

    made = 0

    def __init__(self):
        super().__init__(ends_at=99)
        Forgetful.made += 1
        self.own = Forgetful.made

    def observation(self, last):
        return np.array([self.count + self.own, last])


def test_an_episode_that_does_not_come_to_where_it_was_begins_anew_and_ends_at_its_own_limit():
    world = GymnasiumWorld("odd", Forgetful, None, 2)
    world.reset([0])
    for _ in range(3):
        world.step(np.ones((2, 1)))
    again = GymnasiumWorld("odd", Forgetful, None, 2)
    again.restore(world.state())
    assert again._episode_step.tolist() == [3, 3]
    assert [env.count for env in again._envs] == [0, 0]
    once_more = GymnasiumWorld("odd", Forgetful, None, 2)
    once_more.restore(again.state())
    assert [env.count for env in once_more._envs] == [0, 0], "what began anew isn't taken for what it was"


def test_a_world_of_another_family_is_made_where_minigrid_is_not_installed(monkeypatch):
    """As in the worker environments of robotics and metaworld."""
    for module in ("envs.minigrid_world", "envs.minigrid_view"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    for module in {"minigrid", *(name for name in sys.modules if name.startswith("minigrid."))}:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError):
        importlib.import_module("envs.minigrid_view")
    assert worlds.make("CartPole-v1", 2).spec.choices == 2
