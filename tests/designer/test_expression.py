"""The fitness language: what parses, and that every mistake is named with its place and a way out."""

import ast

import pytest

from designer.errors import TaskError
from designer.expression import MAX_CHARACTERS, parse_episode, parse_step, parse_success
from designer.syntax import column, parse
from tests.designer.cheetah_table import cheetah_table

TABLE = cheetah_table()


def refusal(text: str, parser=parse_episode) -> str:
    with pytest.raises(TaskError) as caught:
        parser(text, TABLE)
    return str(caught.value)


def test_text_is_kept_and_the_tree_is_plain_json():
    parsed = parse_episode("  mean(-torso_velocity[x])\n", TABLE)
    assert parsed.text == str(parsed) == "mean(-torso_velocity[x])"
    component = {"op": "field", "name": "torso_velocity", "index": [0]}
    assert parsed.tree == {"op": "mean", "args": [{"op": "neg", "args": [component]}]}


def test_labels_and_numbers_name_the_same_component():
    by_label, by_text, by_number = ("mean(torso_velocity[z])", "mean(torso_velocity['z'])", "mean(torso_velocity[1])")
    assert parse_episode(by_label, TABLE).tree == parse_episode(by_number, TABLE).tree
    assert parse_episode(by_label, TABLE).tree == parse_episode(by_text, TABLE).tree


def test_lines_of_a_toml_text_are_joined():
    assert parse_episode("mean(torso_pitch)\n  - std(torso_pitch)", TABLE).tree["op"] == "-"


def test_mistyped_field_names_the_closest_and_the_column():
    message = refusal("1 + mean(torso_velocty[x])")
    assert "column 10: there is no field 'torso_velocty'. Did you mean torso_velocity? Fields: torso_position" in message


def test_column_counts_characters_not_bytes():
    text = "'µµ' + b"
    tree = parse(text, "eval")
    assert isinstance(tree, ast.Expression)
    assert isinstance(tree.body, ast.BinOp)
    assert column(tree.body.right, text) == 8


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("mean(torso_velocity[x]", "not valid Python"),
        ("mean(torso_pitch) # per step", "no comments"),
        ("torso_pitch", "needs a reduction such as mean(...)"),
        ("torso_velocity[x] > 1", "needs a reduction such as mean(...)"),
        ("mean(torso_pitch) + torso_pitch", "needs a reduction such as mean(...)"),
        ("3 + dt", "same for every policy"),
        ("mean(3)", "does not change from step to step"),
        ("mean(mean(torso_pitch))", "does not change from step to step"),
        ("mean(torso_velocity)", "write torso_velocity[x] or norm(torso_velocity)"),
        ("mean(action)", "write action[bthigh] or norm(action)"),
        ("mean(torso_velocity[y])", "has no component 'y' (x, z)"),
        ("mean(torso_velocity[2])", "numbered from 0: 2 is too large"),
        ("mean(torso_velocity[-1])", "a label (x, z) or a number from 0 to 1"),
        ("mean(torso_velocity[0, 1])", "takes 1 index."),
        ("mean(torso_velocity[:])", "a label (x, z)"),
        ("mean(torso_pitch[0])", "takes no index"),
        ("mean(joint_angles[bthig])", "Did you mean bthigh?"),
        ("mean(time[0])", "only fields and action have components"),
        ("mean((torso_pitch)[0][0])", "only fields and action"),
        ("mean(episode_time_s)", "called time here"),
        ("mean", "is a function: write mean(...)"),
        ("maen(torso_pitch)", "Did you mean mean?"),
        ("mean(torso_pitch, 1)", "mean takes one value, not 2"),
        ("min()", "min takes one value, or two, not 0"),
        ("clip(mean(torso_pitch), 1)", "clip takes 3 values, not 2"),
        ("mean(torso_pitch, axis=1)", "plain values only"),
        ("mean(*torso_pitch)", "plain values only"),
        ("norm(torso_pitch)", "write abs(torso_pitch)"),
        ("norm(torso_velocity[x])", "norm takes the name of one field"),
        ("norm(time)", "norm takes the name of one field"),
        ("mean(torso_pitch > 1)", "a number is wanted: use share(...)"),
        ("share(torso_pitch)", "a condition is wanted"),
        ("mean(where(torso_pitch, 1, 0))", "a condition is wanted"),
        ("not mean(torso_pitch)", "a condition is wanted"),
        ("mean(torso_pitch) and 1", "a condition is wanted"),
        ("(mean(torso_pitch) > 1) + 1", "a number is wanted"),
        ("mean(torso_pitch) ** 11", "exponent"),
        ("2 ** mean(torso_pitch)", "exponent"),
        ("mean(torso_pitch) ** 9 ** 9", "exponent"),
        ("mean(torso_pitch) ** True", "not a number"),
        ("mean(torso_pitch) % 2", "+ - * / **"),
        ("mean(torso_pitch) is 2", "< <= > >= == !="),
        ("+mean(torso_pitch)", "only - and not"),
        ("~mean(torso_pitch)", "only - and not"),
        ("mean(torso_pitch) + True", "not a number"),
        ("mean(torso_pitch) + 'a'", "not a number"),
        ("mean(torso_pitch) + 1j", "not a number"),
        ("mean(torso_pitch) + 1e999", "too large"),
        ("mean(torso_pitch) if 1 else 2", "IfExp is not part of the language"),
        ("lambda: 1", "Lambda is not part"),
        ("(x := 1)", "NamedExpr is not part"),
        ("[1]", "List is not part"),
        ("mean.__class__", "Attribute is not part"),
        ("().__class__.__bases__[0].__subclasses__()", "only the language's own functions"),
        ("__import__('os').system('true')", "only the language's own functions"),
        ("__import__('os')", "there is no function '__import__'"),
        ("f'{torso_pitch}'", "JoinedStr is not part"),
        ("1; 2", "not valid Python"),
        ("x = 1", "not valid Python"),
    ],
)
def test_mistake_is_named(text: str, part: str):
    assert part in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 900,
        "-" * 900 + "1",
        "abs(" * 100 + "1" + ")" * 100,
        "+".join(["dt"] * 200),
        "x" * (MAX_CHARACTERS + 1),
        "mean(torso_pitch)\0",
        "\ud800",
        "9" * 900,
        "mean(torso_velocity[" + "9" * 400 + "])",
        "'\\d'",
        "1if 1else 2",
    ],
)
def test_no_text_crashes_the_parser(text: str):
    assert refusal(text)


def test_success_must_be_true_or_false():
    assert parse_success("min(torso_position[z]) > 0.3", TABLE).tree["op"] == ">"
    assert "a success is true or false" in refusal("mean(torso_pitch)", parse_success)


def test_a_fitness_may_be_a_condition():
    assert parse_episode("last(torso_position[x]) > 5", TABLE).tree["op"] == ">"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("mean(torso_pitch)", "every step is paid"),
        ("length_s", "only when the episode has ended"),
        ("1.0", "same at every step"),
        ("torso_velocity", "write torso_velocity[x]"),
    ],
)
def test_a_sparse_reward_is_per_step(text: str, part: str):
    assert part in refusal(text, parse_step)


def test_long_text_is_cut_in_the_message():
    message = refusal("mean(torso_pitch) + " * 40 + "nothing")
    assert "[cut]" in message
    assert len(message) < 400
