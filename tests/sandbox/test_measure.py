"""Measures: the golden trees give the numbers worked out by hand, padding never leaks, and bad measures are named."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sandbox.measure import MeasureError, Trajectories, measure_episodes, measure_steps

GOLDEN = json.loads((Path(__file__).parents[1] / "contract" / "expressions.json").read_text())


def golden_trajectories() -> Trajectories:
    return Trajectories(GOLDEN["fields"], GOLDEN["action"], GOLDEN["length"], GOLDEN["dt_s"], GOLDEN["step_limit"])


def expression(tree):
    return {"kind": "expression", "tree": tree}


def function(source: str, name: str = "fitness"):
    return {"kind": "function", "name": name, "source": source, "file": "fitness.py"}


def returning(value: str):
    return function(f"import numpy as np\n\ndef fitness(t):\n    return {value}\n")


def field(name: str, *index: int):
    return {"op": "field", "name": name, "index": list(index)}


@pytest.mark.parametrize("case", GOLDEN["episodes"], ids=lambda case: case["text"])
def test_golden_tree_of_an_episode_gives_its_numbers(case):
    numbers = measure_episodes(expression(case["tree"]), golden_trajectories())
    assert numbers.dtype == np.float64
    np.testing.assert_allclose(numbers, case["gives"])


@pytest.mark.parametrize("case", GOLDEN["steps"], ids=lambda case: case["text"])
def test_golden_tree_of_a_step_gives_its_numbers(case):
    first = {name: np.array(values)[:, 0] for name, values in GOLDEN["fields"].items()}
    first["episode_time_s"] = np.array([0.5, 0.5])
    action = np.array(GOLDEN["action"])[:, 0]
    np.testing.assert_allclose(measure_steps(expression(case["tree"]), first, action, GOLDEN["dt_s"]), case["gives"])


@pytest.mark.parametrize("case", GOLDEN["rewards"], ids=lambda case: case["text"])
def test_golden_code_of_a_reward_pays_what_is_measured(case):
    """The host's own test holds this code against this text; here the code is held against the interpreter."""
    fields = {name: np.array(values) for name, values in GOLDEN["fields"].items()}
    alive = golden_trajectories().alive
    time_s = np.broadcast_to((np.arange(4) + 1) * GOLDEN["dt_s"], alive.shape)
    state = {
        name: torch.tensor(values[alive], dtype=torch.float64) for name, values in {**fields, "episode_time_s": time_s}.items()
    }
    action = torch.tensor(np.array(GOLDEN["action"])[alive])
    names = {"torch": torch, "s": SimpleNamespace(**state), "a": action}
    paid = eval(case["code"].replace("/ 0.05", f"/ {GOLDEN['dt_s']}"), names)  # noqa: S307
    read = {name: values.numpy() for name, values in state.items()}
    measured = measure_steps(expression(case["tree"]), read, action.numpy(), GOLDEN["dt_s"])
    np.testing.assert_allclose(paid.numpy(), measured, rtol=1e-6)


# Trajectories --------------------------------------------------------------------------------------------------------


def test_everything_after_the_end_is_zero():
    t = golden_trajectories()
    assert t.torso_velocity[1, 2:].tolist() == [[0, 0], [0, 0]]
    assert t.torso_pitch[1].tolist() == [2, 4, 0, 0]
    assert t.alive.tolist() == [[True] * 4, [True, True, False, False]]


def test_mean_is_over_the_steps_until_the_end():
    t = golden_trajectories()
    assert t.mean(t.torso_velocity).tolist() == [[2.5, 1.75], [-2.0, 2.0]]
    assert t.mean(t.torso_pitch > 1.5).tolist() == [0.0, 1.0]


def test_step_limit_defaults_to_the_recorded_steps():
    assert Trajectories({}, np.zeros((1, 7, 1)), [3], 0.1).step_limit == 7


@pytest.mark.parametrize("length", [[0, 4], [4, 5], [4], [[4, 2]]])
def test_lengths_that_do_not_fit_are_refused(length):
    with pytest.raises(MeasureError, match="fit"):
        Trajectories(GOLDEN["fields"], GOLDEN["action"], length, 0.5, 4)


def test_field_of_another_length_is_refused():
    with pytest.raises(MeasureError, match="pitch"):
        Trajectories({"pitch": np.zeros((2, 3))}, np.zeros((2, 4, 1)), [4, 2], 0.5, 4)


