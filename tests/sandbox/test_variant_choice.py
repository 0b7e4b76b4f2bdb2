"""Which variant of a world an episode plays: what each rule draws, what is measured, and that a pause changes nothing."""

import numpy as np
import pytest
import torch

from envs.errors import WorldError
from envs.gymnasium_world import GymnasiumWorld
from sandbox.aids import Aids, Seen
from sandbox.bandits import EXPLORED, UpperBound, rule_of
from sandbox.outcomes import LAST, Outcomes
from sandbox.payers import CodeReward
from sandbox.ppo import PPO, Settings
from sandbox.solved import solved_in
from sandbox.terms import Terms
from sandbox.train import Training, training_of, variants_of
from sandbox.variants import Variants
from tests.envs.odd_worlds import OddWorld
from tests.sandbox.frames import run_verb
from tests.sandbox.toy_world import LineWorld

pytestmark = pytest.mark.worker

NAMES = ("own", "short", "far")
SOURCE = "def reward(s, a):\n    return {'near': -s.distance}\ndef solved(s):\n    return s.distance < 0.3\n"
GRID = "MiniGrid-Empty-8x8-v0"
GOAL = "def reward(s, a):\n    return {'goal': (s.goal_distance == 0).to(torch.float32)}\n"
SOLVABLE = f"{GOAL}def solved(s):\n    return s.goal_distance == 0\n"


def ones(count: int, of: int = 40) -> np.ndarray:
    """So many failures, the oldest, and then successes."""
    return np.array([0.0] * (of - count) + [1.0] * count)


# Rules ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["uniform", "even"])
def test_even_rules_draw_all_alike_whatever_is_seen(name):
    assert rule_of(name, 2).shares([ones(0), ones(40)], solvable=True).tolist() == [0.5, 0.5]


def test_learning_progress_draws_what_changes_for_better_or_worse():
    better, worse, same = ones(20), 1 - ones(20), np.tile([0.0, 1.0], 20)
    shares = rule_of("alp", 3).shares([better, worse, same], solvable=True)
    assert shares == pytest.approx([EXPLORED / 3 + 0.4, EXPLORED / 3 + 0.4, EXPLORED / 3])
    assert rule_of("alp", 2).shares([same, same], solvable=True).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("rule", "best"), [("alp", 20), ("window", 20)])
def test_what_is_unknown_has_an_even_share_and_the_rest_goes_by_what_is_known(rule, best):
    shares = rule_of(rule, 4).shares([ones(best), ones(0), np.array([]), np.array([1.0] * 9)], solvable=True)
    rest = EXPLORED / 4
    assert shares == pytest.approx([rest + (1 - EXPLORED) / 2, rest, 0.25, 0.25])
    nothing = rule_of(rule, 2).shares([np.array([]), np.array([1.0])], solvable=True)
    assert nothing.tolist() == [0.5, 0.5]


def test_learning_progress_of_returns_knows_no_units():
    outcomes = [ones(20), ones(4)]
    metres = rule_of("alp", 2).shares(outcomes, solvable=False)
    assert rule_of("alp", 2).shares([1000 * o for o in outcomes], solvable=False) == pytest.approx(metres)


def test_window_draws_what_is_neither_mastered_nor_hopeless():
    shares = rule_of("window", 3).shares([ones(40), ones(20), ones(2)], solvable=True)
    assert shares == pytest.approx([EXPLORED / 3, 1 - 2 * EXPLORED / 3, EXPLORED / 3])


@pytest.mark.parametrize(("successes", "nearest"), [((40, 36), 1), ((4, 0), 0)])
def test_window_draws_what_is_nearest_where_nothing_is_in_it(successes, nearest):
    shares = rule_of("window", 2).shares([ones(n) for n in successes], solvable=True)
    assert shares.argmax() == nearest
    assert shares.max() == pytest.approx(1 - EXPLORED / 2)


def test_window_draws_evenly_where_nobody_says_what_solved_is():
    assert rule_of("window", 2).shares([ones(40), ones(20)], solvable=False).tolist() == [0.5, 0.5]


