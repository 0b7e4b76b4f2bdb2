"""The shipped judges, on scripted trajectories: what should count counts, and cheap tricks don't."""

import numpy as np
import pytest

from envs.acrobot import fitness as acrobot
from envs.ant import fitness as ant
from envs.cart_pole import fitness as cart_pole
from envs.half_cheetah import fitness as half_cheetah
from envs.hopper import fitness as hopper
from envs.humanoid import fitness as humanoid
from envs.humanoid_standup import fitness as humanoid_standup
from envs.inverted_double_pendulum import fitness as inverted_double_pendulum
from envs.inverted_pendulum import fitness as inverted_pendulum
from envs.lunar_lander_continuous import fitness as lander
from envs.metaworld import fitness as metaworld
from envs.minigrid import fitness as minigrid
from envs.mountain_car import fitness as mountain_car_with_gears
from envs.mountain_car_continuous import fitness as mountain_car
from envs.pendulum import fitness as pendulum
from envs.pusher import fitness as pusher
from envs.reacher import fitness as reacher
from envs.swimmer import fitness as swimmer
from envs.walker2d import fitness as walker2d

pytestmark = pytest.mark.worker


class Trajectories:
    """A stand-in for the scorer's: fields (num_episodes, num_steps, ...), zero after an episode's end."""

    def __init__(self, dt_s, length, step_limit=None, **fields):
        self.dt_s, self.length = dt_s, np.array(length)
        steps = next(iter(fields.values())).shape[1]
        self.step_limit = step_limit or steps
        self.alive = np.arange(steps) < self.length[:, None]
        for name, values in fields.items():
            dead = ~self.alive.reshape(self.alive.shape + (1,) * (values.ndim - 2))
            setattr(self, name, np.where(dead, 0, values).astype(np.float32))

    def mean(self, values):
        return values.sum(axis=1, where=self.alive) / self.length


def each(values, steps):
    """Hold one value an episode for all its steps: (num_episodes, steps)."""
    return np.repeat(np.array(values, dtype=float)[:, None], steps, axis=1)


def moving_along_x(speeds, steps, axes):
    velocity = np.zeros((len(speeds), steps, axes))
    velocity[..., 0] = each(speeds, steps)
    return velocity


def test_cheetah_backward_is_the_mean_speed_against_its_facing():
    t = Trajectories(0.05, [1000, 1000], torso_velocity=moving_along_x([-3.0, 2.0], 1000, 2))
    np.testing.assert_allclose(half_cheetah.backward(t), [3.0, -2.0], rtol=1e-6)
    np.testing.assert_allclose(half_cheetah.forward(t), [-3.0, 2.0], rtol=1e-6)


def test_cheetah_sliding_on_its_back_did_not_run():
    t = Trajectories(
        0.05,
        [1000] * 4,
        torso_velocity=moving_along_x([-3.0, -3.0, -0.5, -3.0], 1000, 2),
        torso_pitch=each([0.1, 3.1, 0.1, -3.1], 1000),
    )
    assert half_cheetah.ran_backward(t).tolist() == [True, False, False, False]
    assert half_cheetah.ran_forward(t).tolist() == [False] * 4


@pytest.mark.parametrize("judge", [hopper, ant, walker2d, humanoid])
def test_falling_early_never_pays_however_fast_the_dive(judge):
    axes = 2 if judge in (hopper, walker2d) else 3
    t = Trajectories(0.008, [1000, 50, 1000], torso_velocity=moving_along_x([1.0, 4.0, 0.0], 1000, axes))
    steady, dive, still = judge.forward(t)
    assert steady == pytest.approx(1.0)
    assert dive == pytest.approx(0.2)
    assert still == pytest.approx(0.0)


def test_a_fall_is_judged_alike_when_fewer_steps_were_recorded():
    short = Trajectories(0.008, [50], 1000, torso_velocity=moving_along_x([4.0], 50, 2))
    assert hopper.forward(short)[0] == pytest.approx(0.2)


def test_success_needs_both_speed_and_the_full_time():
    t = Trajectories(0.008, [1000, 999, 1000], torso_velocity=moving_along_x([1.0, 1.0, 0.1], 1000, 3))
    assert hopper.hopped(t).tolist() == [True, False, False]
    assert ant.walked(t).tolist() == [True, False, False]
    assert walker2d.walked(t).tolist() == [True, False, False]
    assert humanoid.walked(t).tolist() == [True, False, False]


def spinning(rates, upright, height, length):
    position = np.zeros((len(length), 1000, 3))
    position[..., 2] = each(height, 1000)
    return Trajectories(0.05, length, torso_yaw_velocity=rates, torso_upright=each(upright, 1000), torso_position=position)


