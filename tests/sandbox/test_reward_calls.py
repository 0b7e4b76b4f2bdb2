"""The harness on every call, not only the first: inputs, repetition, order, neighbours, and what surrounds a reward."""

import random
import sys
import textwrap
import threading

import numpy as np
import pytest
import torch

from envs.state import State
from sandbox.faults import CandidateFault
from sandbox.reward import Reward
from sandbox.surroundings import SETTINGS, put_back, read_settings
from tests.sandbox.made_states import FIELDS

pytestmark = pytest.mark.worker

NUM_ENVS = 8
CALLS = 40
NOBODY = torch.zeros(NUM_ENVS, dtype=torch.bool)
TWICE = "gave another answer when asked twice"
OTHERS = "depends on the other worlds or their order"
LATE = "a[0, 0] > 20"
"""True in the second half of the calls: what a reward shows only then is found then."""


def body(text: str, before: str = "") -> str:
    return f"import torch\n{before}\ndef reward(s, a):\n" + textwrap.indent(textwrap.dedent(text).strip(), "    ") + "\n"


def a_state(number: int) -> State:
    values = np.random.default_rng(number)
    raw = {"speed": values.normal(size=NUM_ENVS), "place": values.normal(size=(NUM_ENVS, 2))}
    old = {"speed": values.normal(size=NUM_ENVS), "place": values.normal(size=(NUM_ENVS, 2))}
    before = State(FIELDS, old, np.zeros(NUM_ENVS), number / CALLS)
    return State(FIELDS, raw, np.full(NUM_ENVS, 0.1), number / CALLS, before)


def called_often(source: str, state_of=a_state, calls=CALLS):
    """Call a reward many times; every action holds the number of the call. Returns the last terms."""
    reward = Reward(source)
    for number in range(1, calls + 1):
        terms = reward.terms(state_of(number), torch.full((NUM_ENVS, 2), float(number)), NOBODY)
    return terms


def refusal(source: str) -> str:
    with pytest.raises(CandidateFault) as raised:
        called_often(source)
    assert raised.value.status == "rejected"
    return raised.value.message


@pytest.mark.parametrize(
    "text",
    [
        "return {'x': s.speed - s.prev.speed, 'y': s.place.norm(dim=-1), 'z': -a.square().sum(-1)}",
        "x = s.speed.clone()\nx += 1\nx[0] = x[0]\nreturn {'x': x}",
        "return {'x': torch.where(s.training_progress[0] < 0.5, s.speed, -s.speed)}",
        "return {'x': (s.speed > 0).float() * torch.exp(s.place[:, 1])}",
    ],
)
def test_honest_reward_is_called_often_without_a_fault(text):
    assert called_often(body(text))["x"].shape == (NUM_ENVS,)


def test_answers_are_those_of_the_real_call():
    terms = called_often(body("return {'x': 2 * s.speed}"))
    torch.testing.assert_close(terms["x"], 2 * a_state(CALLS).speed)


# What shows late is found late ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("s.speed.mul_(2)", "s.speed"),
        ("s.prev.speed.zero_()", "s.prev.speed"),
        ("s.place.data[:, 0] = 1", "s.place"),
        ("s.speed.numpy()[:] = 0", "s.speed"),
        ("s.speed.resize_(3)", "s.speed"),
        ("s.speed.data = s.speed.double()", "s.speed"),
        ("s.training_progress.fill_(1)", "s.training_progress"),
        ("torch.abs(s.speed, out=s.speed)", "s.speed"),
        ("a.clamp_(0, 1)", "a"),
    ],
)
def test_writing_into_an_input_is_found_in_any_call(text, where):
    found = refusal(body(f"if {LATE}:\n    {text}\nreturn {{'x': torch.zeros(a.shape[0])}}"))
    assert found == f"the reward wrote into {where}; it must compute new tensors instead"


def test_what_a_reward_writes_reaches_nobody():
    state, action = a_state(1), torch.ones(NUM_ENVS, 2)
    speed, earlier = state.speed.clone(), state.prev.speed.clone()
    with pytest.raises(CandidateFault):
        Reward(body("s.speed.zero_()\ns.prev.speed.zero_()\na.zero_()\nreturn {'x': s.speed}")).terms(state, action, NOBODY)
    assert torch.equal(state.speed, speed)
    assert torch.equal(state.prev.speed, earlier)
    assert torch.equal(action, torch.ones(NUM_ENVS, 2))


