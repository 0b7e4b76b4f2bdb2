"""Curricula: the form is held to, stages move world by world, pay and input follow, and a policy leaves without any of it."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load

from sandbox.course import Course, Settings
from sandbox.faults import CandidateFault
from sandbox.policy import StackedPolicy, policy_shapes
from sandbox.stage_input import LANGUAGE_SIZE, LeavesStage, StageInput, hashed, without_stage
from sandbox.staged_world import StagedReward, StagedWorld
from sandbox.stages import LAST_PHASE, Dones, Plan
from tests.sandbox.frames import run_verb
from tests.sandbox.toy_world import EPISODE_STEPS, LineWorld

pytestmark = pytest.mark.worker

PLAIN = "def reward(s, a):\n    return {'near': -s.distance}\n"
NEAR = "def near(s):\n    '''Come near the target.'''\n    return s.distance < 0.5\n"
AT = "def at(s):\n    return s.distance < 0.1\n"
TWO = f"{PLAIN}{NEAR}{AT}STAGES = [Stage('near', near), Stage('at_target', at)]\n"
UP = "def reward(s, a):\n    return {'up': s.rod_upright}\n"
SPEC = LineWorld(2).spec


def course(source: str = TWO, policies: int = 1, worlds: int = 8, **settings) -> Course:
    return Course(source, SPEC, list(range(policies)), worlds, 0.99, Settings(**settings))


def played(source: str = TWO, steps: int = 400, worlds: int = 8, **settings) -> tuple[StagedWorld, list, list]:
    """Play towards the target; return the world, and every step's stages shown before it and terms paid."""
    world = StagedWorld(LineWorld(worlds), course(source, worlds=worlds, **settings))
    seen, shown, paid = world.reset([3]), [], []
    reward = StagedReward(world)
    for t in range(steps):
        shown.append(world.course._shown.clone())
        step = world.step(np.sign(seen[:, 1:2] - seen[:, 0:1]) * 0.5, t / steps)
        paid.append(reward.pay(step, torch.zeros(worlds, 1)).by_name())
        seen = step.observation
    return world, shown, paid


# The form -------------------------------------------------------------------------------------------------------------


def test_plan_has_names_shares_that_leave_the_last_phase_and_words():
    plan = Dones(TWO).plan
    assert plan.names == ("near", "at_target")
    assert plan.shares == pytest.approx(((1 - LAST_PHASE) / 2,) * 2)
    assert plan.words == ("near come near the target.", "at target")


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        ((0.1, None), (0.1, 0.7)),
        ((0.6, 0.6), (0.4, 0.4)),
        ((0.2, 0.3), (0.2, 0.3)),
        ((0.8, None), (0.8 / 0.85 * 0.8, 0.05 / 0.85 * 0.8)),
    ],
)
def test_shares_are_kept_filled_up_or_shrunk(given, shares):
    stages = ", ".join(f"Stage('s{k}', near, None, {share})" for k, share in enumerate(given))
    assert Dones(f"{PLAIN}{NEAR}STAGES = [{stages}]\n").plan.shares == pytest.approx(shares)


@pytest.mark.parametrize(
    ("stages", "complaint"),
    [
        ("STAGES = 3", "a int"),
        ("STAGES = []", "0 stages"),
        ("STAGES = [Stage('s%d' % k, near) for k in range(5)]", "5 stages"),
        ("STAGES = [('near', near)]", "write Stage"),
        ("STAGES = [Stage('not a name', near)]", "no identifier"),
        ("STAGES = [Stage('near', near), Stage('near', near)]", "same name"),
        ("STAGES = [Stage('near', 3)]", "no functions"),
        ("STAGES = [Stage('near', near, 3)]", "no functions"),
        ("STAGES = [Stage('near', near, None, 0.9)]", "share"),
        ("class S(str): pass\nSTAGES = [Stage(S('near'), near)]", "no identifier"),
    ],
)
def test_lists_that_are_no_stages_are_refused(stages, complaint):
    with pytest.raises(CandidateFault, match=complaint) as fault:
        Dones(f"{PLAIN}{NEAR}{stages}\n")
    assert fault.value.status == "rejected"