def test_upper_bound_draws_large_advantages_and_what_was_seen_little():
    rule = UpperBound(3)
    assert rule.shares([], solvable=False).tolist() == pytest.approx([1 / 3] * 3)
    played = np.repeat([0, 0, 0, 0, 1, 1, 1, 1], 200)[None]  # 800 stretches each, one step long
    rule.learn(np.where(played == 0, 1.0, 0.2), played)
    first, second, unseen = rule.shares([], solvable=False)
    assert unseen > 0.99
    rule.learn(np.full((1, 800), 0.1), np.full((1, 800), 2))
    first, second, seen = rule.shares([], solvable=False)
    assert first > second > seen
    assert first > 0.99


def test_upper_bounds_means_are_those_of_each_stretch():
    rule = UpperBound(2)
    rule.learn(np.array([[1.0, 4.0], [3.0, 2.0]]), np.array([[0, 1], [0, 0]]))
    assert rule.state() == {"last": [[2.0, 2.0], [4.0]], "seen": [2, 1]}


def test_quick_successes_do_not_flatter_what_is_slow_to_fail():
    """Four episodes begin; the successes end at once, the failures last."""
    outcomes = Outcomes(1, 4)
    for _ in range(12):
        slow = [outcomes.begin(0) for _ in range(2)]
        for _ in range(2):
            outcomes.end(0, outcomes.begin(0), 1.0)
        for number in slow:
            outcomes.end(0, number, 0.0)
    assert outcomes.last(0).mean() == pytest.approx(0.5)
    assert len(outcomes.last(0)) == 48
    waits = outcomes.begin(0)
    for _ in range(30):
        outcomes.end(0, outcomes.begin(0), 1.0)
    assert len(outcomes.last(0)) == 27 + 3, "of what began behind an open one only as many count as may be open at once"
    outcomes.end(0, waits, 0.0)
    assert len(outcomes.last(0)) == LAST


# What is measured -------------------------------------------------------------------------------------------------------


class Sized(LineWorld):
    """A line whose variants have targets elsewhere. Implements `Varied`; its whole state can be kept."""

    variants = NAMES

    def vary(self, names, choose):
        self._choose, self.shift, self.playing = choose, np.arange(len(names)) * 0.5, np.zeros(self.num_envs, dtype=int)

    def _start(self):
        super()._start()
        if hasattr(self, "_choose"):
            self.playing = np.array([self._choose(row) for row in range(self.num_envs)])
            self._target = self._target + self.shift[self.playing]

    def state(self):
        import json

        told = json.dumps([generator.bit_generator.state for generator in self._generators]).encode()
        kept = np.frombuffer(told, dtype=np.uint8).copy()
        arrays = {"place": self._place.copy(), "target": self._target.copy(), "playing": self.playing.copy()}
        return {"generators": kept, "step": np.array([self._step]), **arrays}

    def restore(self, state):
        import json

        self._generators = [np.random.default_rng() for _ in json.loads(state["generators"].tobytes())]
        for generator, kept in zip(self._generators, json.loads(state["generators"].tobytes()), strict=True):
            generator.bit_generator.state = kept
        self._place, self._target, self.playing = state["place"], state["target"], state["playing"]
        self._step = int(state["step"][0])


def sized(rule: str, policies: int = 2, worlds: int = 8, **more) -> tuple[Sized, Variants]:
    world = Sized(policies * worlds)
    asked = {"rule": rule, "names": NAMES, "own": 0.0, **more}
    return world, variants_of(world, asked, list(range(policies)), solvable=True)


def learner(policies: int = 2, worlds: int = 8) -> PPO:
    return PPO(2, 1, list(range(policies)), Settings(num_envs=worlds, horizon=4))


def test_a_step_counts_for_the_variant_that_it_was_made_in_also_where_an_episode_ends():
    world, variants = sized("even", policies=1, worlds=4)
    world.reset([0])
    for count in range(1, 41):
        played = world.playing.copy()
        step = world.step(np.zeros((4, 1)))
        solved = torch.tensor([True, False, False, False])
        variants.pay(Terms(("x",), torch.ones(1, 4)), Seen(step, solved, solved, 0.0))
        assert variants._played[-1].tolist() == played.tolist()
        assert variants._steps.sum() == 4 * count
    assert sorted(np.concatenate([variants._outcomes.last(k) for k in range(3)])) == [0, 0, 0, 0, 0, 0, 1, 1]


