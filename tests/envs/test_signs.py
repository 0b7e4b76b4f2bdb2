"""What the sentences of the state table claim: which way is forward, what is positive, what is zero."""

import mujoco
import numpy as np
import pytest
import torch

from envs import worlds
from envs.state import State

pytestmark = pytest.mark.worker


class Posed:
    """One simulation that can be put into any state; reads the typed fields and where the bodies are."""

    def __init__(self, name):
        self.world = worlds.make(name, 1, dtype=torch.float64)
        self.world.reset([0])
        self.qpos, self.qvel = self.world.model.qpos0.copy(), np.zeros(self.world.model.nv)

    def state(self):
        self.world.set_state(self.qpos[None], self.qvel[None])
        fields = {field.name: field for field in self.world.spec.fields}
        return State(fields, self.world._before, np.zeros(1), dtype=torch.float64)

    def geom(self, name):
        """Return a geom's centre in the world [m]: (3,)."""
        self.state()
        data = self.world.simulation(0)
        mujoco.mj_forward(self.world.model, data)
        return data.geom(name).xpos.copy()

    def turn(self, axis, angle):
        self.qpos[3:7] = np.concatenate(([np.cos(angle / 2)], np.sin(angle / 2) * np.array(axis)))


def test_cheetahs_positive_pitch_lowers_its_nose():
    cheetah = Posed("half_cheetah")
    level = cheetah.geom("head")
    cheetah.qpos[2] = 0.3
    assert cheetah.state().torso_pitch.item() == pytest.approx(0.3)
    assert cheetah.geom("head")[2] < level[2] - 0.1


@pytest.mark.parametrize(("joint", "geom"), [("bthigh", "bfoot"), ("fshin", "ffoot"), ("ffoot", "ffoot")])
def test_cheetahs_positive_joint_angles_swing_backward(joint, geom):
    cheetah = Posed("half_cheetah")
    start = cheetah.geom(geom)
    cheetah.qpos[cheetah.world.model.joint(joint).qposadr[0]] = 0.3
    assert cheetah.geom(geom)[0] < start[0]


def test_cheetah_stands_with_its_feet_on_the_floor():
    world = worlds.make("half_cheetah", 1)
    world.reset([0])
    for _ in range(60):
        state = world.step(np.zeros((1, 6))).state
    assert state.feet_height.abs().max() < 0.02
    assert state.torso_position[0, 1].item() == pytest.approx(0.6, abs=0.05)


def test_hoppers_positive_pitch_leans_forward():
    hopper = Posed("hopper")
    foot = hopper.geom("foot_geom")
    hopper.qpos[2] = 0.1
    assert hopper.geom("foot_geom")[0] < foot[0]
    assert hopper.state().torso_position[0].tolist() == pytest.approx([0.0, 1.25])


@pytest.mark.parametrize("joint", ["thigh_joint", "leg_joint"])
def test_hoppers_negative_joint_angles_swing_backward(joint):
    hopper = Posed("hopper")
    foot = hopper.geom("foot_geom")
    hopper.qpos[hopper.world.model.joint(joint).qposadr[0]] = -0.3
    assert hopper.geom("foot_geom")[0] < foot[0]


def test_hoppers_foot_height_is_the_foots_lowest_point():
    hopper = Posed("hopper")
    assert hopper.state().foot_height.item() == pytest.approx(hopper.geom("foot_geom")[2] - 0.06)
    hopper.qpos[5] = 0.5
    tilted = hopper.geom("foot_geom")[2] - np.sin(0.5) * 0.195 - 0.06
    assert hopper.state().foot_height.item() == pytest.approx(tilted)


def test_ants_upright_is_one_on_its_feet_and_minus_one_on_its_back():
    ant = Posed("ant")
    assert ant.state().torso_upright.item() == pytest.approx(1.0)
    ant.turn((1, 0, 0), np.pi / 2)
    assert ant.state().torso_upright.item() == pytest.approx(0.0, abs=1e-12)
    ant.turn((0, 1, 0), np.pi)
    assert ant.state().torso_upright.item() == pytest.approx(-1.0)


def test_ants_yaw_turns_left_and_is_the_integral_of_its_rate():
    ant = Posed("ant")
    ant.turn((0, 0, 1), 0.5)
    assert ant.state().torso_yaw.item() == pytest.approx(0.5)
    ant.qpos[2], ant.qvel[5] = 5.0, 2.0
    rate = ant.state().torso_yaw_velocity.item()
    turned = ant.world.step(np.zeros((1, 8))).state.torso_yaw.item() - 0.5
    assert rate == pytest.approx(2.0)
    assert turned == pytest.approx(0.05 * rate, rel=0.1)


