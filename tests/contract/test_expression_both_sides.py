"""The host's half of the expression contract: each text parses to the tree that the scorer's tests interpret."""

import json
from pathlib import Path

import pytest

from designer.check import check
from designer.expression import ELEMENTWISE, REDUCTIONS, TWO_VALUES, parse_episode, parse_step
from designer.proposers.torch_code import torch_code
from tests.designer.cheetah_table import cheetah_table

GOLDEN = json.loads((Path(__file__).parent / "expressions.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["episodes"], ids=lambda case: case["text"])
def test_episode_expression_parses_to_the_golden_tree(case):
    assert parse_episode(case["text"], cheetah_table()).tree == case["tree"]


@pytest.mark.parametrize("case", GOLDEN["steps"], ids=lambda case: case["text"])
def test_step_expression_parses_to_the_golden_tree(case):
    assert parse_step(case["text"], cheetah_table()).tree == case["tree"]


@pytest.mark.parametrize("case", GOLDEN["rewards"], ids=lambda case: case["text"])
def test_step_expression_is_written_as_the_golden_code_which_the_static_check_accepts(case):
    tree = parse_step(case["text"], cheetah_table()).tree
    assert tree == case["tree"]
    code = torch_code(tree, cheetah_table())
    assert code == case["code"]
    assert not check(f"import torch\n\n\ndef reward(s, a):\n    return {{'term': 2.0 * ({code})}}\n", cheetah_table())


def test_golden_trees_use_every_function():
    used = {name for case in GOLDEN["episodes"] for name in operations(case["tree"])}
    assert used >= {*REDUCTIONS, *ELEMENTWISE, *TWO_VALUES.values(), "norm", "action", "time", "dt", "length_s"}


def operations(tree):
    yield tree["op"]
    for arg in tree.get("args", []):
        yield from operations(arg)