def test_state_that_is_not_a_number_is_not_taken_for_written():
    def broken(number):
        return State(FIELDS, {"speed": np.full(NUM_ENVS, np.nan), "place": np.zeros((NUM_ENVS, 2))}, np.zeros(NUM_ENVS))

    assert called_often(body("return {'x': torch.nan_to_num(s.speed)}"), broken)["x"].tolist() == [0.0] * NUM_ENVS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"calls.append(0)\nreturn {{'x': s.speed + (len(calls) if {LATE} else 0)}}", TWICE),
        (f"return {{'x': s.speed - (s.speed.mean() if {LATE} else 0)}}", OTHERS),
        (f"return {{'x': s.speed.cumsum(0) if {LATE} else s.speed}}", OTHERS),
        (f"return {{'x': s.speed + (torch.arange({NUM_ENVS}) if {LATE} else 0)}}", OTHERS),
        (f"return {{'x': s.speed.roll(1) if {LATE} else s.speed}}", OTHERS),
        (f"return {{'x': s.speed[0].expand({NUM_ENVS}) if {LATE} else s.speed}}", OTHERS),
    ],
)
def test_memory_order_and_neighbours_are_found_in_any_call(text, complaint):
    assert complaint in refusal(body(text, "calls = []"))


def test_slow_memory_is_found():
    # the highest action so far: the same when asked again at once, another when an earlier call is asked again
    source = body("calls.append(a[0, 0])\nreturn {'x': max(calls) - s.speed}", "calls = []")
    with pytest.raises(CandidateFault, match=TWICE):
        called_often(source, calls=400)  # one in eight asks an earlier one again


def test_time_of_day_is_no_argument():
    assert TWICE in refusal(body("return {'x': s.speed + time.perf_counter() % 1}", "import time"))


def test_one_mismatch_at_an_edge_is_no_proof():
    # only where a[0, 0] == 3 does world 0 look at its neighbours: rounding at the edge of a comparison looks like that
    assert called_often(body("x = s.speed.clone()\nif a[0, 0] == 3:\n    x = x + x.mean()\nreturn {'x': x}"))["x"].shape == (8,)


@pytest.mark.parametrize("value", ["float('nan')", "1e7", "-1e7"])
def test_values_are_looked_at_in_any_call(value):
    with pytest.raises(CandidateFault) as raised:
        called_often(body(f"return {{'fine': s.speed, 'x': s.speed + ({value} if {LATE} else 0)}}"))
    assert raised.value.status == "non_finite"
    assert raised.value.message.startswith("reward's term 'x'")


# What surrounds a reward ---------------------------------------------------------------------------------------------

CHANGES = {
    "torch's default dtype": "torch.set_default_dtype(torch.float64)",
    "torch's default device": "torch.set_default_device('meta')",
    "torch's number of threads": "torch.set_num_threads(torch.get_num_threads() + 1)",
    "torch's anomaly detection": "torch.set_anomaly_enabled(True)",
    "torch's deterministic mode": "torch.use_deterministic_algorithms(True)",
    "torch's matmul precision": "torch.set_float32_matmul_precision('medium')",
    "torch's modes": "torch.overrides.BaseTorchFunctionMode().__enter__()",
    "torch's print options": "torch.set_printoptions(precision=2)",
    "torch's flushing of tiny numbers": "torch.set_flush_denormal(True)",
    "torch's random numbers": "torch.manual_seed(12345)",
    "numpy's error state": "numpy.seterr(all='ignore')",
    "numpy's print options": "numpy.set_printoptions(precision=2)",
    "numpy's random numbers": "numpy.random.seed(12345)",
    "Python's random numbers": "random.random()",
    "Python's recursion limit": "sys.setrecursionlimit(5000)",
    "Python's garbage collection": "gc.disable()",
    "what Python calls after collecting garbage": "gc.callbacks.append(lambda *_: None)",
    "Python's timers": "signal.setitimer(signal.ITIMER_PROF, 1000)",
    "Python's trace function": "sys.settrace(lambda *_: None)",
    "Python's profile function": "sys.setprofile(lambda *_: None)",
}
NOT_HERE = {"torch's gradient mode", "the number of threads"}


def test_every_setting_has_a_test():
    assert {setting.name for setting in SETTINGS} == CHANGES.keys() | NOT_HERE


