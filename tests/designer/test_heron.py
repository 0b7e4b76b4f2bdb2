"""HERON: an order of factors compares rollouts, steers a search, and trains a reward that is written as code."""

from __future__ import annotations

import random
import re

import pytest

from designer.archive import Archive
from designer.check import check
from designer.config import Config
from designer.errors import ConfigError, TaskError
from designer.executors.fake import Fake
from designer.factors import MARGIN, parse_order
from designer.numbers import named_numbers
from designer.preferences.hierarchy import Decision, decision, spreads, trained
from designer.proposers import Brief, Slot
from designer.proposers.composer import Composer
from designer.proposers.heron import AUTHOR, Heron
from designer.rankers import with_rater
from designer.records import Verb
from designer.runs import Run, create
from tests.designer.cheetah_table import cheetah_table
from tests.designer.example_run import candidate, example_task, proposed, trial
from tests.designer.example_run import trained as trained_event
from tests.designer.small_run import NOW, config, task
from tests.designer.test_loop import Killed, attempt
from tests.designer.test_opinions import answering, prompts_of

LINES = ("speed: -torso_velocity[x] within 0.5", "effort: -norm(action) ** 2 within 0.25", "level: -abs(torso_pitch) within 0")
ORDER = parse_order(LINES, cheetah_table())


def cloud(seed: int, count: int = 40) -> list[tuple[float, ...]]:
    """Rollouts whose effort falls as they get faster, as it does in life, and whose level is as it comes."""
    dice = random.Random(seed)
    speeds = [dice.gauss(2, 1) for _ in range(count)]
    return [(speed, -0.3 * speed + dice.gauss(0, 0.3), dice.gauss(0, 0.1)) for speed in speeds]


# The order, as text ----------------------------------------------------------------------------------------------------


def test_an_order_is_names_values_and_margins():
    assert [(f.name, f.value.text, f.margin) for f in ORDER] == [
        ("speed", "-torso_velocity[x]", 0.5), ("effort", "-norm(action) ** 2", 0.25), ("level", "-abs(torso_pitch)", 0.0),
    ]  # fmt: skip
    assert parse_order(("a1: torso_pitch", "b: torso_pitch"), cheetah_table())[0].margin == MARGIN
    assert parse_order((), cheetah_table()) == ()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("torso_pitch",), "factor 1: 'torso_pitch' has no name"),
        (("a: torso_pitch",) * 2, "'a' can't be a name"),
        (("x: torso_pitch", "x: torso_pitch"), "two factors are called x"),
        (("x: torso_pitch",), "1 factor(s)"),
        (("x: torso_pitch", "torch: torso_pitch"), "factor 2: 'torch' can't be a name"),
        (("x: torso_pitch", "lambda: torso_pitch"), "'lambda' can't be a name"),
        (("x: torso_pich", "y: torso_pitch"), "Did you mean torso_pitch?"),
        (("x: mean(torso_pitch)", "y: torso_pitch"), "mean looks at a whole episode"),
        (("x: torso_pitch within two", "y: torso_pitch"), "within 'two'"),
        (("x: torso_pitch within -1", "y: torso_pitch"), "from 0 to 10"),
        (("x: torso_pitch within nan", "y: torso_pitch"), "from 0 to 10"),
    ],
)
def test_a_wrong_order_is_refused_with_what_to_do(lines, said):
    with pytest.raises(TaskError) as caught:
        parse_order(lines, cheetah_table())
    assert said in str(caught.value)


# Comparing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((1.6, -9.0, 0.0), (1.0, 0.0, 9.0), Decision(0, True)),
        ((1.4, -2.0, 0.0), (1.0, -1.0, 9.0), Decision(1, False)),
        ((1.4, -1.2, 0.1), (1.0, -1.0, 0.0), Decision(2, True)),
        ((1.4, -1.2, 0.0), (1.0, -1.0, 0.0), None),
    ],
)
def test_the_first_factor_that_tells_them_apart_decides(one, other, expected):
    assert decision(ORDER, (1.0, 1.0, 1.0), one, other) == expected
    turned = expected and expected._replace(first_is_better=not expected.first_is_better)
    assert decision(ORDER, (1.0, 1.0, 1.0), other, one) == turned


