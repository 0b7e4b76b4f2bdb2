"""The verdict: numbers by hand, and sentences that claim no more than the numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from designer.archive import HUMAN, RANDOM, SPARSE
from designer.config import Config
from designer.factors import parse_order
from designer.journal import CallStarted, RunFinished, Screened
from designer.review.findings import RunVerdict
from designer.review.verdict import sentences, shown, verdict_of
from tests.designer.cheetah_table import cheetah_table
from tests.designer.example_run import (
    FINAL,
    WINNER,
    calls,
    crashed,
    example_run,
    example_task,
    finals,
    finished,
    rounds,
    started,
    trained,
    trial,
)


def verdict(folder: Path, events, task=None) -> RunVerdict:
    run = example_run(folder, events, task)
    return verdict_of(run, run.archive())


def said(folder: Path, events, task=None) -> str:
    return "\n".join(sentences(verdict(folder, events, task)))


def test_numbers_of_a_finished_run(tmp_path: Path) -> None:
    found = verdict(tmp_path, finished())
    assert found.winner is not None
    # 4.1 4.5 4.3 4.2 4.4: mean 4.3, sd 0.1581, half width 2.776 * 0.1581 / sqrt(5) = 0.1963
    assert found.winner.mean == pytest.approx(4.3)
    assert found.winner.interval is not None
    assert found.winner.interval.low == pytest.approx(4.3 - 0.1963, abs=1e-4)
    human, sparse = found.comparisons
    # differences to the human's: 0.2 -0.1 0.6 -0.2 0.4: mean 0.18, sd 0.3347, half width 0.4155
    assert human.difference is not None
    assert human.difference.mean == pytest.approx(0.18)
    assert human.difference.high == pytest.approx(0.18 + 0.4155, abs=1e-4)
    assert (human.reading, sparse.reading) == ("not separable", "above")
    assert found.selection_gap == pytest.approx(4.9 - 4.3)
    assert found.solved is True
    assert (found.finalists, found.tried, found.refused) == (2, 5, {"rejected": 1})


NOISE = (0.1, -0.1, 0.0, 0.2, -0.2)


def test_scores_are_put_on_the_scale_from_random_play_to_the_human_reward(tmp_path: Path) -> None:
    found = verdict(tmp_path, finished({**FINAL, RANDOM: NOISE}))
    assert found.scale is not None
    # the human's mean is 4.12, random play's 0: the winner's 4.3 / 4.12
    assert found.scale.denominator.mean == pytest.approx(4.12)
    assert found.scale.of(4.3) == pytest.approx(4.3 / 4.12)
    text = "\n".join(sentences(found))
    assert "g02c01 1.04, fitness as reward 0.29; the denominator is 4.12 m/s (3.63 to 4.61)" in text
    assert "random play" in text


def test_nothing_is_divided_by_noise(tmp_path: Path) -> None:
    text = said(tmp_path, finished({**FINAL, RANDOM: (3.9, 4.2, 4.1, 4.3, 3.8)}))
    assert "No human-normalised score: baselines not separable" in text
    assert "Human-normalised, with" not in text


def test_without_random_play_there_is_no_scale(tmp_path: Path) -> None:
    assert verdict(tmp_path, finished()).scale is None


def test_baselines_of_earlier_runs_are_told_and_not_counted(tmp_path: Path) -> None:
    kept = finals(HUMAN, FINAL[HUMAN])
    kept = kept.model_copy(update={"trials": tuple(t.model_copy(update={"from_cache": True}) for t in kept.trials)})
    found = verdict(tmp_path, [*rounds(), finals(WINNER, FINAL[WINNER]), kept])
    assert (found.costs.trainings, found.costs.cached) == (4 + 5, 5)
    assert "(and 5 of baselines kept from earlier runs)" in "\n".join(sentences(found))


def test_costs_count_what_was_trained(tmp_path: Path) -> None:
    costs = verdict(tmp_path, finished()).costs
    assert costs.trainings == 4 * 5 + 4
    assert costs.failed == {"crashed": 1}
    assert costs.steps == 23 * 300_000
    assert costs.train_cpu_s == pytest.approx(24 * 12)
    assert costs.wall_s == (len(finished()) - 1) * 10


def test_headline_of_a_finished_run(tmp_path: Path) -> None:
    assert said(tmp_path, finished()).splitlines()[0] == (
        "g02c01 reaches 4.30 m/s (95 % interval 4.10 to 4.50, 5 seeds); the human-written reward 4.12 (3.66 to 4.58): "
        "not separable; the fitness as reward 1.20 (1.00 to 1.40): g02c01 is above."
    )


def test_an_order_is_told_factor_by_factor_without_a_total(tmp_path: Path) -> None:
    order = parse_order(("speed: -torso_velocity[x]", "effort: -norm(action)"), cheetah_table())
    ended = finals("g01c00", (1.0, 2.0))
    both = [t.model_copy(update={"factors": ((0.0, 0.0), (3.0 + k, -0.5))}) for k, t in enumerate(ended.trials)]
    events = [*rounds(), trained(*both), RunFinished(reason="done", winner="g01c00")]
    config = Config.model_validate({"feedback": {"source": "ranking", "rater": "heron"}})
    run = example_run(tmp_path, events, example_task(order=order, fitness_origin="none"), config)
    told = sentences(verdict_of(run, run.archive()))
    assert told[0].startswith("There is no fitness: the order of factors chose")
    assert "By the order of factors, on the final seeds: speed 3.50, then effort -0.500." in told


def test_a_winner_below_the_human_is_called_below(tmp_path: Path) -> None:
    better = tuple(value + 2 for value in FINAL[WINNER])
    assert f"{WINNER} is below" in said(tmp_path, finished({WINNER: FINAL[WINNER], HUMAN: better}))


def test_one_seed_separates_nothing(tmp_path: Path) -> None:
    told = said(tmp_path, finished({WINNER: (9.0,), HUMAN: (1.0,)}))
    assert "9.00 m/s (1 seed, so no interval)" in told
    assert "1.00: not separable (1 common seed can't tell)" in told


def test_choice_among_finalists_is_said_to_be_optimistic(tmp_path: Path) -> None:
    assert "chosen among 2 finalists" in said(tmp_path / "two", finished())
    assert "chosen among" not in said(tmp_path / "one", finished({WINNER: FINAL[WINNER]}))


def test_failed_final_seeds_are_named_and_not_averaged(tmp_path: Path) -> None:
    some = trained(*(trial(WINNER, "final", seed, 4.0) for seed in (1000, 1001)), crashed(WINNER, "final", 1002))
    found = verdict(tmp_path / "run", [*rounds(), some, RunFinished(reason="done", winner=WINNER)])
    assert found.winner is not None
    assert (found.winner.mean, found.winner.failed) == (4.0, 1)
    assert "aren't in these numbers: 1 of g02c01" in "\n".join(sentences(found))


def test_a_chosen_candidate_without_a_final_score_has_none(tmp_path: Path) -> None:
    failed = trained(*(crashed(WINNER, "final", seed) for seed in (1000, 1001)))
    told = said(tmp_path, [*rounds(), failed, finals(HUMAN, FINAL[HUMAN]), RunFinished(reason="done", winner=WINNER)])
    assert "it has no final score" in told
    assert "solved" not in told


def test_baseline_whose_trainings_all_failed(tmp_path: Path) -> None:
    failed = trained(*(crashed(HUMAN, "final", seed) for seed in (1000, 1001)))
    told = said(tmp_path, [*rounds(), failed, finals(WINNER, (4.0, 4.2)), RunFinished(reason="done", winner=WINNER)])
    assert "the human-written reward has no score" in told


@pytest.mark.parametrize(
    ("solved_at", "expected"),
    [(2.0, "solved, with the whole interval"), (4.25, "by the mean but not with the whole interval"), (5.0, "not solved")],
)
def test_solved_says_how_sure_it_is(tmp_path: Path, solved_at: float, expected: str) -> None:
    assert expected in said(tmp_path, finished(), example_task(solved_at=solved_at))


def test_a_task_without_an_anchor_is_neither_solved_nor_unsolved(tmp_path: Path) -> None:
    task = example_task(solved_at=None)
    assert verdict(tmp_path / "a", finished(), task).solved is None
    assert "solved" not in said(tmp_path / "b", finished(), task)


def test_an_unfinished_run_names_the_best_so_far_as_optimistic(tmp_path: Path) -> None:
    assert said(tmp_path, rounds()).splitlines()[0] == (
        "The run is not finished. Best so far: g02c01 with 4.90 m/s on 1 search seed, which is optimistic."
    )


def test_a_run_that_has_hardly_begun(tmp_path: Path) -> None:
    assert "no candidate has a score yet" in said(tmp_path / "begun", [started()])
    assert "no candidate has a score yet" in said(tmp_path / "empty", [])


def test_a_run_without_a_winner_gives_the_reason_and_the_baselines(tmp_path: Path) -> None:
    told = said(tmp_path, finished({HUMAN: FINAL[HUMAN], SPARSE: FINAL[SPARSE]}, winner=None)).splitlines()[0]
    assert told.startswith("There is no winner: no candidate could be trained to the end.")
    assert "the human-written reward reaches 4.12 m/s" in told


def test_unknown_tokens_are_unknown_not_zero(tmp_path: Path) -> None:
    assert "1 model call, tokens unknown" in said(tmp_path / "unknown", [*calls(None), *finished()])
    assert "1 model call, 1,200 tokens in, 1,200 out" in said(tmp_path / "known", [*calls(1200), *finished()])
    lost = [*calls(1200), CallStarted(key="r01-first-s01-a0", request="1"), *finished()]
    assert "2 model calls, tokens unknown" in said(tmp_path / "lost", lost)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(4.1, "4.10"), (0, "0"), (-0.0456, "-0.0456"), (123.4, "123"), (12345.6, "12,346"), (1e300, "1.00e+300")],
)
def test_numbers_are_shown_with_three_digits_that_count(value: float, expected: str) -> None:
    assert shown(value) == expected


def test_winner_that_shares_anothers_score_says_on_how_many_seeds_that_is(tmp_path: Path) -> None:
    """As `simplify` ends where a term pays next to nothing: its winner is a duplicate, and was never searched with."""
    events = [event for event in finished() if getattr(event, "trials", (None,))[0] != trial(WINNER, "search", 1, 4.9)]
    found = verdict(tmp_path, [*events[:-1], Screened(candidate=WINNER, duplicate_of="g01c00"), events[-1]])
    assert (found.search_score, found.search_seeds) == (3.4, 1)


def test_winner_without_final_trainings_is_not_said_to_have_failed_them(tmp_path: Path) -> None:
    events = [*rounds(), RunFinished(reason="every term was left out once", winner=WINNER)]
    assert "no final trainings were made" in said(tmp_path, events)
