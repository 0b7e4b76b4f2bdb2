"""The terms of a reward, found and taken out without running it."""

import pytest

from designer.terms import term_names, without_term

SOURCE = """def reward(s, a):
    run = s.speed  # forward
    return {"run": run, "effort": -0.01 * a.square().sum(-1), "é": run * 2}
"""


def test_terms_are_named_in_order():
    assert term_names(SOURCE) == ("run", "effort", "é")


@pytest.mark.parametrize("name", ["run", "effort", "é"])
def test_a_term_is_taken_out_and_nothing_else(name):
    left = without_term(SOURCE, name)
    assert term_names(left) == tuple(other for other in term_names(SOURCE) if other != name)
    assert left.splitlines()[:2] == SOURCE.splitlines()[:2]
    compile(left, "reward.py", "exec")


def test_terms_that_are_no_literal_have_no_names():
    assert term_names("def reward(s, a):\n    terms = {}\n    return terms\n") == ()
    assert term_names("not python") == ()


def test_the_last_term_stays():
    with pytest.raises(ValueError, match="can't be taken out"):
        without_term("def reward(s, a):\n    return {'run': s.speed}\n", "run")
