"""Alarms, on made-up trials: each is raised by what it is for, has its numbers in it, and honest trainings raise none."""

from __future__ import annotations

import pytest

from designer.archive import HINDSIGHT, HUMAN, RANDOM, SPARSE, Archive
from designer.feedback.guards import Range, alarms, alarms_of, bottleneck, fitness_range
from designer.feedback.statistics import remarks_on
from designer.journal import Reviewed
from designer.records import Evidence, Remark, Score, TermEvidence, Trace, Trial
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


# The floor ----------------------------------------------------------------------------------------------------------


def test_floor_is_random_play_where_it_is_known_so_that_a_worse_hack_hides_no_other():
    """One hack ran the wrong way, to -10: what stays at 0.2, as random play does, is at the floor all the same."""
    wriggle = made((0.1, 0.2, 0.1, 0.2, 0.2), {"wriggle": ramp(1, 5)})
    assert alarms(wriggle, Range(-10.0, 4.0)) == []
    assert [alarm.kind for alarm in alarms(wriggle, Range(-10.0, 4.0, random=0.1))] == ["hacking"]


def test_random_play_of_the_finals_is_the_floor():
    events = [
        proposed(candidate("g01c00")),
        trained(trial("g01c00", "search", 1, 3.0)),
        trained(trial(RANDOM, "final", 9, 0.5)),
    ]
    seen = fitness_range(Archive.of(events))
    assert seen is not None
    assert seen.floor == seen.random


def test_what_hindsight_found_is_an_alarm_and_told_once():
    flag = Remark(candidate="g01c00", source="guard", kind="flag", text="misranking: it pays what its own policy does")
    events = [
        *(proposed(candidate(name)) for name in ("g01c00", "g01c01")),
        trained(trial("g01c00", "search", 1, 3.0)),
        Reviewed(reviewer=HINDSIGHT, candidate="g01c00", remarks=(flag,)),
    ]
    archive = Archive.of(events)
    assert flag in alarms_of(archive, "g01c00", fitness_range(archive))
    assert flag not in alarms_of(archive, "g01c01", fitness_range(archive))
    (entry, _) = archive.entries(2, remarks_on(archive))
    assert entry.remarks.count(flag) == 1


def test_several_seeds_are_told_of_once_with_the_mean_correlation():
    def seed(number: int, correlation: float) -> Trial:
        terms = (TermEvidence(name="run", share=1.0, correlation=correlation, saturated=0.0),)
        evidence = Evidence(terms=terms, pinned=0.0, shortest_s=1.0, longest_s=1.0)
        found = made((1, 2, 3, 4, 5), {"run": ramp(0, 1)})
        return found.model_copy(update={"seed": number, "evidence": evidence})

    archive = Archive.of([proposed(candidate("g01c00")), trained(seed(1, 0.9)), trained(seed(2, 0.5))])
    texts = [remark.text for remark in remarks_on(archive, ["g01c00"])["g01c00"]]
    assert texts.count("the task score was still rising at the end of the training") == 1
    assert [text for text in texts if "correlation" in text] == [
        "correlation of each term with the task score over the judging episodes: run +0.70"
    ]


def test_what_was_not_learnt_is_told_so_and_raises_no_alarm_but_for_a_collapsed_term():
    still = made((0, 0.2, 0.1, 0.3, 0.2), {"spin": ramp(0, 5), "upright": [0.5] * 10})
    others = [proposed(candidate("g01c00")), proposed(candidate("g01c01")), trained(trial("g01c01", "search", 1, 10.0))]
    text = Remark(candidate="g01c00", source="guard", kind="text", text="not learnt rather than hacked: it pays the good ones")
    before = Archive.of([*others, trained(still)])
    after = Archive.of([*others, trained(still), Reviewed(reviewer=HINDSIGHT, candidate="g01c00", remarks=(text,))])
    rang = [[r.text.partition(":")[0] for r in alarms_of(a, "g01c00", fitness_range(a))] for a in (before, after)]
    assert rang == [["collapse", "hacking"], ["collapse"]]
    assert text in remarks_on(after, ["g01c00"])["g01c00"]
