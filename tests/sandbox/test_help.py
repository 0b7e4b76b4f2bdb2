"""Help that fades: what it does to a world, how success takes it away, and that no judge's world and no pause knows of it."""

import numpy as np
import pytest
import torch

from envs import worlds
from envs.eases import LATEST, UNAIDED_SHARE, Levels, Wanted
from envs.errors import WorldError
from sandbox.aids import Seen
from sandbox.help import STEPS, Help
from sandbox.solved import Solved
from sandbox.terms import Terms
from sandbox.train import training_of
from tests.sandbox.frames import run_verb

pytestmark = pytest.mark.worker

UP = "def reward(s, a):\n    return {'up': s.rod_upright}\n"
SOLVABLE = f"{UP}def solved(s):\n    return s.rod_upright > -2\n"
NOTHING = {"carry": 0.0, "grace": 0, "starts": 0.0}
ALL = {"carry": 0.8, "grace": 3, "starts": 0.5, "tolerance": 0.0}


def eased(name: str = "pendulum", worlds_: int = 8, policies: int = 1, **wanted):
    world = worlds.make(name, worlds_)
    eases = world.ease(Wanted(**wanted), list(range(policies)))
    world.reset(list(range(policies)))
    return world, eases


# What it does -----------------------------------------------------------------------------------------------------------


def test_carried_weight_is_the_coefficients_share_of_it():
    world, eases = eased(carry=1.0)
    eases.beta[:] = [0, 0.5, 1, 0, 0.5, 1, 0, 0.5]
    world.set_state(np.full((8, 1), np.pi / 2), np.zeros((8, 1)))  # level: the weight pulls with all it has
    world.step(np.zeros((8, 1)))
    speed = np.abs(world._qvel[:, 0])
    assert speed[2] == pytest.approx(0, abs=1e-9)
    assert speed[1] == pytest.approx(speed[0] / 2, rel=1e-6)
    assert speed[0] > 0.1


