"""The probe: a reward that looks at more than its arguments, or changes them, is refused with the right sentence."""

import math
import textwrap

import pytest
import torch

from sandbox.probe import NUM_ENVS, STEPS, random_play
from tests.sandbox.frames import run_verb

pytestmark = pytest.mark.worker

SEED = 3
IMPORTS = "import torch\n"


@pytest.fixture(autouse=True)
def _torch_as_it_was():
    """What a probed reward did to torch ends with its box; here it must end with the test."""
    dtype, threads, gradients = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()
    yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)
    torch.set_grad_enabled(gradients)


def probed(source: str):
    job = {"verb": "probe", "world": "pendulum", "seed": SEED, "entry": "reward"}
    return run_verb(job, reward_py=IMPORTS + textwrap.dedent(source)).result


def reward(body: str, before: str = "") -> str:
    return f"{before}\ndef reward(s, a):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"


def test_good_reward_passes_and_is_summarised():
    result = probed(reward("return {'upright': s.rod_upright, 'effort': -0.01 * a.square().sum(-1)}"))
    assert result["status"] == "ok"
    assert result["error"] == ""
    assert result["transitions"] == NUM_ENVS * STEPS
    assert result["call_s"] > 0
    upright, effort = result["terms"]
    assert (upright["name"], effort["name"]) == ("upright", "effort")
    assert -1 <= upright["low"] < upright["mean"] < upright["high"] <= 1
    assert -0.04 <= effort["low"] < effort["high"] <= 0
    assert all(math.isfinite(number) for term in (upright, effort) for number in (term["mean"], term["std"]))


def test_summary_is_of_the_same_transitions_for_every_candidate():
    actions = torch.cat([t.action[:, 0] for t in random_play("pendulum", SEED).transitions])
    (term,) = probed(reward("return {'torque': a[:, 0]}"))["terms"]
    assert term["mean"] == pytest.approx(float(actions.mean()))
    assert term["std"] == pytest.approx(float(actions.std()))
    assert (term["low"], term["high"]) == (float(actions.min()), float(actions.max()))


@pytest.mark.parametrize(
    "body",
    [
        "x = s.rod_angle.clone()\nx += 1\nreturn {'x': x}",
        "return {'x': s.rod_upright - s.prev.rod_upright, 'y': s.tip_position.norm(dim=-1)}",
        "return {'x': s.episode_time_s, 'y': s.training_progress}",
        "return {'x': torch.zeros(a.shape[0])}",
    ],
)
def test_honest_reward_passes(body):
    assert probed(reward(body))["status"] == "ok"


TWICE = "term 'x' gave another answer when asked twice; it must depend on its arguments alone"
OTHERS = "term 'x' depends on the other worlds or their order; each world must be paid on its own"


def wrote(where: str) -> str:
    return f"the reward wrote into {where}; it must compute new tensors instead"


def changed(what: str) -> str:
    return f"the reward changed {what}; it must leave its surroundings as they are"


SINGLE = "    return {'x': s.rod_upright}"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (reward("calls.append(0)\nreturn {'x': s.rod_upright + len(calls)}", "calls = []"), TWICE),
        (reward("return {'x': s.rod_upright + torch.rand(a.shape[0])}"), changed("torch's random numbers")),
        (reward("global best\nbest = torch.maximum(best, s.rod_upright.max())\nreturn {'x': best - s.rod_upright}",
                "best = torch.tensor(-1.0)"), TWICE),
        (reward("return {'x': s.rod_upright.cumsum(0)}"), OTHERS),
        (reward("return {'x': s.rod_upright - s.rod_upright.mean()}"), OTHERS),
        (reward("return {'x': (s.rod_upright - s.rod_upright.mean()) / s.rod_upright.std()}"), OTHERS),
        (reward("return {'x': torch.softmax(s.rod_upright, 0)}"), OTHERS),
        (reward("return {'x': torch.arange(a.shape[0]) * 0.1}"), OTHERS),
        (reward("return {'x': s.rod_upright.mul_(2)}"), wrote("s.rod_upright")),
        (reward("return {'x': s.prev.rod_upright.mul_(0)}"), wrote("s.prev.rod_upright")),
        (reward("s.tip_position[:, 0] = 0\nreturn {'x': s.rod_upright}"), wrote("s.tip_position")),
        (reward("s.episode_time_s.zero_()\nreturn {'x': s.rod_upright}"), wrote("s.episode_time_s")),
        (reward("s.training_progress.fill_(1)\nreturn {'x': s.rod_upright}"), wrote("s.training_progress")),
        (reward("a.clamp_(0, 1)\nreturn {'x': s.rod_upright}"), wrote("a")),
        (reward("return {'x': s.rod_upright}", "torch.set_default_dtype(torch.float64)"), changed("torch's default dtype")),
        (reward("torch.set_num_threads(torch.get_num_threads() + 1)\nreturn {'x': s.rod_upright}"),
         changed("torch's number of threads")),
        (reward("return {'x': s.rod_upright}", "torch.manual_seed(1234567)"), changed("torch's random numbers")),
    ],
)  # fmt: skip
def test_reward_that_breaks_the_contract_is_refused_with_its_sentence(source, error):
    result = probed(source)
    assert (result["status"], result["error"]) == ("rejected", error)
    assert "terms" not in result


def test_batch_size_may_not_be_written_down():
    # a training has more worlds than the probe
    result = probed(reward(f"return {{'x': s.rod_upright + torch.zeros({NUM_ENVS})}}"))
    assert (result["status"], result["line"]) == ("crashed", 4)


def test_exception_is_told_with_its_line():
    result = probed(reward("x = 1\nreturn {'x': s.upright}"))
    assert (result["status"], result["line"]) == ("crashed", 5)
    assert "Did you mean s.rod_upright?" in result["error"]


def test_broken_file_is_told_with_its_line():
    result = probed("def reward(s, a)\n    return {}\n")
    assert (result["status"], result["line"]) == ("crashed", 2)