def test_ant_spin_counts_turning_in_one_direction_on_its_feet():
    wobble = each([2.0, -2.0, 2.0, 2.0, 2.0, 2.0], 1000)
    wobble[2, ::2] = -2.0
    t = spinning(wobble, [1, 1, 1, -1, 1, 1], [0.5, 0.5, 0.5, 0.5, 0.95, 0.5], [1000] * 5 + [100])
    left, right, to_and_fro, on_its_back, leaping, ended_early = ant.spin(t)
    assert left == right == pytest.approx(2.0)
    assert to_and_fro == pytest.approx(0.0)
    assert on_its_back == pytest.approx(0.0)
    assert leaping == pytest.approx(0.0)
    assert ended_early == pytest.approx(0.2)
    assert ant.spun(t).tolist() == [True, True, False, False, False, False]


def test_swing_up_is_the_upright_share_of_the_second_half():
    steps = np.arange(200)
    early_only = np.where(steps < 100, 1.0, -1.0)
    late = np.where(steps >= 100, 1.0, -1.0)
    half_of_late = np.where(steps >= 150, 1.0, -1.0)
    passing_through = np.cos(steps * 0.4)
    leaning = np.full(200, 0.94)
    t = Trajectories(0.05, [200] * 5, rod_upright=np.stack([early_only, late, half_of_late, passing_through, leaning]))
    share = pendulum.swing_up(t)
    np.testing.assert_allclose(share[[0, 1, 2, 4]], [0.0, 1.0, 0.5, 0.0])
    assert share[3] < 0.2
    assert pendulum.balanced(t).tolist() == [False, True, False, False, False]


def test_swimming_counts_speed_along_x_only():
    t = Trajectories(0.04, [1000] * 3, torso_velocity=moving_along_x([0.3, -0.3, 0.0], 1000, 2))
    assert swimmer.forward(t).tolist() == pytest.approx([0.3, -0.3, 0.0])
    assert swimmer.swam(t).tolist() == [True, False, False]


def test_reaching_means_being_there_at_the_end_not_passing_by():
    steps = np.arange(50)
    stays = np.where(steps >= 30, 0.01, 0.2)
    passes = np.where((steps > 10) & (steps < 30), 0.01, 0.2)
    late = np.where(steps >= 45, 0.01, 0.2)
    close = np.full(50, 0.03)
    t = Trajectories(0.02, [50] * 4, fingertip_to_target_distance=np.stack([stays, passes, late, close]))
    assert reacher.reached(t).tolist() == [1.0, 0.0, 0.5, 0.0]
    assert reacher.held(t).tolist() == [True, False, False, False]


def test_pushing_is_judged_by_where_the_object_ends():
    steps = np.arange(100)
    arrives = np.where(steps >= 80, 0.05, 0.3)
    passes = np.where((steps > 20) & (steps < 80), 0.05, 0.3)
    t = Trajectories(0.05, [100] * 2, object_to_goal_distance=np.stack([arrives, passes]))
    assert pusher.pushed(t).tolist() == pytest.approx([-0.05, -0.3])
    assert pusher.on_goal(t).tolist() == [True, False]


def test_standing_up_is_judged_by_the_head_in_the_second_half():
    steps = np.arange(1000)
    rises, falls_back = np.where(steps >= 400, 1.2, 0.1), np.where(steps < 400, 1.2, 0.1)
    t = Trajectories(0.015, [1000] * 2, head_height=np.stack([rises, falls_back]))
    assert humanoid_standup.head_up(t).tolist() == pytest.approx([1.2, 0.1], rel=1e-5)
    assert humanoid_standup.sat_up(t).tolist() == [True, False]


@pytest.mark.parametrize("judge", [inverted_pendulum, inverted_double_pendulum])
def test_balancing_is_the_share_of_the_time_limit_that_it_lasted(judge):
    t = Trajectories(0.04, [1000, 250], cart_position=np.zeros((2, 1000)))
    assert judge.lasted(t).tolist() == [1.0, 0.25]
    assert judge.balanced(t).tolist() == [True, False]


def test_staying_centred_needs_the_cart_in_the_middle():
    place = np.stack([np.zeros(1000), np.full(1000, 0.5), np.zeros(1000)])
    t = Trajectories(0.04, [1000, 1000, 300], cart_position=place)
    assert inverted_pendulum.centred(t).tolist() == pytest.approx([1.0, 0.0, 0.3])


def test_rearing_up_needs_the_nose_up_and_the_front_foot_off_the_ground():
    feet = np.zeros((4, 100, 2))
    feet[[0, 1, 3], :, 1] = 0.5
    t = Trajectories(0.05, [100] * 4, torso_pitch=each([-1.5, 1.5, -1.5, -0.3], 100), feet_height=feet)
    assert half_cheetah.reared(t).tolist() == [1.0, 0.0, 0.0, 0.0]


def test_only_whole_backward_turns_count_as_flips():
    turning = np.linspace(0, -13.0, 100)
    rocking = np.sin(np.arange(100)) * 3.0
    forward, almost = np.linspace(0, 13.0, 100), np.linspace(0, -6.2, 100)
    t = Trajectories(0.05, [100] * 4, torso_pitch=np.stack([turning, rocking, forward, almost]))
    assert half_cheetah.back_flips(t).tolist() == [2.0, 0.0, 0.0, 0.0]
    assert half_cheetah.flipped(t).tolist() == [True, False, False, False]


