"""The static check: benign rewards pass, hostile and mistaken ones get a fault that says what to do."""

import pytest

from designer.check import MAX_FAULTS, check
from designer.records import Fault
from tests.designer.benign_rewards import BENIGN
from tests.designer.cheetah_table import cheetah_table

TABLE = cheetah_table()
HEAD = "import torch\nimport math\n"


def faults_of(source: str) -> tuple[Fault, ...]:
    return check(source, TABLE)


def body(*lines: str) -> str:
    """Return a reward with these lines (from line 4 on) before a proper return."""
    return HEAD + "def reward(s, a):\n" + "".join(f"    {line}\n" for line in lines) + "    return {'x': s.torso_pitch}\n"


def only(source: str) -> Fault:
    faults = faults_of(source)
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


@pytest.mark.parametrize("name", BENIGN)
def test_benign_reward_passes(name: str):
    assert [str(fault) for fault in faults_of(BENIGN[name])] == []


def test_there_are_enough_benign_rewards_to_mean_something():
    assert len(BENIGN) >= 15


# Fields --------------------------------------------------------------------------------------------------------------


def test_unknown_field_names_the_closest_one():
    fault = only(body("v = s.torso_velocty[:, 0]"))
    assert str(fault) == "line 4: the state has no field 'torso_velocty'. Did you mean torso_velocity?"


def test_unknown_field_far_from_all_lists_them():
    fault = only(body("v = s.qqq"))
    assert "torso_velocity" in fault.hint
    assert "episode_time_s" in fault.hint


@pytest.mark.parametrize("line", ["v = s.prev.torso_velocty", "p = s.prev; v = p.torso_velocty", "t = s; v = t.torso_velocty"])
def test_unknown_field_is_found_behind_prev_and_aliases(line: str):
    assert "Did you mean torso_velocity?" in only(body(line)).hint


def test_state_before_the_previous_one_does_not_exist():
    assert "one step back" in only(body("v = s.prev.prev.torso_pitch")).hint


@pytest.mark.parametrize(
    "line",
    [
        "v = s.torso_velocity[:, 2]",
        "v = s.torso_velocity[..., 2]",
        "t = s.torso_velocity; v = t[:, 2]",
        "v = s.prev.torso_velocity[:, -3]",
    ],
)
def test_index_beyond_the_components_names_them(line: str):
    fault = only(body(line))
    assert "torso_velocity has 2 components (x, z): index" in fault.message


def test_index_beyond_the_action_is_refused():
    assert "a has 6 components (bthigh" in only(body("v = a[:, 6]")).message


def test_slice_beyond_the_components_is_refused():
    assert "slice :3 is out of range" in only(body("v = s.torso_velocity[:, :3]")).message


def test_index_of_a_scalar_field_is_refused():
    assert "leave the index out" in only(body("v = s.torso_pitch[:, 0]")).hint


def test_index_of_one_world_is_taught_the_batch_axis():
    assert only(body("v = s.torso_velocity[0]")).hint.endswith("Write s.torso_velocity[:, 0].")


def test_name_that_is_bound_twice_keeps_no_origin():
    assert faults_of(body("v = s.torso_velocity", "v = s.joint_angles", "w = v[:, 5]")) == ()


@pytest.mark.parametrize(
    "line",
    [
        "s.torso_pitch = a",
        "s.torso_pitch += 1",
        "s.torso_velocity[:, 0] = 0",
        "v = s.torso_velocity; v[:, 0] = 0",
        "v = s.torso_velocity[:, 0]; v += 1",
        "v = s.torso_velocity[:, 0]; v[0:2] = 0",
        "a[:, 0] = 1",
        "a *= 2",
        "a.clamp_(0, 1)",
        "s.torso_pitch.zero_()",
        "torch.add(a, a, out=a)",
    ],
)
def test_writing_to_the_state_or_the_action_is_refused(line: str):
    assert only(body(line)).line == 4


def test_field_without_the_state_is_taught():
    assert only(body("v = torso_velocity")).hint == "Write s.torso_velocity."


def test_state_under_another_name_is_taught():
    source = HEAD + "def f(state):\n    return state.torso_pitch\ndef reward(s, a):\n    return {'x': f(s)}\n"
    assert "calls it s" in only(source).hint
    assert faults_of(source.replace("(state)", "(state: State)")) == ()