def test_long_episodes_are_drawn_more_rarely_so_that_shares_are_of_steps():
    _, variants = sized("even", policies=1)
    variants._late_steps[0], variants._late_ends[0] = [1000.0, 1000.0, 1000.0], [1.0, 20.0, 0.0]
    variants.before(0.1, learner(1))
    length = [1050 / 2, 1050 / 21, 1050]
    assert variants._shares[0] * length == pytest.approx(variants._shares[0][0] * length[0])
    assert variants.told(0)["points"][0]["shares"] == pytest.approx([1 / 3] * 3, abs=1e-3)
    _, episodes = sized("uniform", policies=1)
    episodes._late_steps[0], episodes._late_ends[0] = variants._late_steps[0], variants._late_ends[0]
    episodes.before(0.1, learner(1))
    assert episodes._shares[0] == pytest.approx([1 / 3] * 3)


def test_the_last_part_of_a_training_plays_the_tasks_own_variant_alone():
    world, variants = sized("window", own=0.25)
    variants.before(0.5, learner())
    assert variants.values()[0] < 1
    variants.before(0.75, learner())
    assert variants.values() == [1.0, 1.0]
    world.reset([0, 1])
    assert (world.playing == 0).all()


def test_a_schedule_of_an_earlier_training_has_half_of_the_say():
    given = {"at": [0.0, 0.5], "shares": [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]}
    _, variants = sized("even", schedule=given)
    for progress, least in ((0.0, 2), (0.49, 2), (0.5, 0), (0.9, 0)):
        variants.before(progress, learner())
        shares = [0.5 / 3 + 0.5 * (k == least) for k in range(3)]
        assert variants._shares[0] == pytest.approx(shares)


def test_what_one_policy_plays_does_not_depend_on_those_beside_it():
    def played(seeds):
        world = Sized(4 * len(seeds))
        variants_of(world, {"rule": "even", "names": NAMES, "own": 0.0}, seeds, solvable=True)
        world.reset(seeds)
        return world.playing

    assert played([7]).tolist() == played([8, 7])[4:].tolist()
    assert played([7]).tolist() == played([7]).tolist()
    assert played(list(range(40))).tolist() != [0] * 160


# In a training ----------------------------------------------------------------------------------------------------------


def training(rule: str) -> Training:
    settings = Settings(num_envs=8, horizon=16)
    world, variants = sized(rule, own=0.2)
    reward, aids = CodeReward(SOURCE, "reward", settings.gamma), Aids([variants], solved_in(SOURCE), variants)
    return Training(world, reward, [0, 1], 10 * 128, [0.5, 1.0], settings, None, aids)


class Quiet:
    def progress(self, **_: float) -> None:
        pass


@pytest.mark.parametrize("rule", ["uniform", "even", "alp", "ucb", "window"])
def test_resumed_training_ends_bit_for_bit_as_one_that_never_stopped(rule):
    whole, first, resumed = training(rule), training(rule), training(rule)
    whole.start()
    whole.advance(1.0, Quiet())
    first.start()
    first.advance(0.5, Quiet())
    resumed.restore(first.state())
    resumed.advance(1.0, Quiet())
    assert resumed.variants_of(0) == whole.variants_of(0)
    assert resumed.aids_of(1) == whole.aids_of(1)
    for name, value in whole.kept[-1].items():
        assert torch.equal(resumed.kept[-1][name], value), name
    assert whole.variants_of(0)["points"][-1]["shares"] == [1.0, 0.0, 0.0]
    assert min(whole.variants_of(0)["steps"]) > 0


def train(world: str = GRID, source: str = SOLVABLE, **changes):
    before = changes.pop("checkpoint_safetensors", b"")
    names = ["MiniGrid-Empty-8x8-v0", "MiniGrid-Empty-5x5-v0", "MiniGrid-Empty-6x6-v0"]
    job = {
        "verb": "train",
        "world": world,
        "seeds": [1],
        "steps": 6 * 4 * 64,
        "fractions": [0.5, 1.0],
        "settings": {"num_envs": 4, "horizon": 64},
        "reward": {"kind": "code", "entry": "reward"},
        "aids": {"variants": {"rule": "window", "names": names, "own": 0.2}},
        **changes,
    }
    return run_verb(job, reward_py=source, checkpoint_safetensors=before)