def test_ants_yaw_rate_is_about_the_worlds_vertical_even_on_its_back():
    ant = Posed("ant")
    ant.turn((1, 0, 0), np.pi)
    ant.qvel[5] = 2.0
    assert ant.state().torso_yaw_velocity.item() == pytest.approx(-2.0)


def test_ants_own_velocity_follows_its_heading():
    ant = Posed("ant")
    ant.turn((0, 0, 1), np.pi / 2)
    ant.qvel[:3] = (0.0, 3.0, 0.5)
    assert ant.state().torso_velocity[0].tolist() == pytest.approx([0.0, 3.0, 0.5])
    assert ant.state().torso_velocity_b[0].tolist() == pytest.approx([3.0, 0.0, 0.5])


def test_ants_orientation_does_not_depend_on_the_quaternions_length():
    ant = Posed("ant")
    ant.turn((0, 0, 1), 0.7)
    ant.qpos[3:7] *= 1.3
    assert ant.state().torso_yaw.item() == pytest.approx(0.7)
    assert ant.state().torso_upright.item() == pytest.approx(1.0)


def test_ants_legs_point_where_the_table_says():
    ant = Posed("ant")
    quadrants = {"left": (1, 1), "right": (-1, 1), "third": (-1, -1), "fourth": (1, -1)}
    for leg, quadrant in quadrants.items():
        assert tuple(np.sign(ant.geom(f"{leg}_ankle_geom")[:2])) == quadrant
    heights = ant.state().feet_height
    ant.qpos[ant.world.model.joint("ankle_1").qposadr[0]] = 1.0
    ant.qpos[ant.world.model.joint("ankle_2").qposadr[0]] = -1.0
    lowered = (heights - ant.state().feet_height)[0] > 0.1
    assert lowered.tolist() == [True, True, False, False]


def test_pendulums_angle_is_zero_upright_and_positive_counter_clockwise():
    pendulum = Posed("pendulum")
    pendulum.qpos[0] = 0.5 + 2 * np.pi
    state = pendulum.state()
    assert state.rod_angle.item() == pytest.approx(0.5)
    tip = 2 * pendulum.geom("rod")
    assert state.tip_position[0].tolist() == pytest.approx([tip[0], tip[2]])
    assert tip[0] < 0
    pendulum.qpos[0] = np.pi
    assert pendulum.state().rod_upright.item() == pytest.approx(-1.0)


def foot(body, side="right"):
    return body.geom(f"{side}_foot")


@pytest.mark.parametrize("side", ["", "_left"])
def test_walkers_negative_joint_angles_swing_backward_and_a_positive_foot_lifts_the_toes(side):
    walker = Posed("walker2d")
    level = walker.geom(f"foot{side}_geom")
    walker.qpos[walker.world.model.joint(f"foot{side}_joint").qposadr[0]] = 0.3
    assert walker.geom(f"foot{side}_geom")[2] > level[2]
    for joint in ("thigh", "leg"):
        walker = Posed("walker2d")
        walker.qpos[walker.world.model.joint(f"{joint}{side}_joint").qposadr[0]] = -0.3
        assert walker.geom(f"foot{side}_geom")[0] < level[0]


def test_walkers_feet_are_named_right_and_left():
    walker = Posed("walker2d")
    walker.qpos[walker.world.model.joint("thigh_left_joint").qposadr[0]] = -1.0
    right, left = walker.state().feet_height[0]
    assert left > right + 0.1


@pytest.mark.parametrize(("name", "up"), [("humanoid", False), ("humanoid_standup", True)])
@pytest.mark.parametrize("side", ["right", "left"])
def test_humanoids_negative_hip_and_knee_swing_to_the_front_and_the_back(name, up, side):
    ahead = 2 if up else 0  # the front of a body that lies on its back points up
    body = Posed(name)
    straight = foot(body, side)
    body.qpos[body.world.model.joint(f"{side}_hip_y").qposadr[0]] = -0.5
    assert foot(body, side)[ahead] > straight[ahead] + 0.1
    body = Posed(name)
    body.qpos[body.world.model.joint(f"{side}_knee").qposadr[0]] = -0.5
    assert foot(body, side)[ahead] < straight[ahead] - 0.1