def test_nan_after_the_end_does_not_leak():
    pitch = np.array([[1.0, np.nan]])
    t = Trajectories({"pitch": pitch}, np.zeros((1, 2, 1)), [1], 0.5, 2)
    for op in ("mean", "sum", "min", "max", "std", "first", "last", "integral"):
        assert np.isfinite(measure_episodes(expression({"op": op, "args": [field("pitch")]}), t)).all()


# Functions -----------------------------------------------------------------------------------------------------------


def test_function_gives_its_numbers():
    numbers = measure_episodes(returning("t.mean(t.torso_velocity[..., 0])"), golden_trajectories())
    assert numbers.tolist() == [2.5, -2.0]


def test_function_may_say_true_or_false():
    assert measure_episodes(returning("t.length > 3"), golden_trajectories()).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("1.0", "returned float"),
        ("None", "returned NoneType"),
        ("np.zeros((2, 1))", r"shape \(2, 1\)"),
        ("np.zeros(3)", r"shape \(3,\)"),
        ("np.array(['a', 'b'])", "returned ndarray of <U1"),
        ("np.array([0.0, np.nan])", r"gave nan in 1 of 2 cases \(first: 1\)"),
        ("np.array([np.inf, 0.0])", "gave inf"),
        ("t.torso_velocty", "line 4 raised AttributeError: there is no field 'torso_velocty'"),
        ("t.torso_pitch.fill(0)", "read-only"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_a_bad_function_did_is_named(value: str, part: str):
    with pytest.raises(MeasureError, match=part):
        measure_episodes(returning(value), golden_trajectories())


def test_function_that_is_not_in_the_file_is_named():
    with pytest.raises(MeasureError, match=r"defines no function fitness\(t\)"):
        measure_episodes(function("x = 1\n"), golden_trajectories())


def test_broken_source_is_named():
    with pytest.raises(MeasureError, match="SyntaxError"):
        measure_episodes(function("def fitness(t:\n"), golden_trajectories())


# Trees that the host would never send --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tree",
    [
        None,
        3,
        [],
        {},
        {"op": ["mean"]},
        {"op": "eval", "args": [{"op": "number", "value": 1}]},
        {"op": "__import__", "args": []},
        {"op": "mean"},
        {"op": "mean", "args": []},
        {"op": "mean", "args": [field("torso_pitch"), field("torso_pitch")]},
        {"op": "+", "args": [{"op": "number", "value": 1}]},
        {"op": "number", "value": "1"},
        {"op": "number"},
        {"op": "number", "value": 10**400},
        {"op": "number", "value": float("nan")},
        {"op": "mean", "args": [field("nothing")]},
        {"op": "mean", "args": [field("__class__")]},
        {"op": "mean", "args": [field("mean")]},
        {"op": "mean", "args": [field("torso_velocity")]},
        {"op": "mean", "args": [field("torso_velocity", 2)]},
        {"op": "mean", "args": [field("torso_velocity", -1)]},
        {"op": "mean", "args": [{"op": "field", "name": "torso_velocity", "index": ["x"]}]},
        {"op": "mean", "args": [{"op": "field", "name": ["torso_velocity"], "index": [0]}]},
        {"op": "norm", "args": [{"op": "number", "value": 1}]},
        field("torso_pitch"),
        {"op": "last", "args": [{"op": "log", "args": [field("torso_pitch")]}]},
    ],
)
def test_tree_that_is_not_known_is_refused(tree):
    with pytest.raises(MeasureError):
        measure_episodes(expression(tree), golden_trajectories())


def test_deep_tree_is_refused():
    tree = {"op": "number", "value": 1}
    for _ in range(5000):
        tree = {"op": "neg", "args": [tree]}
    with pytest.raises(MeasureError):
        measure_episodes(expression(tree), golden_trajectories())


@pytest.mark.parametrize("spec", [{"kind": "shell"}, {}, {"kind": "function", "name": "f", "source": "", "file": "f.py"}])
def test_a_step_takes_expressions_only(spec):
    with pytest.raises(MeasureError):
        measure_steps(spec, {}, np.zeros((2, 1)), 0.1)


@pytest.mark.parametrize("tree", [{"op": "mean", "args": [field("p")]}, {"op": "length_s"}, {"op": "time"}, field("q")])
def test_a_step_knows_nothing_of_the_episode(tree):
    with pytest.raises(MeasureError):
        measure_steps(expression(tree), {"p": np.zeros(2)}, np.zeros((2, 1)), 0.1)