@pytest.mark.parametrize(("beta", "late"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_an_end_is_put_off_by_the_coefficients_share_of_the_grace(beta, late):
    _, eases = eased("hopper", grace=4)
    eases.beta[:] = beta
    falls = np.ones(8, dtype=bool)
    assert [bool(eases.forgive(falls)[0]) for _ in range(late)] == [False] * late
    assert eases.forgive(falls).all()
    eases._bad_steps[:] = late
    eases.forgive(~falls)
    assert eases._bad_steps.sum() == 0


def test_helped_episodes_start_along_good_ones_and_earlier_as_help_goes():
    _, eases = eased(worlds_=400, starts=1.0)
    track = np.arange(32)[:, None] * np.ones(2)
    eases._good[0, 0], eases._good_points[0, 0], eases._good_count[0] = track, 32, 1
    for level in (1.0, 0.5):
        eases.level[:] = level
        qpos, qvel = np.full((400, 1), -1.0), np.zeros((400, 1))
        eases.begin(np.arange(400), qpos, qvel)
        helped = eases.beta > 0
        assert float((~helped).mean()) == pytest.approx(UNAIDED_SHARE, abs=0.07)
        assert (qpos[~helped] == -1).all()
        moved = qpos[helped & (qpos[:, 0] >= 0), 0]
        assert float(len(moved) / helped.sum()) == pytest.approx(level, abs=0.1)
        assert moved.min() >= int(LATEST * level * 32)
        assert moved.max() < (LATEST * level + 0.2) * 32


def test_good_episodes_are_kept_as_the_states_they_went_through():
    world, eases = eased(starts=1.0)
    eases.beta[:] = 0
    for _ in range(200):
        seen = world._qpos.copy()
        world.step(np.zeros((8, 1)))
    eases.keep(np.array([3]))
    assert eases._good_count.tolist() == [1]
    points = int(eases._good_points[0, 0])
    assert points > 10
    assert np.abs(eases._good[0, 0, points - 1, 0] - seen[3, 0]) < 2.0


# How it goes ------------------------------------------------------------------------------------------------------------


def ended_episodes(help_: Help, world, succeeded: bool, rounds: int) -> None:
    """Play a number of episodes in all worlds, all with the same end."""
    for _ in range(rounds * world.spec.episode_steps):
        step = world.step(np.zeros((world.num_envs, 1)))
        nobody = torch.zeros(world.num_envs, dtype=torch.bool)
        help_.pay(Terms(("x",), torch.zeros(1, world.num_envs)), Seen(step, nobody | succeeded, nobody | succeeded, 0.0))


def test_coefficient_falls_on_success_and_rises_on_failure():
    world, eases = eased(worlds_=64, carry=0.5)
    help_ = Help(eases, 1, 64, 200, solvable=True)
    help_._left[:] = 5
    help_.before(0.0, None)
    assert help_.values() == [0.5]
    ended_episodes(help_, world, succeeded=False, rounds=4)
    help_.before(0.0, None)
    assert help_.values() == [0.6]
    help_.before(0.0, None)
    assert help_.values() == [0.6], "nothing was measured since the last step"
    help_._attempts.count[:] = 0
    ended_episodes(help_, world, succeeded=True, rounds=3)
    help_.before(0.0, None)
    assert help_.values() == [0.5]


def test_none_is_left_once_unhelped_episodes_succeed_or_time_is_up():
    world, eases = eased(worlds_=64, carry=0.5)
    help_ = Help(eases, 1, 64, 200, solvable=True)
    help_.before(0.6, None)
    assert help_.values() == [pytest.approx(0.25)]
    help_.before(0.8, None)
    assert help_.values() == [0.0]
    assert (eases.beta == 0).all()
    ended_episodes(help_, world, succeeded=True, rounds=4)
    help_.before(0.0, None)
    assert help_._left.tolist() == [0]
    assert STEPS == 10


# What counts as solved ----------------------------------------------------------------------------------------------------

WIDE = f"{UP}def solved(s, slack):\n    return s.rod_upright > 1 - 0.5 * slack\n"


def test_slack_is_the_episodes_coefficient_and_a_solved_without_it_is_asked_as_ever():
    world, eases = eased(worlds_=4, starts=0.5)
    help_ = Help(eases, 1, 4, 200, 0.5, solvable=True)
    world.set_state(np.full((4, 1), 0.8), np.zeros((4, 1)))  # cos(0.8) = 0.70
    step = world.step(np.zeros((4, 1)))
    eases.beta[:] = [0.0, 0.5, 1.0, 0.0]
    help_.pay(Terms(("x",), torch.zeros(1, 4)), Seen(step, None, None, 0.0))
    assert help_.slack.tolist() == [0.0, 0.25, 0.5, 0.0]
    upright = float(step.state.rod_upright[0])
    strict, wide = Solved(SOLVABLE), Solved(WIDE)
    assert (strict.takes_slack, wide.takes_slack) == (False, True)
    assert wide.of(step).tolist() == [False] * 4
    needed = 2 * (1 - upright)
    assert wide.of(step, torch.tensor([0.0, needed - 0.01, needed + 0.01, 1.0])).tolist() == [False, False, True, True]
    assert strict.of(step, torch.ones(4)).tolist() == strict.of(step).tolist() == [True] * 4


def test_an_episode_is_held_to_the_slack_that_it_was_played_with():
    """Not to the one that is drawn for the next episode when it ends."""
    levels = Levels(4, [1])
    help_ = Help(levels, 1, 4, 200, 1.0, solvable=True)
    levels.beta[:] = [1.0, 1.0, 0.0, 0.0]
    world = worlds.make("CartPole-v1", 4)
    world.reset([0])
    nobody = torch.zeros(4, dtype=torch.bool)
    step = world.step(np.zeros((4, 1)))
    help_.pay(Terms(("x",), torch.zeros(1, 4)), Seen(step, nobody, nobody, 0.0))
    played = help_.slack.clone()
    assert played.tolist() == [1.0, 1.0, 0.0, 0.0]
    levels.level[:] = 0.3
    ends = step._replace(terminated=np.ones(4, dtype=bool))
    help_.pay(Terms(("x",), torch.zeros(1, 4)), Seen(ends, nobody, nobody, 0.0))
    assert set(np.round(levels.beta, 6)) <= {0.0, 0.3}
    assert help_.slack.tolist() == pytest.approx(levels.beta.tolist())


def test_faded_reward_pays_what_is_nearly_solved():
    always = f"{UP}def solved(s, slack):\n    return (s.rod_upright > 2) | (slack > 0.2)\n"
    aids = {"anneal": {"share": 0.5, "goal": 1.0}}
    without, with_it = (train(always, aids={**aids, **more}).result for more in ({}, {"help": {**NOTHING, "tolerance": 1.0}}))
    goals = [next(t for t in found["traces"][0] if t["name"] == "goal_solved")["mean"] for found in (without, with_it)]
    assert max(goals[0]) == 0
    assert goals[1][0] == pytest.approx(1 - UNAIDED_SHARE, abs=0.25)
    assert goals[1][-1] == 0, "the last fifth is trained without help"


def test_tolerance_works_in_any_world_and_goes_on_bit_for_bit():
    paid = "def reward(s, a):\n    return {'x': -s.pole_angle.abs()}\n"
    source = f"{paid}def solved(s, slack):\n    return s.pole_angle.abs() < 0.01 + slack\n"
    changes = {"world": "CartPole-v1", "aids": {"help": {**NOTHING, "tolerance": 0.3}, "anneal": {"share": 0.7, "goal": 1.0}}}
    whole = train(source, **changes)
    first = train(source, until=0.5, **changes)
    resumed = train(source, resume=True, checkpoint_safetensors=first.files["checkpoint.safetensors"], **changes)
    assert whole.result["status"] == "ok", whole.result
    assert resumed.files == whole.files
    assert resumed.result["aids"] == whole.result["aids"]


# In a training ----------------------------------------------------------------------------------------------------------


def train(source: str = SOLVABLE, world: str = "pendulum", **changes):
    before = changes.pop("checkpoint_safetensors", b"")
    job = {
        "verb": "train",
        "world": world,
        "seeds": [1, 2],
        "steps": 10 * 8 * 50,
        "fractions": [0.5, 1.0],
        "settings": {"num_envs": 8, "horizon": 50},
        "reward": {"kind": "code", "entry": "reward"},
        "aids": {"help": ALL},
        **changes,
    }
    return run_verb(job, reward_py=source, checkpoint_safetensors=before)


def test_resumed_training_with_help_ends_bit_for_bit_as_one_that_never_stopped():
    whole = train()
    first = train(until=0.5)
    resumed = train(resume=True, checkpoint_safetensors=first.files["checkpoint.safetensors"])
    assert whole.result["status"] == "ok"
    assert resumed.files == whole.files
    assert resumed.result["aids"] == whole.result["aids"]
    values = whole.result["aids"][0][0]["value"]
    assert values[0] == 1
    assert values[-1] == 0


def test_a_world_that_nobody_asked_to_ease_has_no_eases():
    """What asks is a training's `aids`; tests/designer/test_aids.py holds a judge's job to having none."""
    train()
    assert worlds.make("pendulum", 2)._eases is None


def test_unhelped_world_steps_as_one_that_nobody_asked_to_ease():
    plain, (helped, eases) = worlds.make("hopper", 4), eased("hopper", 4, carry=0.8, grace=3, starts=0.5)
    eases.beta[:], eases.level[:] = 0, 0
    assert (plain.reset([0]) == helped.reset([0])).all()
    dice = np.random.default_rng(3)
    for _ in range(60):
        action = dice.uniform(-1, 1, (4, 3))
        one, other = plain.step(action), helped.step(action)
        assert (one.observation == other.observation).all()
        assert (one.terminated == other.terminated).all()


def test_world_that_cannot_be_helped_in_is_told_in_a_sentence():
    job = {
        "world": "CartPole-v1", "seeds": [1], "steps": 10, "fractions": [1.0], "settings": {"num_envs": 2, "horizon": 2},
        "reward": {"kind": "code", "entry": "reward"}, "aids": {"help": ALL},
    }  # fmt: skip
    with pytest.raises(WorldError, match="no native MuJoCo world"):
        training_of(job, lambda name: b"def reward(s, a):\n    return {'x': s.episode_time_s}\n")
