"""Training: what leaves the box, how it ends when a reward fails, and that the sparse baseline pays the right numbers."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load

from envs import worlds
from envs.vec_env import Step, VecEnv
from sandbox.measure import Trajectories, measure_episodes
from sandbox.payers import EpisodeMeasure, StepMeasure
from tests.sandbox.frames import run_verb
from tests.sandbox.measures import expression, field, function, shipped

pytestmark = pytest.mark.worker

NUM_ENVS, HORIZON = 2, 8
A_HORIZON = NUM_ENVS * HORIZON
SEEDS = [11, 12]
GOOD = """
def reward(s, a):
    return {"upright": s.rod_upright, "effort": -0.01 * a.square().sum(-1)}
"""
CODE = {"kind": "code", "entry": "reward"}


def job(steps: int = 2 * A_HORIZON, **changes):
    made = {
        "verb": "train",
        "world": "pendulum",
        "seeds": SEEDS,
        "steps": steps,
        "fractions": [0.5, 1.0],
        "settings": {"num_envs": NUM_ENVS, "horizon": HORIZON, "gamma": 0.9},
        "reward": CODE,
    }
    return {**made, **changes}


def trained(source: str = GOOD, **changes):
    return run_verb(job(**changes), reward_py=source)


def late(what: str) -> str:
    """A reward that is good until half of the training is done."""
    condition = "if s.training_progress[0] > 0.5:"
    return f"import torch\ndef reward(s, a):\n    {condition}\n        {what}\n    return {{'x': s.rod_upright}}\n"


# What leaves the box -------------------------------------------------------------------------------------------------


def test_training_sends_curves_policies_and_result():
    sent = trained()
    assert set(sent.files) == {"curves.jsonl", "policy.safetensors"}
    assert (sent.result["status"], sent.result["error"], sent.result["steps"]) == ("ok", "", 2 * A_HORIZON)
    assert sent.result["cpu_s"] > 0
    assert [[term["name"] for term in policy] for policy in sent.result["traces"]] == [["upright", "effort"]] * 2
    curves = [json.loads(line) for line in sent.files["curves.jsonl"].splitlines()]
    assert [line["steps"] for line in curves] == [A_HORIZON, 2 * A_HORIZON]
    assert all(len(line[name]) == len(SEEDS) for line in curves for name in ("kl", "learning_rate", "std"))
    assert sent.progress[-1]["share"] == 1.0
    assert sent.progress[-1]["steps_per_s"] > 0


@pytest.mark.parametrize(("steps", "rounded"), [(1, A_HORIZON), (A_HORIZON, A_HORIZON), (A_HORIZON + 1, 2 * A_HORIZON)])
def test_steps_are_rounded_up_to_whole_horizons(steps, rounded):
    assert trained(steps=steps).result["steps"] == rounded


@pytest.mark.parametrize(
    ("horizons", "fractions", "kept_at"),
    [
        (4, [0.25, 0.5, 0.75, 1.0], [1, 2, 3, 4]),
        (1, [0.2, 0.4, 0.6, 0.8, 1.0], [1, 1, 1, 1, 1]),
        (2, [0.1, 0.2, 0.9, 1.0], [1, 1, 2, 2]),
        (3, [1.0], [3]),
    ],
)
def test_every_fraction_leaves_a_checkpoint(horizons, fractions, kept_at):
    sent = trained(steps=horizons * A_HORIZON, fractions=fractions)
    tensors = load(sent.files["policy.safetensors"])
    assert {tensor.shape[:2] for tensor in tensors.values()} == {(len(fractions), len(SEEDS))}
    weights = tensors["actor.0.weight"]
    for k, at in enumerate(kept_at):
        assert [torch.equal(weights[k], other) for other in weights] == [at == other for other in kept_at]


@pytest.mark.parametrize(("horizons", "points"), [(1, 8), (2, 10), (5, 10)])
def test_traces_have_at_most_ten_points(horizons, points):
    (first, *_), _ = trained(steps=horizons * A_HORIZON).result["traces"]
    assert len(first["mean"]) == points
    assert first["low"] <= min(first["mean"]) <= max(first["mean"]) <= first["high"]


def test_traces_follow_the_training():
    traces = trained("def reward(s, a):\n    return {'x': s.training_progress}\n", steps=5 * A_HORIZON).result["traces"]
    steps = 5 * HORIZON
    for (trace,) in traces:
        assert trace["mean"] == pytest.approx([(4 * k + 1.5) / steps for k in range(10)])
        assert (trace["low"], trace["high"]) == pytest.approx((0.0, (steps - 1) / steps))


def test_each_policy_has_its_own_trace():
    first, second = trained().result["traces"]
    assert first[0]["mean"] != second[0]["mean"]


# How it ends when a reward fails -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "status", "line", "part"),
    [
        (late("1 / 0"), "crashed", 4, "ZeroDivisionError: division by zero in `1 / 0`"),
        (late("raise SystemExit"), "crashed", 4, "SystemExit"),
        (late("raise MemoryError"), "out_of_memory", 4, "MemoryError"),
        (late("return {'x': s.rod_upright / 0}"), "non_finite", 0, "term 'x' holds NaN or infinity"),
        (late("return {'y': s.rod_upright}"), "rejected", 0, "the terms changed from ['x'] to ['y'] during a run"),
        ("def reward(s, a):\n    return {\n", "crashed", 2, "SyntaxError: '{' was never closed"),
        ("\nraise ValueError('no')\n", "crashed", 2, "ValueError: no"),
        ("", "crashed", 0, "the file defines no function reward(s, a)"),
    ],
)
def test_reward_that_fails_ends_the_training_with_its_status_and_line(source, status, line, part):
    sent = trained(source, steps=4 * A_HORIZON)
    assert (sent.result["status"], sent.result["line"]) == (status, line)
    assert part in sent.result["error"]
    assert sent.files == {}


def test_policy_that_ran_away_is_told_as_such():
    sent = trained(settings={"num_envs": NUM_ENVS, "horizon": HORIZON, "initial_log_std": 89.0})
    assert sent.result["status"] == "non_finite"
    assert sent.files == {}


# The sparse baseline -------------------------------------------------------------------------------------------------


def played(world: VecEnv, steps: int) -> list[Step]:
    """Random play."""
    generator = np.random.default_rng(5)
    world.reset([5])
    low, high = world.spec.action_low, world.spec.action_high
    return [world.step(generator.uniform(low, high, (world.num_envs, world.spec.action_dim))) for _ in range(steps)]


def paid_by(source, steps: list[Step]) -> np.ndarray:
    """What a baseline pays: (steps, num_envs)."""
    return np.stack([source.pay(step, torch.as_tensor(step.action)).by_name()["fitness"].numpy() for step in steps])


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (field("rod_upright"), lambda step: step.state.rod_upright),
        ({"op": "neg", "args": [field("tip_position", 1)]}, lambda step: -step.state.tip_position[:, 1]),
        ({"op": "action", "index": [0]}, lambda step: step.action[:, 0]),
        ({"op": "time"}, lambda step: step.state.episode_time_s),
    ],
)
def test_measure_of_a_step_is_paid_at_every_step(tree, expected):
    world = worlds.make("pendulum", 3)
    steps = played(world, 5)
    paid = paid_by(StepMeasure(expression(tree), world.spec), steps)
    np.testing.assert_allclose(paid, np.stack([expected(step) for step in steps]), rtol=1e-5)


@pytest.mark.parametrize(
    ("world_name", "measure", "steps"),
    [
        ("hopper", expression({"op": "mean_limit", "args": [field("torso_velocity", 0)]}), 200),
        ("hopper", expression({"op": "last", "args": [field("torso_position", 0)]}), 200),
        ("hopper", expression({"op": "mean", "args": [{"op": "action", "index": [2]}]}), 200),
        ("hopper", shipped("hopper", "forward"), 200),
        ("pendulum", shipped("pendulum", "swing_up"), 405),
    ],
)
def test_measure_of_an_episode_is_paid_at_its_end_only(world_name, measure, steps):
    world = worlds.make(world_name, 4)
    play = played(world, steps)
    paid = paid_by(EpisodeMeasure(measure, world.spec, 4), play)
    ended = np.stack([step.terminated | step.truncated for step in play])
    assert (paid[~ended] == 0).all()
    assert ended.sum(axis=0).min() >= 2, "every world ends more than one episode"
    for k in range(4):
        first = 0
        for last in np.flatnonzero(ended[:, k]):
            expected = fitness_of(measure, world, play[first : last + 1], k)
            assert paid[last, k] == pytest.approx(expected, rel=1e-4, abs=1e-6)
            first = last + 1


def fitness_of(measure, world: VecEnv, episode: list[Step], k: int) -> float:
    """Score world k's steps of one episode as the judge does, with the time limit as the judge knows it."""
    fields = {f.name: np.stack([getattr(step.state, f.name)[k] for step in episode])[None] for f in world.spec.fields}
    action = np.stack([step.action[k] for step in episode])[None]
    spec = world.spec
    trajectories = padded(fields, action, spec.episode_steps, spec.dt_s)
    return float(measure_episodes(measure, trajectories)[0])


