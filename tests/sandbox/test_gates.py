"""Gates: a stage is left when mastered, unreachable or spent; what was forgotten comes back; what doesn't help is dropped."""

import pytest

from sandbox.attempts import FAILED, Attempts
from sandbox.gates import TRIAL, WINDOW, Gate, Rate, Returns, above, restored

pytestmark = pytest.mark.worker

NOTHING = Returns()
NAMES, SHARES = ("first", "second", "third"), (0.2, 0.3, 0.3)


def gate(**changes) -> Gate:
    return Gate(NAMES, SHARES, **changes)


def rates(*reached: int) -> list[Rate]:
    return [Rate(k, WINDOW) for k in reached]


def look(
    g: Gate, progress: float, passed: float, found: list[Rate], guided: Returns = NOTHING, plain: Returns = NOTHING
) -> bool:
    return g.look(progress, passed, found, guided, plain)


def returns(mean: float, variance: float = 0.04) -> Returns:
    return Returns(mean, variance, WINDOW)


def test_wilson_interval_of_known_counts():
    low, high = Rate(40, 50).interval
    assert (round(low, 3), round(high, 3)) == (0.670, 0.888)
    assert Rate(0, 0).interval == (0.0, 1.0)


@pytest.mark.parametrize(("reached", "level"), [(41, 0), (42, 1), (50, 1)])
def test_stage_is_passed_only_where_the_interval_lies_above_the_mark(reached, level):
    g = gate()
    look(g, 0.01, 0.01, rates(reached, 0, 0))
    assert g.level == level


def test_few_attempts_pass_nothing():
    g = gate()
    assert not look(g, 0.01, 0.01, [Rate(WINDOW - 1, WINDOW - 1), Rate(), Rate()])
    assert g.level == 0


def test_unreachable_stage_is_left_out_after_a_third_of_its_share():
    g = gate()
    assert not look(g, 0.05, 0.05, rates(2, 0, 0))
    assert look(g, 0.07, 0.02, rates(2, 0, 0))
    assert (g.level, g.status[0], g.stages) == (1, "skipped", [1])
    assert g.events[0] == {"at": 0.07, "what": "skipped", "stage": 0, "reached": 2, "of": WINDOW}


@pytest.mark.parametrize(("reached", "status"), [(9, "skipped"), (10, "spent")])
def test_spent_share_ends_a_stage_and_what_is_hardly_reached_is_left_out(reached, status):
    g = gate()
    look(g, 0.2, 0.2, rates(reached, 0, 0))
    assert (g.level, g.status[0]) == (1, status)


def test_a_stage_whose_attempts_had_no_time_to_end_stays_on_the_way():
    """Where episodes are long, a share may be over before any attempt is old enough to count."""
    g = gate()
    look(g, 0.2, 0.2, [Rate(), Rate(), Rate()])
    assert (g.level, g.status[0], g.stages) == (1, "spent", [0, 1])


def test_forgotten_stage_is_trained_again_while_it_has_a_share():
    g = gate()
    look(g, 0.05, 0.05, rates(50, 0, 0))
    look(g, 0.06, 0.01, rates(17, 10, 0))
    assert (g.level, g.status, g.events[-1]["what"]) == (0, ["", "", ""], "forgotten")
    look(g, 0.07, 0.01, rates(50, 10, 0))
    assert g.level == 1
    g.spent[0] = SHARES[0]
    look(g, 0.3, 0.01, rates(17, 10, 0))
    assert g.level == 1


def test_curriculum_that_costs_the_plain_reward_is_dropped_after_its_trial():
    g = gate()
    look(g, TRIAL - 0.01, 0.01, rates(20, 0, 0), returns(0.2), returns(0.6))
    assert not g.dropped
    look(g, TRIAL, 0.01, rates(20, 0, 0), returns(0.2), returns(0.6))
    assert g.dropped
    assert g.stages == []
    assert g.events[-1]["what"] == "dropped"


def test_curriculum_that_shows_nothing_by_the_end_of_its_trial_is_dropped():
    g = gate()
    look(g, TRIAL, 0.01, rates(20, 0, 0), returns(0.0, 0.0), returns(0.0, 0.0))
    assert g.dropped


@pytest.mark.parametrize("guided", [0.0, 0.9])
def test_curriculum_that_climbs_or_pays_is_kept(guided):
    g = gate()
    if guided == 0.0:
        look(g, 0.05, 0.05, rates(50, 0, 0))
    look(g, TRIAL, 0.01, rates(50, 20, 0), returns(guided), returns(0.0, 0.0) if guided else returns(0.0))
    assert not g.dropped


def test_without_gates_an_impossible_stage_is_never_left():
    g = gate(gated=False)
    look(g, 0.1, 0.1, rates(50, 0, 0))
    for k in range(20):
        look(g, 0.1 + 0.04 * k, 0.04, rates(50, 0, 0), returns(0.0), returns(1.0))
    assert (g.level, g.dropped) == (1, False)


def test_gate_comes_back_from_json_as_it_was():
    g = gate()
    look(g, 0.07, 0.07, rates(0, 0, 0))
    assert restored(g.state()) == g


def test_above_needs_a_difference_beyond_its_interval():
    assert above(returns(1.0), returns(0.5)) == 1
    assert above(returns(0.5), returns(1.0)) == -1
    assert above(returns(1.0), returns(0.99)) == 0
    assert above(returns(0.0, 0.0), returns(0.0, 0.0)) == 0


# Attempts -------------------------------------------------------------------------------------------------------------


def test_early_successes_do_not_flatter_a_stage_whose_failures_end_late():
    attempts, episode = Attempts(1, num_envs=100, episode_steps=600), 600
    for world in range(100):
        place = attempts.begin(0, clock=0)
        if world % 2:
            attempts.end(0, place, took=10)
    assert attempts.rate(0, clock=30).count == 0
    found = attempts.rate(0, clock=50)
    assert (found.reached, found.count) == (WINDOW // 2, WINDOW)
    assert attempts.rate(0, clock=episode).share == 0.5


def test_attempts_without_any_success_are_waited_for_a_whole_episode():
    attempts = Attempts(1, num_envs=10, episode_steps=100)
    places = [attempts.begin(0, clock=0) for _ in range(10)]
    assert attempts.rate(0, clock=99).count == 0
    for place in places:
        attempts.end(0, place, FAILED)
    assert attempts.rate(0, clock=100) == Rate(0, 10)


def test_only_the_last_attempts_count_and_rows_are_apart():
    attempts = Attempts(2, num_envs=4, episode_steps=10)
    for k in range(200):
        attempts.end(0, attempts.begin(0, clock=k), took=1 if k >= 140 else FAILED)
    assert attempts.rate(0, clock=1000) == Rate(WINDOW, WINDOW)
    assert attempts.rate(1, clock=1000) == Rate()


def test_window_fills_where_many_short_failures_lie_between_successes():
    attempts, worlds, took = Attempts(1, num_envs=32, episode_steps=40), 32, 10
    for episode in range(20):
        for outcome in (took, FAILED):
            for _ in range(worlds):
                attempts.end(0, attempts.begin(0, clock=took * episode), outcome)
    assert attempts.rate(0, clock=took * 20 - 1).is_full