# The contract --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("", "defines no function reward(s, a)"),
        ("def compute_reward(s, a):\n    return {'x': a}\n", "defines no function reward(s, a)"),
        ("def reward(state, action):\n    return {'x': action}\n", "must be reward(s, a)"),
        ("def reward(s, a, b=1):\n    return {'x': a}\n", "must be reward(s, a)"),
        ("def reward(s, *, a):\n    return {'x': a}\n", "must be reward(s, a)"),
        ("def reward(s, a):\n    return {'x': a}\ndef reward(s, a):\n    return {'x': a}\n", "defined twice"),
        ("def reward(s, a):\n    x = a\n", "does not return on every path"),
        ("def reward(s, a):\n    if True:\n        return {'x': a}\n", "does not return on every path"),
        ("def reward(s, a):\n    return\n", "does not return a dict"),
        ("def reward(s, a):\n    return a.sum(-1)\n", "does not return a dict"),
        ("def reward(s, a):\n    r = a.sum(-1)\n    return r\n", "does not return a dict"),
        ("def reward(s, a):\n    return a.sum(-1), {'x': a}\n", "does not return a dict"),
        ("def reward(s, a):\n    return {}\n", "returns no terms"),
        ("def reward(s, a):\n    return {'x': a, 'total': a}\n", "there is a term 'total'"),
        ("def reward(s, a):\n    t = {}\n    t['total'] = a\n    return t\n", "there is a term 'total'"),
        ("def reward(s, a):\n    return dict(x=a, total=a)\n", "there is a term 'total'"),
        ("def f(a):\n    return {'total': a}\ndef reward(s, a):\n    return f(a)\n", "there is a term 'total'"),
        ("def reward(s, a):\n    return {1: a}\n", "not a string"),
        ("def reward(s, a):\n    return {'run fast': a}\n", "not a term's name"),
        ("def reward(s, a):\n    return {'x': a, 'x': a}\n", "there twice"),
        ("def reward(s, a):\n    return {'alive': 1.0}\n", "plain value 1.0"),
        ("def reward(s, a):\n    return {'x': a}\ndef potential(s, a):\n    return {'x': a}\n", "must be potential(s)"),
        ("def reward(s, a):\n    return reward(s, a)\n", "in a circle"),
        ("N = [0]\ndef reward(s, a):\n    N[0] += 1\n    return {'x': a}\n", "lives outside the function"),
        ("N = []\ndef reward(s, a):\n    N.append(a)\n    return {'x': a}\n", "lives outside the function"),
    ],
)
def test_broken_contract_is_named(source: str, part: str):
    assert part in only(source).message


def test_missing_reward_suggests_the_function_to_rename():
    assert "Rename compute_reward" in faults_of("def compute_reward(s, a):\n    return {'x': a}\n")[0].hint


# Language ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "while True: pass",
        "x = lambda: 1",
        "x = (y := 1)",
        "del a",
        "assert True",
        "raise ValueError",
        "global torch",
        "with torch.no_grad(): pass",
        "class X: pass",
        "def inner(): pass",
        "yield a",
        "x = {1, 2}",
        "x = print('hi')",
        "x = eval('1')",
        "x = getattr(s, 'torso_pitch')",
        "x = __import__('os')",
        "x = open('/etc/passwd')",
        "x = globals()",
        "x = s.__class__",
        "x = ().__class__.__bases__[0]",
        "x = s._snapshot",
        "x = torch.os.system('true')",
        "x = torch.load('x')",
        "x = torch.from_file('x')",
        "x = torch.rand(3)",
        "x = torch.ops.load_library('x')",
        "x = torch.builtins.open('x')",
        "x = torch.Tensor.__subclasses__()",
        "x = math.__loader__",
        "x = '{0.__class__}'.format(a)",
        "x = f'{s.torso_pitch}'",
        "x = f'{1:{2}}'",
        "x = max(*a)",
        "x = dict(**{'y': 1})",
        "x = [f for f in ().__class__.__mro__]",
        "x = [torch for torch in (1, 2)]",
        "x = (torch.tanh if 1 else torch.sin)(a)",
        "torch = s",
        "x = a.item()",
        "x = a.register_hook(a)",
        "x = b'1'",
        "x = 1j",
        "x = 1 << 3",
        "x = 10 ** 10 ** 10",
        "x = 10 ** 1000",
        "x = [i for i in range(10 ** 9)]",
        "for i in range(100000): pass",
        "import os",
        "import torch.nn as nn",
        "from torch import *",
        "from torch import load",
        "from . import secrets",
        "x = nowhere",
    ],
)
def test_refused_line_gets_a_fault_on_its_line(line: str):
    faults = faults_of(body(line))
    assert faults
    assert {fault.line for fault in faults} == {4}
    assert faults[0].message