DONES = {
    "float": ("return -s.distance", "dtype torch.float32"),
    "shape": ("return (s.distance < 0.5).unsqueeze(1)", "shape"),
    "scalar": ("return (s.distance < 0.5).all()", "shape"),
    "no tensor": ("return True", "returned a bool"),
    "writes": ("s.distance.zero_()\n    return s.distance < 0.5", "wrote into s.distance"),
    "neighbours": ("return s.distance <= s.distance.median()", "other worlds"),
    "chance": ("return torch.rand(len(s.distance)) < 0.5", "changed"),
    "memory": ("CALLS.append(1)\n    return s.distance < (10 if len(CALLS) % 2 else -1)", "another answer"),
    "raises": ("return s.nowhere < 0.5", "no field 'nowhere'"),
    "leaves": ("raise SystemExit", "SystemExit"),
}


@pytest.mark.parametrize("fault", DONES)
def test_probe_holds_done_as_strictly_as_a_reward(fault):
    code, complaint = DONES[fault]
    field = "rod_upright"
    source = f"CALLS = []\n{UP}def bad(s):\n    {code}\nSTAGES = [Stage('bad', bad)]\n"
    sent = run_verb(
        {"verb": "probe", "world": "pendulum", "seed": 1, "entry": "reward"}, reward_py=source.replace("distance", field)
    )
    assert sent.result["status"] in ("rejected", "crashed")
    assert complaint.replace("distance", field) in sent.result["error"]


def test_probe_tells_how_often_each_stage_holds_in_random_play():
    source = f"{UP}def never(s):\n    return s.rod_upright > 9\nSTAGES = [Stage('never', never)]\n"
    sent = run_verb({"verb": "probe", "world": "pendulum", "seed": 1, "entry": "reward"}, reward_py=source)
    assert sent.result["stages"] == [{"name": "never", "held": 0.0}]


# The course -----------------------------------------------------------------------------------------------------------


def test_stages_follow_each_other_world_by_world_and_pay_a_bonus_once():
    _, shown, paid = played()
    none = 2
    bonus = torch.stack([terms["stage_bonus"] for terms in paid])
    stages = torch.stack(shown)
    assert set(stages.unique().tolist()) == {0, 1, none}
    assert (bonus[stages == none] == 0).all()
    assert 0 < float(bonus.max()) <= 0.2
    advanced = (stages[1:] == stages[:-1] + 1) & (stages[:-1] < none)
    assert (bonus[:-1][advanced] > 0).all()


def test_plain_terms_are_the_rewards_own_whatever_the_stage():
    _, _, paid = played(steps=5)
    assert set(paid[0]) == {"near", "stage_reward", "stage_bonus"}
    assert all((terms["near"] < 0).all() for terms in paid)
    assert all((terms["stage_reward"] == 0).all() for terms in paid)


def test_stage_with_a_reward_of_its_own_pays_that_alone():
    own = "def toward(s, a):\n    return {'closer': s.prev.distance - s.distance}\n"
    source = f"{PLAIN}{NEAR}{own}STAGES = [Stage('near', near, toward)]\n"
    _, shown, paid = played(source, steps=10)
    for stages, terms in zip(shown, paid, strict=True):
        assert (terms["near"][stages == 0] == 0).all()
        assert (terms["near"][stages == 1] != 0).all()
        assert (terms["stage_reward"][stages == 1] == 0).all()


def test_last_fifth_of_the_training_shows_no_subgoal():
    _, shown, paid = played(steps=400)
    late = int(400 * (1 - LAST_PHASE)) + 16
    assert all((stages == 2).all() for stages in shown[late:])
    assert all((terms["stage_bonus"] == 0).all() for terms in paid[late:])