def test_a_factor_that_never_varies_decides_nothing():
    points = [(0.1 + 0.2, 0.0, 1.0), (0.3, 1.0, 1.0)]  # the first differs by rounding only
    assert decision(ORDER, spreads(points), *points) == Decision(1, False)


@pytest.mark.parametrize("scale", [1000.0, 1e-6])
def test_the_scale_of_a_factor_changes_no_answer_and_no_reward(scale):
    for level in range(3):
        points = cloud(level)
        scaled = [tuple(v * scale if k == level else v for k, v in enumerate(point)) for point in points]
        answers = [[decision(ORDER, spreads(all_), one, other) for one in all_ for other in all_] for all_ in (points, scaled)]
        assert answers[0] == answers[1]
        before, after = trained(ORDER, points), trained(ORDER, scaled)
        assert before is not None
        assert after is not None
        assert after.shares == pytest.approx(before.shares)
        assert after.weights[level] * scale == pytest.approx(before.weights[level])


# The reward ------------------------------------------------------------------------------------------------------------


def test_the_trained_reward_orders_rollouts_as_the_order_does():
    found = trained(ORDER, cloud(1))
    assert found is not None
    assert found.agrees > 0.9
    assert found.shares[0] == max(found.shares)
    assert sum(found.shares) == pytest.approx(1)


def test_an_order_turned_round_is_another_reward():
    points = cloud(1)
    turned = trained(ORDER[::-1], [point[::-1] for point in points])
    assert turned is not None
    assert turned.shares[0] == max(turned.shares)  # level, now the most important


def test_what_saves_effort_is_paid_though_the_faster_ones_need_more():
    found = trained(ORDER[:2], [point[:2] for point in cloud(2)])
    assert found is not None
    assert found.weights[1] > 0


def test_too_few_or_equal_rollouts_train_nothing():
    assert trained(ORDER, cloud(1)[:5]) is None
    assert trained(ORDER, [(1.0, 2.0, 3.0)] * 20) is None


def brief(points) -> Brief:
    """Two candidates of the first round whose checkpoints did this."""
    half = len(points) // 2
    events = [proposed(candidate("g01c00")), proposed(candidate("g01c01"))]
    for name, part in (("g01c00", points[:half]), ("g01c01", points[half:])):
        events.append(trained_event(trial(name, "search", 1, 1.0).model_copy(update={"factors": tuple(part)})))
    made = example_task(order=ORDER)
    return Brief(made, cheetah_table(), Archive.of(events).unscored().entries(2, {}), seed=0)


def test_a_trained_reward_is_code_that_the_check_accepts_with_named_weights():
    draft = Heron(Composer()).propose(brief(cloud(1)), Slot(round=2, sample=0, verb=Verb.INIT))
    assert draft.author == AUTHOR
    assert check(draft.source, cheetah_table()) == ()
    assert list(named_numbers(draft.source)) == ["speed_weight", "effort_weight", "level_weight"]
    assert "speed = speed_weight * (-s.torso_velocity[:, 0])" in draft.source
    assert "speed > effort > level" in draft.why
    assert Heron(Composer()).repair(brief(cloud(1)), Slot(round=2, sample=0, verb=Verb.INIT), draft, (), 1) is None


@pytest.mark.parametrize(
    ("slot", "points"),
    [
        (Slot(round=1, sample=0, verb=Verb.INIT), 40),
        (Slot(round=2, sample=1, verb=Verb.INIT), 40),
        (Slot(round=2, sample=0, verb=Verb.MUTATE, parents=("g01c00",)), 40),
        (Slot(round=2, sample=0, verb=Verb.INIT), 4),
    ],
)
def test_every_other_place_is_the_proposers(slot, points):
    known = brief(cloud(1)[:points])
    assert Heron(Composer()).propose(known, slot) == Composer().propose(known, slot)