def padded(fields, action, step_limit: int, dt_s: float) -> Trajectories:
    length = action.shape[1]

    def pad(values):
        return np.pad(values, [(0, 0), (0, step_limit - length), *[(0, 0)] * (values.ndim - 2)])

    return Trajectories({name: pad(values) for name, values in fields.items()}, pad(action), [length], dt_s, step_limit)


@pytest.mark.parametrize(
    "reward",
    [
        {"kind": "step_measure", "measure": expression(field("rod_upright"))},
        {"kind": "episode_measure", "measure": shipped("pendulum", "swing_up")},
    ],
    ids=lambda reward: reward["kind"],
)
def test_training_on_the_fitness_needs_no_reward_file(reward):
    sent = run_verb(job(reward=reward))
    assert sent.result["status"] == "ok"
    assert [policy[0]["name"] for policy in sent.result["traces"]] == ["fitness", "fitness"]


@pytest.mark.parametrize(
    ("reward", "part"),
    [
        ({"kind": "step_measure", "measure": expression(field("nothing"))}, "a field that is not there: nothing"),
        ({"kind": "step_measure", "measure": function("def fitness(t): ...")}, "a reward a step must be an expression"),
        (
            {"kind": "episode_measure", "measure": function("def fitness(t):\n    return 1 / 0\n")},
            "fitness.py:fitness, line 2 raised ZeroDivisionError",
        ),
    ],
)
def test_fitness_that_fails_rejects_the_training(reward, part):
    result = run_verb(job(steps=200 * NUM_ENVS, reward=reward)).result
    assert result["status"] == "rejected"
    assert part in result["error"]