def test_a_fifth_of_the_episodes_is_plain_and_a_fifth_stays_on_earlier_stages():
    made = course(worlds=2000)
    made.gates[0].level = 1
    made.begin()
    shares = [float((made._last == last).mean()) for last in (-1, 0, 1)]
    assert shares == pytest.approx([0.2, 0.2, 0.6], abs=0.04)


def test_impossible_stage_is_skipped_and_without_gates_it_is_not():
    source = f"{PLAIN}{AT}def never(s):\n    return s.distance < -1\nSTAGES = [Stage('never', never), Stage('at_target', at)]\n"
    world, _, _ = played(source, steps=2000)
    told = world.course.told(0)
    assert [stage["status"] for stage in told["stages"]] == ["skipped", "passed"]
    assert told["stages"][1]["retained"] > 0.9
    assert [event["what"] for event in told["events"]] == ["skipped", "passed"]
    stalled, shown, _ = played(source, steps=2000, gated=False)
    assert stalled.course.told(0)["events"] == []
    assert all((stages == 0).all() for stages in shown)


def test_stacked_policies_have_gates_of_their_own_and_one_alone_does_the_same():
    both = course(policies=2, worlds=16)
    both.begin()
    alone = Course(TWO, SPEC, [1], 8, 0.99, Settings())
    alone.begin()
    np.testing.assert_array_equal(both._last[8:], alone._last)
    both.gates[0].level = 1
    assert both.gates[1].level == 0


def test_new_stage_is_paid_with_the_spread_and_mean_of_the_old_one():
    own = "def tenfold(s, a):\n    return {'far': 5 - 10 * s.distance}\n"
    world, _, _ = played(f"{PLAIN}{NEAR}{AT}{own}STAGES = [Stage('near', near), Stage('at', at, tenfold)]\n", steps=64)
    pay = world.course._pay
    pay.rescale(0, 0, 1)
    assert float(pay._scale[0, 1]) == pytest.approx(0.1, rel=1e-3)
    assert float(pay._shift[0, 1]) == pytest.approx(-0.5, rel=1e-3)


def test_no_constant_is_added_where_episodes_can_end_early():
    own = "def tenfold(s, a):\n    return {'far': 5 - 10 * s.distance}\n"
    world, _, _ = played(f"{PLAIN}{NEAR}{AT}{own}STAGES = [Stage('near', near), Stage('at', at, tenfold)]\n", steps=64)
    pay = world.course._pay
    pay._ends_early[:] = True
    pay.rescale(0, 0, 1)
    assert float(pay._shift[0, 1]) == 0.0


@pytest.mark.parametrize("name", ["stage_reward", "stage_bonus"])
def test_terms_of_the_curriculum_cannot_be_forged(name):
    with pytest.raises(CandidateFault, match=name):
        played(TWO.replace("'near': -", f"'{name}': -"), steps=1)


# The input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "size"), [("index", 2), ("object", 1), ("position", 1), ("language", LANGUAGE_SIZE)])
def test_input_tells_the_stage_and_is_zero_without_a_subgoal(kind, size):
    world = StagedWorld(LineWorld(8), course(input=kind))
    world.reset([3])
    observation = world.step(np.zeros((8, 1))).observation
    told = torch.from_numpy(observation[:, 2:])
    assert told.shape == (8, size)
    none = world.course._shown == 2
    assert (told[none] == 0).all()
    assert (told[~none].abs().sum(1) > 0).all()


def test_texts_that_share_words_have_near_vectors():
    key, same, other = hashed("pick up the key"), hashed("pick up the red key"), hashed("walk to the goal")
    assert float(key.norm()) == pytest.approx(1.0)
    assert torch.equal(key, hashed("pick up the key"))
    assert float(key @ same) > float(key @ other) + 0.2


def test_unknown_input_is_refused():
    with pytest.raises(ValueError, match="index, object, position, language"):
        StageInput("colour", Plan(("a",), (0.8,), ("a",)), ())


