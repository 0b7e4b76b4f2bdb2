"""Scoring: one number an episode, and a measure that fails is rejected with its sentence."""

import numpy as np
import pytest
from safetensors.numpy import save

from sandbox.policy import pack
from tests.sandbox.frames import run_verb
from tests.sandbox.measures import expression, field, function, shipped
from tests.sandbox.policies import HOPPER, constant_policies

pytestmark = pytest.mark.worker

SPEED = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 7.0, 0.0, 0.0]], dtype=np.float32)
TRAJECTORIES = {
    "state.speed": SPEED,
    "state.place": np.stack((SPEED, -SPEED), axis=-1),
    "action": np.ones((2, 4, 1), dtype=np.float32),
    "length": np.array([4, 2]),
}
MEAN_SPEED = expression({"op": "mean", "args": [field("speed")]})


def scored(fitness, success=None, step_limit: int = 8, trajectories=TRAJECTORIES, **more):
    job = {"verb": "score", "fitness": fitness, "success": success, "dt_s": 0.5, "step_limit": step_limit, **more}
    sent = run_verb(job, trajectories_safetensors=save(trajectories))
    assert sent.files == {}
    return sent.result


def test_every_episode_gets_a_number():
    assert scored(MEAN_SPEED) == {
        "status": "ok", "error": "", "fitness": [2.5, 6.0], "success": None, "length": [4, 2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fitness", "expected"),
    [
        (expression({"op": "mean_limit", "args": [field("speed")]}), [10 / 8, 12 / 8]),
        (expression({"op": "last", "args": [field("place", 1)]}), [-4.0, -7.0]),
        (expression({"op": "length_s"}), [2.0, 1.0]),
        (function("def fitness(t):\n    return t.place[..., 0].sum(axis=1) / t.step_limit\n"), [10 / 8, 12 / 8]),
        (function("def fitness(t):\n    return t.length > 3\n"), [1.0, 0.0]),
    ],
)
def test_fitness_sees_the_episode_until_its_end(fitness, expected):
    assert scored(fitness)["fitness"] == expected


def test_each_factor_of_an_order_gets_a_number_an_episode():
    place = expression({"op": "mean", "args": [field("place", 1)]})
    assert scored(MEAN_SPEED, factors=[place, MEAN_SPEED])["factors"] == [[-2.5, -6.0], [2.5, 6.0]]


def test_a_factor_that_fails_is_named():
    log = expression({"op": "mean", "args": [{"op": "log", "args": [field("place", 1)]}]})
    sent = scored(MEAN_SPEED, factors=[MEAN_SPEED, log])
    assert sent["status"] == "rejected"
    assert sent["error"].startswith("factor 2 of the order: the expression gave nan in 2 of 2 cases")


def test_success_is_true_or_false():
    success = function("def good(t):\n    return t.mean(t.speed) > 3\n", "good")
    assert scored(MEAN_SPEED, success)["success"] == [False, True]


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("t.speed", "fitness.py:fitness returned shape (2, 4); it must be (2,)"),
        ("t.speed.mean()", "returned float64"),
        ("1.0", "returned float; it must return an array of 2 numbers"),
        ("[1.0, 2.0]", "returned list"),
        ("t.sped", "line 2 raised AttributeError: there is no field 'sped'"),
        ("t.speed.fill(3)", "line 2 raised ValueError: assignment destination is read-only"),
    ],
)
@pytest.mark.parametrize("role", ["fitness", "success"])
def test_measure_that_fails_is_rejected(value, part, role):
    broken = function(f"def fitness(t):\n    return {value}\n")
    result = scored(broken) if role == "fitness" else scored(MEAN_SPEED, broken)
    assert set(result) == {"status", "error"}
    assert result["status"] == "rejected"
    assert part in result["error"]


def test_infinite_fitness_is_rejected():
    result = scored(expression({"op": "/", "args": [{"op": "length_s"}, {"op": "number", "value": 0}]}))
    assert result == {"status": "rejected", "error": "the expression gave inf in 2 of 2 cases (first: 0)"}


def test_steps_after_a_fall_do_not_count():
    """What the hopper does in its next episodes is neither played nor scored."""
    sizes = {"checkpoints": 1, "policies": 1, "episodes": 4, "earlier_episodes": 1}
    job = {"verb": "rollout", "world": "hopper", **sizes, "seed": 3}
    policy = pack([constant_policies(HOPPER, 1.0)])
    trajectories = run_verb(job, policy_safetensors=policy).files["trajectories.safetensors"]
    spec = {"verb": "score", "fitness": shipped("hopper", "forward"), "success": shipped("hopper", "hopped"), "dt_s": 0.008}
    result = run_verb({**spec, "step_limit": 1000}, trajectories_safetensors=trajectories).result
    assert max(result["length"]) < 200
    assert result["success"] == [False] * 4
    # it falls within 200 steps at a few m/s: averaged over the time limit that is little
    assert all(abs(fitness) < 1.0 for fitness in result["fitness"])
    assert any(fitness != 0 for fitness in result["fitness"])