@pytest.mark.parametrize(
    "source",
    [
        "@torch.compile\ndef reward(s, a):\n    return {'x': a}\n",
        "@print\ndef reward(s, a):\n    return {'x': a}\n",
        "def f(x=[]):\n    return x\ndef reward(s, a):\n    return {'x': f(a)}\n",
        "def f(x=torch.load('x')):\n    return x\ndef reward(s, a):\n    return {'x': f(a)}\n",
        "def reward(s: exec('1'), a):\n    return {'x': a}\n",
        "def reward(s, a) -> open('x'):\n    return {'x': a}\n",
        "def reward(s, a):\n    match s:\n        case object(__class__=c):\n            pass\n    return {'x': a}\n",
        "def reward(s, a):\n    try:\n        return {'x': a}\n    finally:\n        pass\n    return {'x': a}\n",
        "async def reward(s, a):\n    return {'x': a}\n",
        "for i in range(3):\n    pass\ndef reward(s, a):\n    return {'x': a}\n",
        "print('hello')\ndef reward(s, a):\n    return {'x': a}\n",
        "class A:\n    pass\ndef reward(s, a):\n    return {'x': a}\n",
    ],
)
def test_hostile_file_is_refused(source: str):
    assert faults_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 100_000,
        "(" * 5_000,
        "-" * 15_000 + "1",
        "x" + ".a" * 9_000,
        "x" + "[0]" * 6_000,
        "x = " + "[" * 150 + "]" * 150,
        "x = " + "+".join(["1"] * 9_000),
        "if 1:\n" + "".join(" " * i + "if 1:\n" for i in range(1, 99)) + " " * 99 + "pass\n",
        "\0",
        "def reward(s, a):\n    return {'x': a}\0",
        "x = '\ud800'",
        "\ud800",
        "x = " + "9" * 10_000,
        "x = 1e999999",
        "\n" * 1_000,
        "x" * 20_001,
        "def reward(s, a)\n    return {'x': a}\n",
        "def reward(s, a):\n\treturn {'x': a}\n        x = 1\n",
        "x = '\\d'\nreturn 3\n",
        "# -*- coding: nonsense -*-\n",
        "lambda: (yield)",
        "\ufeff",
        "p = q; q = p",
        "nonlocal x",
    ],
)
def test_no_input_crashes_the_check(source: str):
    assert faults_of(source)


def test_deep_but_sane_sum_is_read():
    assert faults_of(body("x = " + " + ".join(["s.torso_pitch"] * 60))) == ()


def test_faults_are_sorted_by_line_and_capped():
    faults = faults_of(body(*(f"x{i} = s.nothing_{i}" for i in range(30))))
    assert len(faults) == MAX_FAULTS
    assert [fault.line for fault in faults] == list(range(4, 4 + MAX_FAULTS))


def test_syntax_error_names_its_line():
    assert only("def reward(s, a):\n    return {'x': a\n").line == 2


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("x = torch.squre(a)", "Did you mean torch.square?"),
        ("x = a.squar()", "Did you mean square?"),
        ("x = a.mul_(2)", "Write x = x.mul(...)."),
        ("x = np.exp(a)", "Use torch: torch.exp, torch.clamp, torch.linalg.norm, ..."),
        ("x = torch.rand(1)", "A reward is a pure function of s and a: no random numbers."),
        ("x = torch.randn_like(a)", "A reward is a pure function of s and a: no random numbers."),
        ("weigth = 1.0; x = weight * a", "Did you mean weigth?"),
    ],
)
def test_hint_says_what_to_write_instead(line: str, hint: str):
    assert only(body(line)).hint == hint