def test_policy_without_the_input_acts_as_the_one_that_is_told_nothing():
    torch.manual_seed(0)
    policy = {name: torch.randn(3, *shape) for name, shape in policy_shapes(7, 2).items()}
    policy["normaliser.std"] = policy["normaliser.std"].abs() + 0.1
    observation = torch.randn(3, 5, 4)
    told_nothing = torch.cat([observation, torch.zeros(3, 5, 3)], dim=-1)
    expected = StackedPolicy(policy).act(told_nothing)
    torch.testing.assert_close(StackedPolicy(without_stage(policy, 3)).act(observation), expected)


def test_input_is_not_normalised():
    moments = LeavesStage(1, 3, 1)
    moments.update(torch.tensor([[[1.0, 5.0, 0.0], [3.0, 5.0, 1.0]]]))
    assert moments.mean[0, 2] == 0
    assert moments.variance[0, 2] == 1
    assert moments.mean[0, 0] == pytest.approx(2.0, rel=1e-3)


# In a training --------------------------------------------------------------------------------------------------------

CHEETAH = """
def reward(s, a):
    return {"run": s.torso_velocity[:, 0], "effort": -0.1 * a.square().sum(-1)}
def lifted(s):
    return s.torso_velocity[:, 0] > 0.3
def lift(s, a):
    return {"faster": 3 * s.torso_velocity[:, 0] - 1}
def fast(s):
    return s.torso_velocity[:, 0] > 0.5
STAGES = [Stage("lifted", lifted, lift, 0.1), Stage("fast", fast)]
"""


def train(**changes):
    before = changes.pop("checkpoint_safetensors", b"")
    job = {
        "verb": "train",
        "world": "half_cheetah",
        "seeds": [1, 2],
        "steps": 10 * 40 * 8,
        "fractions": [0.5, 1.0],
        "settings": {"num_envs": 8, "horizon": 40},
        "reward": {"kind": "code", "entry": "reward"},
        "stages": {"input": "position", "bonus": 0.2, "gated": True},
        **changes,
    }
    return run_verb(job, reward_py=CHEETAH, checkpoint_safetensors=before)


def test_policy_that_leaves_has_the_worlds_own_shape():
    sent = train()
    assert sent.result["status"] == "ok"
    assert list(load(sent.files["policy.safetensors"])["normaliser.mean"].shape) == [2, 2, 17]
    told = sent.result["stages"]
    assert [[stage["name"] for stage in policy["stages"]] for policy in told] == [["lifted", "fast"]] * 2
    assert [term["name"] for term in sent.result["traces"][0]] == ["run", "effort", "stage_reward", "stage_bonus"]
    assert len(json.dumps(told)) < 20_000


def test_resumed_curriculum_ends_bit_for_bit_as_one_that_never_stopped():
    whole = train()
    first = train(until=0.5)
    resumed = train(resume=True, checkpoint_safetensors=first.files["checkpoint.safetensors"])
    assert resumed.files == whole.files
    assert resumed.result["stages"] == whole.result["stages"]
    assert resumed.result["traces"] == whole.result["traces"]


def test_fault_in_a_stage_ends_a_training_as_the_candidates():
    bad = CHEETAH.replace("> 0.5", "> 0.5 if s.training_progress[0] < 0.5 else s.torso_velocity[:, 0]")
    job = {
        "verb": "train", "world": "half_cheetah", "seeds": [1], "steps": 4 * 8 * 8, "fractions": [1.0],
        "settings": {"num_envs": 8, "horizon": 8}, "reward": {"kind": "code", "entry": "reward"}, "stages": {"input": "index"},
    }  # fmt: skip
    sent = run_verb(job, reward_py=bad)
    assert sent.result["status"] == "rejected"
    assert "done of the stage 'fast' has dtype" in sent.result["error"]


def test_curriculum_solves_the_line_in_its_last_phase():
    assert EPISODE_STEPS == 20
    world, _, paid = played(steps=600)
    assert float(paid[-1]["near"].mean()) > -0.7
    assert world.course.gates[0].level == 2
