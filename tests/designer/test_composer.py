"""What the composer writes: valid code in every world, different ideas, and both signs where none is given."""

import ast

import pytest
from composer_tables import ANT, HALF_CHEETAH, HOPPER, PENDULUM, POLE_ON_A_CART, TABLE_TOP, TABLES, brief, first_round, proposed

from designer.numbers import named_numbers
from designer.proposers import Slot
from designer.proposers.composer import Composer
from designer.proposers.composer.plan import understand
from designer.proposers.composer.signals import Signal
from designer.proposers.composer.terms import COSTS, Template
from designer.records import Verb

SENTENCES = (
    "make the half-cheetah run backward", "run forward as fast as possible without falling", "do a back flip", "turn around",
    "stand on its front legs", "lie down", "hop in place", "walk slowly to the left", "don't move", "balance upright",
    "push the cube to the goal", "reach the cube", "open the drawer", "lift the cube, avoid touching the goal",
    "dance", "", 'say "hello" \\ to\nthe """world""" ünïcode', "高く跳ぶ",
)  # fmt: skip


def state_reads(tree: ast.AST) -> set[str]:
    """Return every field that code reads as s.<field> or s.prev.<field>."""
    chains = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("s.")]
    return {ast.unparse(node).removeprefix("s.").removeprefix("prev.") for node in chains} - {"prev"}


def returned_names(function: ast.FunctionDef) -> list[str]:
    value = function.body[-1].value
    return [key.value for key in value.keys]


@pytest.mark.parametrize("world", TABLES)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_source_reads_known_fields_and_returns_distinct_terms(world, sentence):
    table = TABLES[world]
    for entry in first_round(table, sentence, 9):
        tree = ast.parse(entry.candidate.source)
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert [each.name for each in functions] in (["reward"], ["reward", "potential"])
        assert state_reads(tree) <= set(table.by_name)
        names = [name for function in functions for name in returned_names(function)]
        assert names
        assert len(names) == len(set(names))
        assert {node.func.value.id for node in ast.walk(tree) if is_library_call(node)} <= {"torch"}
        assert named_numbers(entry.candidate.source)
        assert entry.candidate.why


def is_library_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)


def test_the_sentence_is_the_docstring_whatever_it_contains():
    text = 'say "hello" \\ to """all"""'
    tree = ast.parse(first_round(HOPPER, text, 1)[0].candidate.source)
    assert ast.get_docstring(tree.body[-1]) == text


def test_run_backward_starts_with_the_plain_term_and_a_small_effort():
    entry = first_round(HALF_CHEETAH, "make the half-cheetah run backward", 1)[0]
    assert entry.candidate.source == (
        "import torch\nfrom torch import Tensor\n\n\n"
        "def reward(s: State, a: Tensor) -> dict[str, Tensor]:\n"
        '    """make the half-cheetah run backward"""\n'
        "    run_backward_weight = 0.667\n"
        "    effort_weight = 0.0267\n"
        "    run_backward = run_backward_weight * -s.torso_velocity[:, 0]\n"
        "    effort = -effort_weight * torch.square(a).sum(-1)\n"
        '    return {"run_backward": run_backward, "effort": effort}\n'
    )


def test_every_design_for_running_backward_pays_for_running_backward():
    for entry in first_round(HALF_CHEETAH, "make the half-cheetah run backward", 12):
        source = entry.candidate.source
        backward = ("-s.torso_velocity[:, 0]", "s.prev.torso_position[:, 0] - s.torso_position[:, 0]")
        assert any(code in source for code in backward)
        assert '"run_backward": run_backward' in source


@pytest.mark.parametrize("world", [HALF_CHEETAH, HOPPER, ANT])
def test_the_ideas_of_a_round_differ(world):
    whys = [entry.candidate.why for entry in first_round(world, "run forward", 8)]
    assert len(set(whys)) == 8
    shapes = {frozenset(named_numbers(e.candidate.source)) for e in first_round(world, "run forward", 4)}
    assert len(shapes) >= 3


def test_the_same_brief_and_slot_give_the_same_draft_and_another_seed_another():
    slot = Slot(round=1, sample=5, verb=Verb.INIT)
    one, same, other = (Composer().propose(brief(ANT, "run forward", seed=seed), slot) for seed in (1, 1, 2))
    assert one == same
    assert one.source != other.source


def test_fast_is_never_clipped_within_reach():
    for world in (HALF_CHEETAH, HOPPER, ANT):
        plan = understand("run forward fast", world)
        for term in plan.goals[0]:
            assert term.template in (Template.LINEAR, Template.CLIPPED, Template.DELTA)
            assert term.template is not Template.CLIPPED or term.ceiling >= 16 * term.signal.scale


def test_slowly_holds_a_speed_instead():
    plan = understand("walk forward slowly", HALF_CHEETAH)
    assert plan.goals[0][0].template is Template.TOLERANCE
    assert plan.goals[0][0].target == pytest.approx(0.3 * 1.5)


def test_full_effort_costs_less_than_the_goal_pays_at_its_scale():
    for world in TABLES.values():
        effort = next(ways for ways in understand("run", world).palette if ways[0].name == "effort")[0]
        most = max(world.action.high) ** 2 * len(world.action.high)
        assert effort.template in COSTS
        assert effort.weight * most < 0.3