def test_hopping_on_the_spot_is_neither_running_nor_lying_on_the_back():
    velocity = np.zeros((3, 100, 2))
    velocity[:, :, 1] = np.where(np.arange(100) % 2, 1.0, -1.0)
    velocity[1, :, 0] = 3.0
    t = Trajectories(0.05, [100] * 3, torso_velocity=velocity, torso_pitch=each([0.0, 0.0, 3.0], 100))
    assert half_cheetah.hopped(t).tolist() == pytest.approx([1.0, -2.0, 0.0])


def test_the_flag_counts_within_300_steps_only():
    steps = np.arange(999)
    early, late, never = np.where(steps >= 200, 0.46, 0.0), np.where(steps >= 400, 0.46, 0.0), np.zeros(999)
    t = Trajectories(1.0, [201, 401, 999], car_position=np.stack([early, late, never]))
    assert mountain_car.reached(t).tolist() == [1.0, 0.0, 0.0]


def test_the_mountain_car_with_gears_has_to_be_at_the_flag_while_the_episode_lasts():
    position = np.zeros((3, 10))
    position[0, 4], position[1, 4], position[2, 9] = 0.5, 0.49, 0.6
    t = Trajectories(1.0, [5, 10, 9], step_limit=10, car_position=position)
    assert mountain_car_with_gears.reached(t).tolist() == [1.0, 0.0, 0.0]


def test_time_that_is_left_and_time_that_it_lasted():
    t = Trajectories(0.2, [500, 100], pole_angle=np.zeros((2, 500)))
    assert acrobot.time_left(t).tolist() == pytest.approx([0.0, 0.8])
    assert acrobot.raised(t).tolist() == [False, True]
    assert cart_pole.lasted(t).tolist() == [1.0, 0.2]


def test_landing_is_resting_on_the_pad_on_both_legs_before_the_time_is_up():
    place, speed, legs = np.zeros((5, 1000, 2)), np.zeros((5, 1000, 2)), np.ones((5, 1000, 2))
    place[1, :, 0] = 0.5  # beside the pad
    legs[2, :, 1] = 0.0  # on one leg
    speed[3, :, 1] = -1.0  # crashing
    t = Trajectories(0.02, [400, 400, 400, 400, 1000], lander_position=place, lander_velocity=speed, leg_contact=legs)
    assert lander.landed(t).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_a_grids_goal_is_stood_on_and_a_ball_is_taken():
    away = np.stack([np.arange(10)[::-1], np.arange(10)[::-1] + 1]).astype(float)
    ball = np.stack([np.where(np.arange(10) > 5, -1.0, 3.0), np.full(10, 3.0)])
    t = Trajectories(1.0, [10, 10], goal_distance=away, ball_distance=ball)
    assert minigrid.reached(t).tolist() == [1.0, 0.0]
    assert minigrid.picked_up(t).tolist() == [1.0, 0.0]


def test_an_arms_goal_is_stayed_at_and_its_object_was_once_where_it_belongs():
    def places(x=0.0, y=0.0):
        place = np.zeros((2, 500, 3))
        place[..., 0], place[..., 1] = x, y
        return place

    passing = each([0.3, 0.3], 500)
    passing[0, 450:] = 0.04  # there to the end
    passing[1, 200:300] = 0.04  # passed by
    np.testing.assert_array_equal(metaworld.reached(Trajectories(1, [500, 500], hand_to_goal_distance=passing)), [1, 0])
    np.testing.assert_array_equal(metaworld.drawer_opened(Trajectories(1, [500, 500], object_to_goal_distance=passing)), [0, 0])
    passing[1, 250] = 0.029
    np.testing.assert_array_equal(metaworld.drawer_opened(Trajectories(1, [500, 500], object_to_goal_distance=passing)), [0, 1])
    pressed, opened = places(x=0.5), places(y=0.5)
    pressed[0, 100, 1], opened[0, 100, 0] = 0.1, 0.3
    for judge, moved, goal in (
        (metaworld.button_pressed, pressed, places(y=0.1)),
        (metaworld.door_opened, opened, places(x=0.3)),
    ):
        t = Trajectories(1, [500, 500], object_position=moved, goal_position=goal)
        np.testing.assert_array_equal(judge(t), [1, 0])


def test_staying_to_the_right_is_neither_the_middle_nor_the_left():
    places = Trajectories(0.04, [100, 100, 50], 100, cart_position=each([0.55, -0.5, 0.45], 100))
    np.testing.assert_allclose(inverted_pendulum.to_the_right(places), [1.0, 0.0, 0.5])
    assert inverted_pendulum.to_the_right(Trajectories(0.04, [100], cart_position=each([0.0], 100)))[0] == 0.0