@pytest.mark.parametrize(("name", "joint"), [("humanoid", "hip_x"), ("humanoid_standup", "hip_z")])
def test_humanoids_legs_spread_outward_at_negative_angles(name, joint):
    for side, outward in (("right", -1), ("left", 1)):
        body = Posed(name)
        straight = foot(body, side)
        body.qpos[body.world.model.joint(f"{side}_{joint}").qposadr[0]] = -0.4
        assert (foot(body, side) - straight)[1] * outward > 0.1


@pytest.mark.parametrize(("name", "ahead"), [("humanoid", 0), ("humanoid_standup", 2)])
def test_humanoids_negative_abdomen_brings_the_legs_before_the_torso(name, ahead):
    body = Posed(name)
    straight = foot(body)
    body.qpos[body.world.model.joint("abdomen_y").qposadr[0]] = -0.4
    assert foot(body)[ahead] > straight[ahead] + 0.1


def test_lying_humanoids_upright_is_one_with_its_head_on_top():
    body = Posed("humanoid_standup")
    assert body.state().torso_upright.item() == pytest.approx(0.0)
    body.turn((0, 1, 0), np.pi / 2)
    assert body.state().torso_upright.item() == pytest.approx(1.0)
    assert body.state().head_height.item() > body.state().torso_position[0, 2].item()


def test_lying_humanoids_angular_velocity_is_about_the_worlds_axes():
    body = Posed("humanoid_standup")
    body.turn((0, 1, 0), np.pi / 2)
    body.qvel[3] = 1.0  # about its own x axis, which now points down
    assert body.state().torso_angular_velocity[0].tolist() == pytest.approx([0.0, 0.0, -1.0])


def test_humanoids_mass_center_is_above_its_feet_when_it_stands():
    body = Posed("humanoid")
    center = body.state().mass_center[0]
    assert abs(center[0].item()) < 0.1
    assert 0.8 < center[2].item() < 1.3


def test_swimmers_joints_turn_what_is_behind_them_to_the_right_hand_rule():
    swimmer = Posed("swimmer")
    swimmer.qpos[3] = 0.5
    swimmer.state()
    data = swimmer.world.simulation(0)
    mujoco.mj_forward(swimmer.world.model, data)
    assert data.body("back").xpos[1] < -0.1  # it lies behind, so counter-clockwise is towards -y


def test_swimmers_position_is_its_middle_when_straight():
    swimmer = Posed("swimmer")
    assert swimmer.state().torso_position[0].tolist() == pytest.approx([0.0, 0.0])
    data = swimmer.world.simulation(0)
    mujoco.mj_forward(swimmer.world.model, data)
    ends = data.body("mid").xpos[0] + 1.0, data.body("back").xpos[0] - 1.0
    assert sum(ends) == pytest.approx(0.0)


def test_reachers_distance_is_between_the_fingertip_and_the_target():
    reacher = Posed("reacher")
    reacher.qpos[:] = (np.pi / 2, 0.0, 0.0, 0.1)
    state = reacher.state()
    assert state.fingertip_position[0].tolist() == pytest.approx([0.0, 0.21], abs=1e-9)
    assert state.target_position[0].tolist() == pytest.approx([0.0, 0.1])
    assert state.fingertip_to_target_distance.item() == pytest.approx(0.11)


def test_pushers_table_says_where_things_are():
    pusher = Posed("pusher")
    pusher.qpos[-4:-2] = (-0.2, -0.1)  # y first, as in the model
    state = pusher.state()
    assert state.goal_position[0].tolist() == pytest.approx([0.45, -0.05, -0.323])
    assert state.object_position[0].tolist() == pytest.approx([0.35, -0.25, -0.275])
    assert state.hand_position[0, 0].item() > 0.7
    pusher.qpos[-4:-2] = 0.0
    assert pusher.state().object_to_goal_distance.item() == pytest.approx(0.048)


@pytest.mark.parametrize(
    ("name", "field"), [("inverted_pendulum", "pole_angle"), ("inverted_double_pendulum", "lower_pole_angle")]
)
def test_poles_lean_to_plus_x_at_positive_angles(name, field):
    cart = Posed(name)
    upright = cart.geom("cpole")
    cart.qpos[1] = 0.2
    assert getattr(cart.state(), field).item() == pytest.approx(0.2)
    assert cart.geom("cpole")[0] > upright[0] + 0.02


def test_two_upright_poles_hold_the_tip_at_its_highest():
    cart = Posed("inverted_double_pendulum")
    assert cart.state().tip_position[0].tolist() == pytest.approx([0.0, 1.2])
    cart.qpos[2] = 0.3
    assert cart.state().tip_position[0, 0].item() > 0.1