# Words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "sentence", "primary"),
    [
        (HALF_CHEETAH, "make the half-cheetah run backward", "run_backward"),
        (HALF_CHEETAH, "go as fast as possible", "move_forward"),
        (HALF_CHEETAH, "do a backflip", "back_flip"),
        (HALF_CHEETAH, "keep the torso low while running", "run_forward"),
        (HALF_CHEETAH, "do not move", "still"),
        (HALF_CHEETAH, "stop running", "still"),
        (HOPPER, "hop as high as it can", "hop"),
        (HOPPER, "Hop forward as fast as you can without falling.", "hop_forward"),
        (ANT, "turn to the right", "turn_right"),
        (ANT, "run to the left", "run_left"),
        (ANT, "walk along -x", "walk_minus_x"),
        (PENDULUM, "Swing the pendulum up and keep it upright.", "upright"),
        (TABLE_TOP, "reach the cube", "near_gripper_to_cube"),
        (TABLE_TOP, "open the drawer", "drawer_open_bonus"),
    ],
)
def test_words_lead_to_a_primary_goal(world, sentence, primary):
    plan = understand(sentence, world)
    assert plan.goals[0][0].name == primary
    assert not plan.blind


def test_hopping_is_going_up_and_down_and_hopping_high_is_height():
    hop, high = (understand(sentence, HOPPER).goals[0] for sentence in ("hop on the spot", "hop as high as it can"))
    assert {term.signal.code for term in hop} == {"torch.abs({s}.torso_velocity[:, 1])"}
    assert {term.signal.code for term in high} == {"{s}.torso_position[:, 1]"}


def test_in_the_middle_is_a_place_and_never_a_height():
    goals = understand("balance the pole with the cart in the middle of the rail", POLE_ON_A_CART).goals
    assert [ways[0].name for ways in goals] == ["centred", "upright"]
    assert {term.signal.code for term in goals[0]} == {"{s}.cart_position"}
    assert all(term.template is Template.TOLERANCE for term in goals[0])
    assert understand("crouch in the middle", ANT).goals[0][0].signal.label == "torso_position_x"


@pytest.mark.parametrize("sentence", ["brunch at the turnpike", "a rupture", "straighten its back", "upsell"])
def test_words_match_whole_tokens_only(sentence):
    assert understand(sentence, HALF_CHEETAH).blind


def test_a_sign_that_the_table_states_is_read_from_it():
    assert understand("do a back flip", HALF_CHEETAH).goals[0][0].sign == -1
    assert understand("do a front flip", HALF_CHEETAH).goals[0][0].sign == 1
    assert understand("rotate counter-clockwise", PENDULUM).goals[0][0].sign == 1
    assert not understand("make it run backward", HALF_CHEETAH).is_ambiguous


def test_a_flip_is_never_asked_to_stay_level():
    styles = {ways[0].name for ways in understand("do a back flip", HALF_CHEETAH).palette}
    assert not styles & {"level", "steady", "tall", "no_bounce"}


def test_without_falling_adds_a_style_and_leaves_the_goal():
    plan = understand("run without falling", HOPPER)
    assert [ways[0].name for ways in plan.goals] == ["run_forward"]
    assert "upright" in [ways[0].name for ways in plan.asked]


def test_a_chain_gates_the_second_distance_by_the_first():
    source = first_round(TABLE_TOP, "push the cube to the goal", 2)[1].candidate.source
    assert "near_cube_to_goal_share = near_gripper_to_cube_share * (1.0 - torch.tanh(s.cube_to_goal" in source


def test_words_that_mean_nothing_here_are_searched_blindly():
    entries = first_round(TABLE_TOP, "sing a song", 3)
    assert all(e.candidate.why.startswith("task words not understood: searching blindly") for e in entries)
    assert all("mood" not in e.candidate.source for e in entries)
    read = set().union(*(state_reads(ast.parse(e.candidate.source)) for e in entries))
    assert read >= {"gripper_to_cube", "drawer_open", "cube_to_goal"}


# Signs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("world", "sentence"), [(HALF_CHEETAH, "flip"), (ANT, "turn around"), (ANT, "walk sideways")])
def test_an_ambiguous_sign_comes_in_mirrored_pairs(world, sentence):
    entries = first_round(world, sentence, 8)
    for even, odd in zip(entries[::2], entries[1::2], strict=True):
        plus, minus = even.candidate.source.splitlines(), odd.candidate.source.splitlines()
        changed = [(one, other) for one, other in zip(plus, minus, strict=True) if one != other]
        assert len(changed) == 1
        assert named_numbers(even.candidate.source) == named_numbers(odd.candidate.source)
        assert odd.candidate.id in even.candidate.why
        assert even.candidate.id in odd.candidate.why


def test_a_blind_round_also_tries_both_signs():
    first, second = first_round(HALF_CHEETAH, "dance", 2)
    assert "* s.torso_velocity[:, 0]" in first.candidate.source
    assert "* -s.torso_velocity[:, 0]" in second.candidate.source


def test_an_unambiguous_task_spends_no_sample_on_the_other_sign():
    sources = [entry.candidate.source for entry in first_round(HALF_CHEETAH, "run backward", 6)]
    assert not any("* s.torso_velocity[:, 0]" in source for source in sources)


def test_later_rounds_differ_from_the_first():
    before = brief(HALF_CHEETAH, "run backward")
    later = [proposed(before, Slot(round=2, sample=n, verb=Verb.INIT)).candidate.source for n in range(4)]
    assert len(set(later)) == 4
    assert not set(later) & {entry.candidate.source for entry in first_round(HALF_CHEETAH, "run backward", 4)}


def test_a_quantity_that_only_rounding_moves_has_no_scale_of_its_own():
    assert Signal("still", "joint_position", "rad", "{s}.still", -3e-13, 1e-13).scale == 1.0
    assert Signal("slow", "joint_position", "rad", "{s}.slow", -0.01, 0.02).scale == 0.02
