"""Rewards that fade, discounts that reach further, a hidden clock: what they pay, and that a pause changes nothing."""

import numpy as np
import pytest
import torch

from sandbox.aids import Aids, Seen
from sandbox.course import Course
from sandbox.course import Settings as CourseSettings
from sandbox.fading import GOAL, Anneal, Discount, rising
from sandbox.faults import CandidateFault
from sandbox.ppo import PPO, Settings
from sandbox.solved import solved_in
from sandbox.terms import Terms
from tests.sandbox.frames import run_verb
from tests.sandbox.toy_world import LineWorld

pytestmark = pytest.mark.worker

PLAIN = "def reward(s, a):\n    return {'near': -s.distance, 'one': torch.ones_like(s.distance)}\n"
SOLVABLE = f"{PLAIN}def solved(s):\n    return s.distance < 0.3\n"
RUN = "def reward(s, a):\n    return {'run': s.torso_velocity[:, 0]}\ndef solved(s):\n    return s.torso_velocity[:, 0] > 0.3\n"
STAGED = f"{RUN}def faster(s):\n    return s.torso_velocity[:, 0] > 0.1\nSTAGES = [Stage('faster', faster)]\n"


def a_step(worlds: int = 8):
    world = LineWorld(worlds)
    world.reset([3])
    return world.step(np.zeros((worlds, 1)), 0.0)


def train(source: str = RUN, **changes):
    before = changes.pop("checkpoint_safetensors", b"")
    job = {
        "verb": "train",
        "world": "half_cheetah",
        "seeds": [1, 2],
        "steps": 8 * 16 * 8,
        "fractions": [0.5, 1.0],
        "settings": {"num_envs": 8, "horizon": 16},
        "reward": {"kind": "code", "entry": "reward"},
        "aids": {"anneal": {"share": 0.5, "goal": 2.0}, "discount": {"kind": "rising", "first": 0.8, "share": 0.5}},
        **changes,
    }
    return run_verb(
        {name: value for name, value in job.items() if value is not None}, reward_py=source, checkpoint_safetensors=before
    )


# The reward -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("progress", "left"), [(0.0, 1.0), (0.25, 0.5), (0.5, 0.0), (0.9, 0.0)])
def test_all_terms_fade_and_the_solved_task_is_paid_all_along(progress, left):
    step, solved = a_step(), solved_in(SOLVABLE)
    terms = Terms(("near", "one"), torch.stack([-step.state.distance, torch.ones(8)]))
    paid = Aids([Anneal(0.5, 2.0, 1, solvable=True)], solved).pay(terms, step, progress).by_name()
    torch.testing.assert_close(paid["one"], torch.full((8,), left))
    torch.testing.assert_close(paid["near"], -step.state.distance * left)
    torch.testing.assert_close(paid[GOAL], 2.0 * (step.state.distance < 0.3))
    assert 0 < int((paid[GOAL] > 0).sum()) < 8


def test_nothing_fades_where_a_file_does_not_say_what_solved_is():
    anneal, step = Anneal(0.5, 2.0, 1, solvable=False), a_step()
    terms = Terms(("one",), torch.ones(1, 8))
    assert solved_in(PLAIN) is None
    assert anneal.pay(terms, Seen(step, None, None, 0.9)) is terms
    anneal.before(0.9, None)
    assert anneal.values() == [1.0]


def test_term_of_the_harness_cannot_be_forged():
    step = a_step()
    with pytest.raises(CandidateFault, match=GOAL):
        Anneal(0.5, 1.0, 1, solvable=True).pay(
            Terms((GOAL,), torch.ones(1, 8)), Seen(step, torch.ones(8) > 0, torch.ones(8) > 0, 0.1)
        )


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("def solved(s):\n    return s.rod_upright", "dtype"),
        ("def solved(s):\n    return s.rod_upright > s.rod_upright.median()", "other worlds"),
        ("def solved(s):\n    return s.nowhere > 0", "no field"),
        ("solved = 3", "a int"),
        ("def solved(s, slack):\n    return slack > slack.median()", "other worlds"),
        ("def solved(s, slack):\n    return s.rod_upright > slack - 0.5", "must widen the condition"),
    ],
)
def test_probe_holds_solved_as_strictly_as_a_reward(code, complaint):
    source = f"def reward(s, a):\n    return {{'up': s.rod_upright}}\n{code}\n"
    sent = run_verb({"verb": "probe", "world": "pendulum", "seed": 1, "entry": "reward"}, reward_py=source)
    assert sent.result["status"] in ("rejected", "crashed")
    assert complaint in sent.result["error"]


