"""Alarms, on made-up trials: each is raised by what it is for, has its numbers in it, and honest trainings raise none."""

from __future__ import annotations

import pytest

from designer.archive import HUMAN, SPARSE, Archive
from designer.feedback.guards import Range, alarms, bottleneck, fitness_range
from designer.feedback.statistics import remarks_on
from designer.records import Score, Trace, Trial
from tests.designer.example_run import candidate, crashed, finished, proposed, trained, trial

SEEN = Range(0.0, 10.0)


def made(fitness, terms, episode_s=(50.0,) * 5) -> Trial:
    scores = [
        Score(fraction=(k + 1) / 5, fitness=value, success=None, episode_s=long, episodes=20)
        for k, (value, long) in enumerate(zip(fitness, episode_s, strict=True))
    ]
    traces = [Trace(name=name, mean=tuple(mean), low=min(mean), high=max(mean)) for name, mean in terms.items()]
    return trial("g01c00", "search", 1, 0.0).model_copy(update={"scores": tuple(scores), "traces": tuple(traces)})


def ramp(first: float, last: float) -> list[float]:
    return [first + (last - first) * k / 9 for k in range(10)]


def kinds(found: Trial) -> list[str]:
    return [alarm.kind for alarm in alarms(found, SEEN)]


@pytest.mark.parametrize(
    ("fitness", "terms"),
    [
        ((2, 5, 8, 9, 10), {"run": ramp(0, 1), "effort": ramp(-0.1, -0.05)}),
        ((9, 9.5, 9.6, 9.6, 9.6), {"run": ramp(0.1, 1)}),
        ((2, 5, 8, 9, 8.5), {"run": ramp(0, 1)}),
        ((0, 0, 0, 0, 0), {"run": ramp(0.001, 0.001 * 1.1), "effort": ramp(-1, -1)}),
        ((5, 5, 5, 5, 5), {"alive": [1.0] * 9 + [1.01], "run": ramp(0.1, 0.4)}),
    ],
    ids=["learns", "learns at once", "wavers", "learns nothing", "bonus beside progress"],
)
def test_honest_training_raises_no_alarm(fitness, terms):
    assert [kind for kind in kinds(made(fitness, terms)) if kind != "collapse"] == []


def test_reward_that_rises_while_the_fitness_falls():
    (alarm,) = alarms(made((2, 9, 7, 4, 1), {"run": ramp(0, 1)}), SEEN)
    assert alarm.kind == "hacking"
    assert "from 40% of the training on the reward rose from 0.333 to 1" in alarm.text
    assert "fell from 9 to 1" in alarm.text


def test_reward_that_rises_while_the_fitness_stays_at_the_floor():
    (alarm,) = alarms(made((0, 0.2, 0.1, 0.3, 0.2), {"spin": ramp(0, 5), "run": ramp(0.1, 0.2)}), SEEN)
    assert alarm.kind == "hacking"
    assert "96% of it is spin" in alarm.text
    assert "never exceeded 0.3 (others reach 10)" in alarm.text


def test_episodes_that_shrink_while_the_reward_rises():
    found = made((1, 0.5, 0, 0, 0), {"early": ramp(-2, -0.1)}, episode_s=(50, 40, 20, 5, 1))
    assert kinds(found) == ["short-episode farming"]


def test_bonus_that_is_paid_for_standing_still():
    found = made((0.1, 0.2, 0.1, 0.1, 0.1), {"alive": [1.0] * 9 + [0.999], "run": ramp(0.01, 0.02)})
    (alarm,) = alarms(found, SEEN)
    assert alarm.kind == "standing still"
    assert "alive pays 0.999 whatever is done and is 98% of the reward" in alarm.text


def test_term_that_never_changes_has_collapsed():
    found = made((2, 5, 8, 9, 10), {"run": ramp(0, 1), "upright": [0.5] * 10})
    assert [str(alarm.text) for alarm in alarms(found, SEEN)] == ["nothing can be learnt from upright (always 0.5)"]


def test_failed_training_raises_nothing():
    assert alarms(crashed("g01c00"), SEEN) == []
    assert alarms(made((0,) * 5, {}), None) == []
    assert alarms(made((0,) * 5, {}), SEEN) == []


def test_alarm_reaches_the_next_prompt_and_blocks_nothing():
    events = [
        *(event for name in ("g01c00", "g01c01") for event in [proposed(candidate(name))]),
        trained(made((0, 0.1, 0.2, 0.1, 0.1), {"spin": ramp(0, 5)})),
        trained(trial("g01c01", "search", 1, 10.0)),
    ]
    (flag,) = [remark for remark in remarks_on(Archive.of(events))["g01c00"] if remark.kind == "flag"]
    assert flag.text.startswith("hacking: the reward rose")
    assert not flag.blocking


def test_range_is_that_of_all_checkpoints():
    assert fitness_range(Archive.of([])) is None
    assert fitness_range(Archive.of(finished())) == Range(pytest.approx(0.08), 4.9)


# Not the bottleneck -------------------------------------------------------------------------------------------------


def tied(human: float | None, *scores: float) -> Archive:
    events = [trained(trial(SPARSE, "search", 1, 1.0))]
    events += [trained(trial(HUMAN, "search", 1, human))] if human is not None else []
    for k, score in enumerate(scores):
        name = f"g{1 + k % 2:02d}c{k // 2:02d}"
        events += [proposed(candidate(name)), trained(trial(name, "search", 1, score))]
    return Archive.of(events)


def test_rewards_that_all_tie_at_the_floor_for_two_rounds_are_not_the_bottleneck():
    assert "4 rewards of the last two rounds" in bottleneck(tied(1.01, 1.0, 1.02, 0.99, 1.0))
    assert bottleneck(tied(None, 1.0, 1.02, 0.99, 1.0))


def test_reward_that_helps_and_a_single_round_say_nothing_of_the_kind():
    assert not bottleneck(tied(1.0, 1.0, 1.02, 0.99, 1.5))
    assert not bottleneck(tied(3.0, 1.0, 1.02, 0.99, 1.0)), "the human-written reward rises above the floor"
    assert not bottleneck(tied(1.0, 1.0))
    assert not bottleneck(Archive.of([]))