# A whole run -----------------------------------------------------------------------------------------------------------


def ordered_run(tmp_path, **changes) -> Run:
    """A run that the order steers; the fake's first factor is its fitness in whole numbers, the second falls as it rises."""
    feedback = {"source": "ranking", "rater": "heron", **changes}
    settings = config(search={"rule": "icpl", "rounds": 3}, feedback=feedback)
    return create(tmp_path, task(order=ORDER[:2]), cheetah_table(), settings, NOW)


def test_an_order_steers_a_whole_run_and_its_reward_takes_part(tmp_path):
    run = ordered_run(tmp_path)
    llm = answering(run, lambda: None)
    archive = attempt(run, Fake(), llm)
    assert {opinion.by for opinion in archive.opinions} == {"heron"}
    for round_ in (2, 3, 4):
        asked = [frozenset(opinion.ranking.shown) for opinion in archive.opinions if opinion.round == round_]
        assert len(asked) == len(set(asked)) > 2  # it would say the same again
    winner = archive.finished.winner
    reached = {name: found for name in archive.candidates if (found := archive.factors(name))}
    assert reached[winner][0] > max(found[0] for found in reached.values()) - 1
    assert [c.id for c in archive.candidates.values() if c.proposer == AUTHOR] == ["g02c00", "g03c00"]
    assert len(archive.trials_of("g02c00", "search")[0].factors) == len(archive.trials_of("g02c00", "search")[0].scores) == 2
    assert not any(re.search(r"task score[^.\n]*\d", prompt) for prompt in prompts_of(llm, 3))


def test_without_an_ordered_reward_all_places_are_the_proposers(tmp_path):
    archive = attempt(run := ordered_run(tmp_path, ordered_reward=False), Fake(), answering(run, lambda: None))
    assert all(c.proposer != AUTHOR for c in archive.candidates.values())


def test_a_run_that_was_killed_while_it_compared_compares_alike(tmp_path):
    def told(archive):
        answers = sorted((o.id, o.ranking) for o in archive.opinions)
        return answers, {name: c.source for name, c in archive.candidates.items()}

    whole = told(attempt(run := ordered_run(tmp_path / "whole"), Fake(), answering(run, lambda: None)))
    events = [line for line in run.journal.read_text().splitlines() if '"opinion_taken"' in line]
    assert len(events) > 10
    first = next(k for k, line in enumerate(run.journal.read_text().splitlines()) if '"opinion_taken"' in line)
    for dies_at in (first + 1, first + 4):
        again = ordered_run(tmp_path / str(dies_at))
        with pytest.raises(Killed):
            attempt(again, Fake(), answering(again, lambda: None), dies_at)
        assert told(attempt(again, Fake(), answering(again, lambda: None))) == whole


# Who ranks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fitness", "said", "expected"),
    [
        (None, {}, ("ranking", "heron")),
        (None, {"source": "ranking", "rater": "human"}, ("ranking", "human")),
        (None, {"source": "fitness"}, ("fitness", "human")),
        ("given", {}, ("fitness", "human")),
        ("given", {"source": "ranking"}, ("ranking", "heron")),
    ],
)
def test_an_order_ranks_where_nobody_else_was_chosen(fitness, said, expected):
    made = example_task(order=ORDER) if fitness else example_task(order=ORDER, fitness=None)
    chosen = with_rater(Config.model_validate({"feedback": said}), made).feedback
    assert (chosen.source, chosen.rater) == expected


def test_a_task_without_an_order_is_as_it_was_and_can_have_no_heron():
    plain = Config()
    assert with_rater(plain, example_task()) is plain
    with pytest.raises(ConfigError, match="--order"):
        with_rater(Config.model_validate({"feedback": {"rater": "heron"}}), example_task())
