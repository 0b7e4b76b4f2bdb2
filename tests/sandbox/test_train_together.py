"""Several candidates in one process: each learns what it would have learnt alone, and one that fails touches no other."""

import json

import pytest
import torch
from safetensors.torch import load

from tests.sandbox.frames import Sent, run_verb

pytestmark = pytest.mark.worker

FORWARD = "def reward(s, a):\n    return {'run': s.torso_velocity[:, 0], 'effort': -0.1 * a.square().sum(-1)}\n"
UPRIGHT = """
def reward(s, a):
    return {"flat": -s.torso_pitch.abs()}

def potential(s):
    return {"late": s.training_progress * s.episode_time_s}
"""
LATER = """def reward(s, a):
    if float(s.training_progress[0]) > {at}:
        {what}
    return {{"still": -a.abs().sum(-1)}}
"""
RAISES = LATER.format(at=0.3, what="raise ValueError('enough')")
TURNS_NAN = LATER.format(at=0.3, what="return {'still': a[:, 0] / 0}")
HANGS = LATER.format(at=0.3, what="[1 for _ in iter(int, 1)]")
SWALLOWS = LATER.format(
    at=0.3,
    what="""try:
            [1 for _ in iter(int, 1)]
        except BaseException:
            return {'still': -a.abs().sum(-1)}""",
)
BROKEN = "def reward(s, a:\n"
JOB = {
    "world": "half_cheetah",
    "seeds": [3, 4],
    "steps": 4 * 40 * 4,
    "fractions": [0.25, 1.0],
    "settings": {"num_envs": 4, "horizon": 40},
}
HALF = {"until": 0.5, "fractions": [0.25, 0.5]}
REST = {"resume": True, "fractions": [1.0]}


def together(*sources: str, reward_cpu_s: float = 60.0, checkpoints=(), **changes) -> Sent:
    job = {
        "verb": "train_together",
        "candidates": len(sources),
        "entry": "reward",
        "reward_cpu_s": reward_cpu_s,
        **JOB,
        **changes,
    }
    files = {f"reward-{k}_py": source for k, source in enumerate(sources)}
    files |= {f"checkpoint-{k}_safetensors": left for k, left in enumerate(checkpoints)}
    return run_verb(job, **files)


def alone(source: str, checkpoint: bytes = b"", **changes) -> Sent:
    job = {"verb": "train", "reward": {"kind": "code", "entry": "reward"}, **JOB, **changes}
    return run_verb(job, reward_py=source, checkpoint_safetensors=checkpoint)


def assert_same_training(sent: Sent, k: int, expected: Sent) -> None:
    """Candidate k's policies, curves and traces are those of its training alone, but for float rounding."""
    found = load(sent.files[f"policy-{k}.safetensors"])
    for name, tensor in load(expected.files["policy.safetensors"]).items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-4, msg=name)
    curves = [json.loads(line) for line in sent.files[f"curves-{k}.jsonl"].splitlines()]
    for line, right in zip(curves, map(json.loads, expected.files["curves.jsonl"].splitlines()), strict=True):
        assert line["steps"] == right["steps"]
        assert line["std"] == pytest.approx(right["std"], rel=1e-3)
    for mine, theirs in zip(sent.result["candidates"][k]["traces"], expected.result["traces"], strict=True):
        assert [trace["name"] for trace in mine] == [trace["name"] for trace in theirs]
        assert mine[0]["mean"] == pytest.approx(theirs[0]["mean"], rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    ("bad", "status", "says"),
    [
        (RAISES, "crashed", "ValueError: enough"),
        (TURNS_NAN, "non_finite", "NaN or infinity"),
        (HANGS, "timed_out", "it may use 0.5 s"),
        (SWALLOWS, "timed_out", "it may use 0.5 s"),
        (BROKEN, "crashed", "SyntaxError"),
    ],
    ids=["raises", "NaN", "hangs", "swallows the interruption", "no Python"],
)
def test_failing_candidate_is_recorded_and_the_good_one_beside_it_learns_what_it_learns_alone(bad, status, says):
    sent = together(FORWARD, bad, UPRIGHT, reward_cpu_s=0.5)
    first, failed, last = sent.result["candidates"]
    assert (failed["status"], says in failed["error"]) == (status, True), failed
    assert "policy-1.safetensors" not in sent.files
    assert (first["status"], last["status"]) == ("ok", "ok")
    assert_same_training(sent, 0, alone(FORWARD))
    assert_same_training(sent, 2, alone(UPRIGHT))


def test_candidate_whose_weights_diverge_is_given_up_alone(monkeypatch):
    from sandbox.ppo import PPO

    learn = PPO.update

    def diverging(self, observation):
        statistics = learn(self, observation)
        if self.policies == 4:
            self.networks.flat[0, 3] = float("nan")
        return statistics

    monkeypatch.setattr(PPO, "update", diverging)
    sent = together(FORWARD, UPRIGHT)
    assert [each["status"] for each in sent.result["candidates"]] == ["ok", "non_finite"]
    assert_same_training(sent, 0, alone(FORWARD))


def test_training_ends_where_everybody_failed():
    sent = together(BROKEN, RAISES)
    assert sent.result["steps"] < JOB["steps"]
    assert [each["status"] for each in sent.result["candidates"]] == ["crashed", "crashed"]
    assert sent.result["status"] == "ok", "the box did what it was to do"


def test_line_of_a_fault_is_that_of_the_candidates_file():
    assert together(FORWARD, RAISES).result["candidates"][1]["line"] == 3


def test_those_that_go_on_after_a_pause_end_as_if_there_had_been_none():
    paused = together(FORWARD, RAISES, UPRIGHT, **HALF)
    left = [paused.files[f"checkpoint-{k}.safetensors"] for k in (0, 2)]
    resumed = together(FORWARD, UPRIGHT, checkpoints=left, **REST)
    for k, source in enumerate((FORWARD, UPRIGHT)):
        whole = alone(source, fractions=[1.0])
        assert_same_training(resumed, k, whole)
    assert_same_training(together(UPRIGHT, checkpoints=left[1:], **REST), 0, alone(UPRIGHT, fractions=[1.0]))


def test_one_that_was_paused_beside_others_may_go_on_alone():
    paused = together(FORWARD, UPRIGHT, **HALF)
    resumed = alone(UPRIGHT, paused.files["checkpoint-1.safetensors"], **REST)
    expected = alone(UPRIGHT, fractions=[1.0])
    found = load(resumed.files["policy.safetensors"])
    for name, tensor in load(expected.files["policy.safetensors"]).items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


def test_trainings_that_were_paused_at_other_steps_are_not_stacked():
    early = together(FORWARD, until=0.25, fractions=[0.25]).files["checkpoint-0.safetensors"]
    late = together(FORWARD, **HALF).files["checkpoint-0.safetensors"]
    with pytest.raises(ValueError, match="not paused at the same step"):
        together(FORWARD, FORWARD, checkpoints=(early, late), **REST)
