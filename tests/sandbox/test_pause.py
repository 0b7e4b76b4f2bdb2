"""A training that pauses and goes on in another process's place ends exactly as one that never stopped."""

import json

import pytest

from sandbox import checkpoint
from tests.sandbox.frames import Sent, run_verb
from tests.sandbox.measures import expression, field, shipped

pytestmark = pytest.mark.worker

SPEED = """
def reward(s, a):
    moved = s.{name} - s.prev.{name}
    return {{"moved": moved.flatten(1).sum(1) if moved.dim() > 1 else moved, "effort": -0.1 * a.square().sum(-1)}}

def potential(s):
    return {{"late": s.training_progress * s.episode_time_s}}
"""
FIELDS = {"half_cheetah": "torso_position", "hopper": "torso_position", "ant": "torso_position", "pendulum": "rod_upright"}


def train(world: str, **changes) -> Sent:
    """Train two seeds for 4 horizons; a file `checkpoint_safetensors` among the changes goes beside the job."""
    before = changes.pop("checkpoint_safetensors", b"")
    job = {
        "verb": "train",
        "world": world,
        "seeds": [1, 2],
        "steps": 4 * 40 * 4,
        "fractions": [0.25, 0.75, 1.0],
        "settings": {"num_envs": 4, "horizon": 40},
        "reward": {"kind": "code", "entry": "reward"},
        **changes,
    }
    return run_verb(job, reward_py=SPEED.format(name=FIELDS[world]), checkpoint_safetensors=before)


def paused_and_resumed(world: str, until: float, **changes) -> tuple[Sent, Sent]:
    first = train(world, until=until, **changes)
    left = first.files["checkpoint.safetensors"]
    return first, train(world, resume=True, checkpoint_safetensors=left, **changes)


@pytest.mark.parametrize("world", FIELDS)
def test_resumed_training_ends_bit_for_bit_as_one_that_never_stopped(world):
    whole = train(world)
    _, resumed = paused_and_resumed(world, 0.5)
    assert resumed.files == whole.files
    assert resumed.result["traces"] == whole.result["traces"]
    assert resumed.result["steps"] == whole.result["steps"]


@pytest.mark.parametrize(
    "reward",
    [
        {"kind": "episode_measure", "measure": shipped("pendulum", "swing_up")},
        {"kind": "step_measure", "measure": expression(field("rod_upright"))},
    ],
    ids=["episode", "step"],
)
def test_baseline_goes_on_with_the_episodes_that_it_had_begun(reward):
    whole = train("pendulum", reward=reward)
    _, resumed = paused_and_resumed("pendulum", 0.25, reward=reward)
    assert resumed.files == whole.files


def test_pause_sends_the_policies_and_curves_so_far():
    first, resumed = paused_and_resumed("pendulum", 0.5)
    assert first.result["steps"] == 2 * 40 * 4
    assert len(first.files["curves.jsonl"].splitlines()) == 2
    assert first.files["policy.safetensors"] != resumed.files["policy.safetensors"]
    assert "checkpoint.safetensors" not in resumed.files
    assert json.loads(resumed.files["curves.jsonl"].splitlines()[-1])["steps"] == 4 * 40 * 4


def test_training_may_pause_more_than_once():
    whole = train("pendulum")
    first = train("pendulum", until=0.25)
    second = train("pendulum", until=0.75, resume=True, checkpoint_safetensors=first.files["checkpoint.safetensors"])
    third = train("pendulum", resume=True, checkpoint_safetensors=second.files["checkpoint.safetensors"])
    assert third.files == whole.files


def test_checkpoint_holds_no_pickle_and_comes_back_as_it_was():
    left = train("pendulum", until=0.5).files["checkpoint.safetensors"]
    assert checkpoint.pack(checkpoint.unpack(left)) == left


def test_resumed_box_sends_the_policies_of_its_own_fractions():
    whole = train("pendulum", fractions=[0.75, 1.0])
    first = train("pendulum", until=0.5, fractions=[0.25, 0.5])
    left = first.files["checkpoint.safetensors"]
    resumed = train("pendulum", resume=True, checkpoint_safetensors=left, fractions=[0.75, 1.0])
    assert resumed.files["policy.safetensors"] == whole.files["policy.safetensors"]


def test_policies_that_are_kept_at_the_same_horizon_survive_a_pause():
    fractions = [0.2, 0.25, 1.0]
    whole = train("pendulum", fractions=fractions)
    _, resumed = paused_and_resumed("pendulum", 0.5, fractions=fractions)
    assert resumed.files == whole.files


def test_training_of_very_few_horizons_sends_a_policy_for_each_fraction_after_a_pause():
    whole = train("pendulum", steps=2 * 40 * 4, fractions=[0.6, 0.8, 1.0])
    first = train("pendulum", steps=2 * 40 * 4, until=0.5, fractions=[0.5])
    left = first.files["checkpoint.safetensors"]
    resumed = train("pendulum", steps=2 * 40 * 4, resume=True, checkpoint_safetensors=left, fractions=[0.6, 0.8, 1.0])
    assert resumed.files == whole.files