# The discount -----------------------------------------------------------------------------------------------------------


def test_horizon_rises_by_equal_factors_and_ends_at_the_settings_discount():
    horizons = [1 / (1 - rising(0.9, 0.99, share)) for share in (0, 0.5, 1)]
    assert horizons == pytest.approx([10, 10**1.5, 100])


def test_ads_reaches_as_far_as_the_stages_that_a_policy_has_mastered():
    source = f"{PLAIN}def near(s):\n    return s.distance < 0.5\ndef at(s):\n    return s.distance < 0.1\n"
    source += "STAGES = [Stage('near', near), Stage('at', at)]\n"
    course = Course(source, LineWorld(2).spec, [0, 1], 8, 0.99, CourseSettings())
    discount = Discount("ads", 0.8, 0.5, 0.99, 2, course)
    learner = PPO(2, 1, [0, 1], Settings(num_envs=4, horizon=4))
    discount.before(0.1, learner)
    assert discount.values() == [0.8, 0.8]
    place = course._attempts.begin(0, 0)
    course._attempts.end(0, place, 10)
    course.gates[0].status[0], course.gates[0].level = "passed", 1
    discount.before(0.2, learner)
    assert discount.values() == pytest.approx([0.5 ** (1 / 10), 0.8])
    assert learner.gamma.shape == (2, 1)
    course.gates[1].dropped = True
    discount.before(0.3, learner)
    assert discount.values()[1] == 0.99
    discount.before(0.85, learner)
    assert discount.values() == [0.99, 0.99]


def test_discount_of_each_policy_does_what_the_settings_one_does():
    """The tensor path (P, 1) computes what the plain number does."""
    learners = [PPO(2, 1, [0, 1], Settings(num_envs=4, horizon=4)) for _ in range(2)]
    learners[1].gamma = torch.full((2, 1), 0.99)
    dice = torch.Generator().manual_seed(1)
    drawn = [torch.randn(2, 4, 2, generator=dice) for _ in range(5)]
    rewards, late = torch.randn(4, 2, 4, generator=dice), torch.tensor([[False, True, False, False]] * 2)
    said = []
    for learner in learners:
        for t in range(4):
            learner.act(drawn[t])
            learner.record(rewards[t], torch.zeros(2, 4) > 0, late, drawn[t + 1])
        said.append(learner._batch(drawn[4]))
    torch.testing.assert_close(said[0].advantage, said[1].advantage)
    torch.testing.assert_close(said[0].target, said[1].target)


# In a training ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stages", [None, {"input": "index", "bonus": 0.2, "gated": True}])
def test_resumed_training_ends_bit_for_bit_as_one_that_never_stopped(stages):
    source = STAGED if stages else RUN
    aids = {"anneal": {"share": 0.6, "goal": 1.0}, "discount": {"kind": "ads", "first": 0.8, "share": 0.5}}
    whole = train(source, stages=stages, aids=aids)
    first = train(source, stages=stages, aids=aids, until=0.5)
    resumed = train(source, stages=stages, aids=aids, resume=True, checkpoint_safetensors=first.files["checkpoint.safetensors"])
    assert whole.result["status"] == "ok"
    assert resumed.files == whole.files
    assert resumed.result["aids"] == whole.result["aids"]


def test_box_tells_each_aids_coefficient_and_its_goal_is_a_term():
    sent = train()
    anneal, discount = sent.result["aids"][0]
    assert (anneal["name"], discount["name"]) == ("dense reward", "discount")
    assert anneal["value"] == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0, 0, 0])
    assert discount["value"][0] == pytest.approx(0.8)
    assert discount["value"][-1] == pytest.approx(0.99)
    assert [term["name"] for term in sent.result["traces"][0]] == ["run", GOAL]


def test_reward_without_a_clock_sees_the_training_at_its_end():
    source = "def reward(s, a):\n    return {'late': s.training_progress, 'prev': s.prev.training_progress}\n"
    sent = train(source, aids={"timeless": True})
    for term in sent.result["traces"][0]:
        assert (term["low"], term["high"]) == (1.0, 1.0)
    assert train(source, aids=None).result["traces"][0][0]["high"] < 1


def test_timeless_training_by_stages_keeps_the_course_of_its_clock():
    sent = train(STAGED, stages={"input": "index", "bonus": 0.2, "gated": True}, aids={"timeless": True})
    points = sent.result["stages"][0]["points"]
    assert points[0]["at"] < 0.5
    assert points[0]["level"] == 0