def test_box_tells_what_was_played():
    sent = train()
    assert sent.result["status"] == "ok"
    (told,) = sent.result["variants"]
    assert sum(told["steps"]) == pytest.approx(1, abs=1e-3)
    assert min(told["steps"]) > 0
    assert told["points"][-1]["shares"] == [1.0, 0.0, 0.0]
    (aid,) = sent.result["aids"][0]
    assert aid["name"] == "share of the task's own variant"
    assert aid["value"][-1] == 1.0


@pytest.mark.parametrize("rule", ["window", "ucb"])
def test_a_grid_goes_on_after_a_pause_bit_for_bit(rule):
    names = ["MiniGrid-Empty-8x8-v0", "MiniGrid-Empty-5x5-v0", "MiniGrid-Empty-6x6-v0"]
    aids = {"variants": {"rule": rule, "names": names, "own": 0.0}}
    whole, first = train(aids=aids), train(aids=aids, until=0.5)
    resumed = train(aids=aids, resume=True, checkpoint_safetensors=first.files["checkpoint.safetensors"])
    assert whole.result["status"] == "ok"
    assert resumed.files == whole.files
    assert resumed.result["variants"] == whole.result["variants"]
    assert min(whole.result["variants"][0]["steps"]) > 0


@pytest.mark.parametrize(
    ("world", "message"),
    [("pendulum", "declares no variants"), ("MiniGrid-FourRooms-v0", "no variant 'MiniGrid-Empty-8x8-v0'")],
)
def test_world_without_such_variants_is_told_in_a_sentence(world, message):
    job = {
        "world": world, "seeds": [1], "steps": 10, "fractions": [1.0], "settings": {"num_envs": 2, "horizon": 2},
        "reward": {"kind": "code", "entry": "reward"},
        "aids": {"variants": {"rule": "even", "names": ["MiniGrid-Empty-8x8-v0"], "own": 0.2}},
    }  # fmt: skip
    with pytest.raises(WorldError, match=message):
        training_of(job, lambda name: b"def reward(s, a):\n    return {'x': s.episode_time_s}\n")


# Worlds -----------------------------------------------------------------------------------------------------------------


def odd(**others) -> GymnasiumWorld:
    makers = {name: (lambda options=options: OddWorld(**options)) for name, options in others.items()}
    return GymnasiumWorld("odd", OddWorld, None, 2, others=makers)


def test_each_row_plays_the_variant_that_is_chosen_for_it_with_that_ones_ends():
    world, chosen = odd(late={"ends_at": 9}), []
    world.vary(("own", "late"), lambda row: chosen.append(row) or row)
    world.reset([0])
    ends = [world.step(np.zeros((2, 1))).terminated.tolist() for _ in range(10)]
    assert [t for t, (own, _) in enumerate(ends, 1) if own] == [5, 10]
    assert [t for t, (_, late) in enumerate(ends, 1) if late] == [9]
    assert chosen == [0, 1, 0, 1, 0]


def test_a_variants_random_numbers_follow_from_the_seed_whenever_it_is_first_played():
    def starts(seed):
        world, count = odd(late={"ends_at": 3}), iter([0, 0, 1, 1, 0, 1, 1, 0] * 9)
        world.vary(("own", "late"), lambda row: next(count))
        world.reset([seed])
        return np.array([world.step(np.zeros((2, 1))).observation[:, 0] for _ in range(20)])

    assert starts(3).tolist() == starts(3).tolist()
    assert starts(3).tolist() != starts(4).tolist()


def test_what_is_seen_or_steered_otherwise_is_no_variant():
    import gymnasium

    wide = gymnasium.spaces.Box(-10, 10, (3,))
    with pytest.raises(WorldError, match="wide is no variant of odd: its numbers in an observation differ"):
        odd(wide={"observation_space": wide}).vary(("own", "wide"), lambda row: 0)
    with pytest.raises(WorldError, match="begin with own"):
        odd(late={"ends_at": 9}).vary(("late", "own"), lambda row: 0)