@pytest.mark.parametrize("name", CHANGES)
def test_setting_is_put_back_and_named_in_any_call(name):
    before = read_settings()
    found = refusal(body(f"if {LATE}:\n    {CHANGES[name]}\nreturn {{'x': s.speed}}", "import gc, numpy, random, signal, sys"))
    assert found == f"the reward changed {name}; it must leave its surroundings as they are"
    assert put_back(before) == []


def test_setting_is_put_back_after_a_crash():
    before = read_settings()
    with pytest.raises(CandidateFault, match="ZeroDivisionError"):
        called_often(body("torch.set_default_dtype(torch.float64)\nreturn {'x': 1 / 0}"))
    assert put_back(before) == []


def test_setting_changed_while_loading_is_put_back():
    before = read_settings()
    with pytest.raises(CandidateFault, match="torch's default dtype"):
        Reward(body("return {'x': s.speed}", "torch.set_default_dtype(torch.float64)"))
    assert put_back(before) == []


@pytest.mark.parametrize("enabled", [True, False])
def test_gradient_mode_is_the_trainers(enabled):
    assert called_often(body(f"torch.set_grad_enabled({enabled})\nreturn {{'x': s.speed}}"))
    assert torch.is_grad_enabled()


def test_gradients_are_off_and_can_be_turned_on():
    assert not called_often(body("w = torch.ones(1, requires_grad=True)\nreturn {'x': s.speed * w}"))["x"].requires_grad
    adam = """
        with torch.enable_grad():
            w = torch.ones(1, requires_grad=True)
            adam = torch.optim.Adam([w], lr=0.1)
            ((w - 3) ** 2).sum().backward()
            adam.step()
        return {'x': s.speed * float(w)}
    """
    assert called_often(body(adam))["x"].shape == (NUM_ENVS,)


def test_thread_left_behind_is_named():
    ended = threading.Event()
    sys.modules["_ended"] = ended  # type: ignore[assignment]
    try:
        found = refusal(body("threading.Thread(target=_ended.wait).start()\nreturn {'x': s.speed}", "import threading, _ended"))
    finally:
        ended.set()
        del sys.modules["_ended"]
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join()
    assert found.startswith("the reward changed the number of threads")


def test_harness_draws_no_global_random_numbers():
    before = random.getstate(), torch.default_generator.get_state()
    called_often(body("return {'x': s.speed}"))
    assert random.getstate() == before[0]
    assert torch.equal(torch.default_generator.get_state(), before[1])


def test_trainer_may_draw_global_random_numbers_and_switch_gradients_between_calls():
    reward = Reward(body("return {'x': s.speed}"))
    drawn = []
    for number in range(4):
        drawn.append((random.random(), float(np.random.random()), float(torch.rand(1))))
        with torch.set_grad_enabled(number % 2 == 0):
            reward.terms(a_state(number), torch.full((NUM_ENVS, 2), float(number)), NOBODY)
    assert len(set(drawn)) == len(drawn)


# Traps ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["__str__", "__cause__", "__traceback__", "__notes__", "__class__", "__suppress_context__"])
def test_exception_with_a_trap_in_it_is_a_fault(member):
    trap = f"""
class Trap(Exception):
    @property
    def {member}(self):
        raise SystemExit(3)
"""
    with pytest.raises(CandidateFault) as raised:
        called_often(body("raise Trap", trap))
    assert raised.value.status == "crashed"


def test_lone_surrogate_in_an_exception_is_told():
    with pytest.raises(CandidateFault) as raised:
        called_often(body("raise ValueError(chr(0xD800))"))
    assert raised.value.message.startswith("ValueError: \\ud800 in `raise")


@pytest.mark.parametrize("name", ["detach", "to", "shape", "dtype", "abs"])
def test_tensor_with_methods_of_its_own_does_not_run_them(name):
    trap = body(
        f"x = s.speed.clone()\nx.{name} = Trap()\nreturn {{'x': x}}", "class Trap:\n    def __call__(self): raise SystemExit"
    )
    try:
        assert called_often(trap)["x"].shape == (NUM_ENVS,)
    except CandidateFault as fault:  # where torch refuses the assignment
        assert fault.message.startswith("AttributeError")  # noqa: PT017


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("torch.zeros(a.shape[0], device='meta')", "on meta; it must be a plain tensor"),
        ("torch.zeros(a.shape[0]).to_sparse()", "torch.sparse_coo"),
    ],
)
def test_tensor_without_numbers_is_refused(value, part):
    assert part in refusal(body(f"return {{'x': {value}}}"))
