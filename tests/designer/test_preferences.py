"""Answers become strengths: who was preferred, how sure that is, which circles there are, whom to believe, what to ask next."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from designer.preferences.asking import information, next_order, next_pair, question
from designer.preferences.cycles import cycles
from designer.preferences.pairs import Pair, noise_of, pairs_of, rankings
from designer.preferences.reliability import kept_apart, sifted
from designer.preferences.simulated import answer, answers
from designer.preferences.strength import fitted, logistic, strengths, wins_of
from designer.records import Ranking, Saying

NAMES = ("a", "b", "c", "d")


def said(*shown: str, places: tuple[int, ...] = (0, 1), by: str = "ann", id: str = "1", bad: bool = False) -> Saying:
    return Saying(id=id, kind="rank", by=by, ranking=Ranking(shown=shown, places=places, bad=bad))


def pair(better: str, worse: str, rater: str = "ann", tie: bool = False) -> Pair:
    return Pair(better, worse, tie, rater, "1")


def noisy(count: int, flipped: float, rater: str, seed: int, names=tuple(f"n{k}" for k in range(10))) -> list[Pair]:
    """Answers of a rater whose order is the names', some of them the wrong way round."""
    dice = random.Random(seed)
    found = []
    for _ in range(count):
        better, worse = sorted(dice.sample(names, 2))
        found.append(pair(worse, better, rater) if dice.random() < flipped else pair(better, worse, rater))
    return found


def test_an_order_of_four_holds_six_pairs():
    found = pairs_of([said("c", "a", "d", "b", places=(2, 0, 3, 1))])
    assert {(p.better, p.worse) for p in found} == set(combinations("abcd", 2))


def test_same_is_a_tie_and_what_cannot_be_told_is_nothing():
    assert [p.tie for p in pairs_of([said("a", "b", places=(0, 0))])] == [True]
    assert pairs_of([said("a", "b", places=())]) == []


def test_an_answer_that_was_taken_back_does_not_count():
    answer, back = said("a", "b", id="x"), Saying(id="y", kind="undo", name="x")
    assert rankings([answer, back]) == []


def test_one_clip_shown_twice_measures_the_rater_and_no_candidate():
    told_apart, same = said("a", "a"), said("a", "a", places=(0, 0))
    assert noise_of([told_apart, same, said("a", "b")], "ann") == (2, 1)
    assert pairs_of([told_apart, same]) == []


def test_strengths_are_where_the_likelihood_has_its_mode():
    """Two candidates, three wins to one, a flat prior: the difference is log 3."""
    found = strengths(("a", "b"), [pair("a", "b")] * 3 + [pair("b", "a")], prior_sd=1000)
    assert found.of("a") - found.of("b") == pytest.approx(1.0986, abs=1e-3)
    assert found.wins("a", "b") == pytest.approx(0.75, abs=1e-3)
    assert found.spread("a", "b") == pytest.approx((1 / (4 * 0.75 * 0.25)) ** 0.5, abs=1e-2)


def test_more_answers_make_a_strength_surer():
    few, many = strengths(NAMES, [pair("a", "b")]), strengths(NAMES, [pair("a", "b"), pair("b", "a")] * 20)
    assert many.spread("a", "b") < few.spread("a", "b")
    assert many.spread("c", "d") == pytest.approx(few.spread("c", "d"))


def test_somebody_who_wins_everything_stays_finite():
    found = strengths(NAMES, [pair("a", other) for other in "bcd"] * 50)
    assert 0 < found.of("a") < 10


def test_a_tie_pulls_together():
    names = ("a", "b")
    assert fitted(names, wins_of(names, [pair("a", "b", tie=True)] * 5)).of("a") == pytest.approx(0)


def test_rock_paper_scissors_is_reported_as_a_circle():
    found = cycles([pair("rock", "scissors"), pair("scissors", "paper"), pair("paper", "rock"), pair("rock", "well", tie=True)])
    assert found == [("paper", "rock", "scissors")]


def test_an_order_has_no_circle_and_a_majority_outvotes_a_slip():
    assert cycles([pair("a", "b"), pair("b", "c"), pair("a", "c")]) == []
    assert cycles([pair("a", "b")] * 2 + [pair("b", "a")] + [pair("b", "c")]) == []


def test_a_rater_who_answers_the_wrong_way_round_is_found_out():
    pairs = noisy(60, 0.05, "ann", 1) + noisy(60, 0.05, "ben", 2) + noisy(60, 0.9, "cat", 3)
    found = sifted(tuple(f"n{k}" for k in range(10)), pairs)
    assert found.wrong["cat"] > 0.6 > 0.3 > max(found.wrong["ann"], found.wrong["ben"])
    assert sum(p.rater == "cat" for p in found.doubted) > 0.7 * len(found.doubted) > 0


def test_sound_answers_are_not_doubted():
    pairs = noisy(80, 0.0, "ann", 4)
    assert sifted(tuple(f"n{k}" for k in range(10)), pairs).doubted == ()


def test_two_raters_who_disagree_are_kept_apart_and_two_who_agree_are_not():
    order = list(combinations("abcd", 2))
    mine = [pair(x, y, "ann") for x, y in order]
    assert kept_apart(mine + [pair(y, x, "ben") for x, y in order]) == [("ann", "ben")]
    assert kept_apart(mine + [pair(x, y, "cat") for x, y in order]) == []


def test_the_next_pair_is_one_that_nothing_is_known_of():
    known = [pair("a", "b")] * 10 + [pair("a", "c")] * 10 + [pair("b", "c")] * 10
    asked = next_pair(NAMES, known)
    assert asked is not None
    assert "d" in asked
    found = strengths(NAMES, known)
    assert information(found, "a", "d") > information(found, "a", "c")


def test_of_one_candidate_there_is_nothing_to_ask():
    assert next_pair(("a",), []) is None


def test_every_few_questions_one_clip_stands_on_both_sides():
    asked = [question(NAMES, [], k, "seed") for k in range(21)]
    assert sum(a is not None and a[0] == a[1] for a in asked) == 3


def test_a_played_rater_finds_the_best_of_eight_in_ten_answers():
    worth = {f"n{k}": float(k) for k in range(8)}
    hits = 0
    for seed in range(10):
        given = answers(worth, [], list(worth), 10, 0.0, str(seed))
        found = strengths(tuple(worth), [pair(better, worse) for better, worse in given])
        hits += found.ordered()[0] in ("n7", "n6")
    assert hits >= 8


def test_logistic_stands_far_values():
    assert logistic(-1000) == 0
    assert logistic(1000) == 1


def test_an_order_shows_those_who_may_be_first_and_not_in_their_order():
    known = [pair(x, y) for x, y in combinations("abcd", 2)] * 5
    chosen = next_order(("a", "b", "c", "d", "e"), known, 3)
    assert {"a", "e"} <= set(chosen)  # the best so far, and one that nobody was asked about
    assert "d" not in chosen
    orders = {next_order(("a", "b", "c"), [], 3, str(k)) for k in range(20)}
    assert len(orders) > 3


def test_a_played_raters_order_is_the_true_one_unless_it_errs():
    worth = {name: float(k) for k, name in enumerate("abcdef")}
    assert answer("cafe", worth, 0.0, "") == tuple("feca")
    wrong = [answer("fa", worth, 0.3, str(k)) == ("a", "f") for k in range(400)]
    assert 0.24 < sum(wrong) / len(wrong) < 0.36
