"""HumanoidStandup on batched MuJoCo, as in gymnasium's HumanoidStandup-v5 without its contact forces."""

from __future__ import annotations

import mujoco
import numpy as np
import torch

from envs.humanoid.body import DERIVED, mass_and_feet_fields, observation_dim, observe
from envs.mujoco_world import Array, MujocoWorld, gymnasium_model, joint_fields, motor_table, near_default
from envs.state import Snapshot, StateField
from envs.torso import position, rotation_to_world
from envs.vec_env import WorldSpec

RESET_NOISE = 0.01


class HumanoidStandup(MujocoWorld):
    """The humanoid on its back; episodes end by the time limit only."""

    frame_skip = 5
    derived = DERIVED

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("humanoidstandup.xml")
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        return observe(raw)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        return near_default(self.model, generator, count, RESET_NOISE)


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names, indices and bounds are read from the model."""
    return WorldSpec(
        name="humanoid_standup",
        gymnasium_id="HumanoidStandup-v5",
        summary=(
            "A human-like body (torso, waist, two arms, two legs) that lies on its back on flat ground, its head towards "
            "-x, its feet towards +x."
        ),
        fields=state_fields(model),
        observation_dim=observation_dim(model),
        action_sentence="Torque of each joint's motor, in units of its gear.",
        dt_s=HumanoidStandup.frame_skip * float(model.opt.timestep),
        episode_steps=1000,
        **motor_table(model),
    )


def state_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the typed state. Here the torso's own x axis points from its head to its feet."""
    torso, head = model.body("torso").id, model.geom("head").id
    return (
        StateField(
            "torso_position", (3,), "m", "world", "position",
            "Position of the torso (the chest): z is up, 0.1 lying (x and y up to one substep, 0.003 s, behind).",
            ("x", "y", "z"),
            lambda raw: position(raw, torso),
        ),
        StateField(
            "torso_velocity", (3,), "m/s", "world", "linear_velocity",
            "Velocity of the torso along the world's axes: z is up.",
            ("x", "y", "z"),
            lambda raw: raw["qvel"][:, :3],
        ),
        StateField(
            "torso_upright", (), "1", "world", "orientation",
            "How much the torso's head end points up (a cosine): 1 upright with the head on top, 0 lying, -1 on its head.",
            (),
            lambda raw: -rotation_to_world(raw)[:, 2, 0],
        ),
        StateField(
            "torso_angular_velocity", (3,), "rad/s", "world", "angular_velocity",
            "Angular velocity of the torso about the world's axes; positive y lowers the chest towards +x.",
            ("x", "y", "z"),
            angular_velocity,
        ),
        StateField(
            "head_height", (), "m", "world", "height",
            "Height of the head's middle above the floor (up to one substep, 0.003 s, behind).",
            (),
            lambda raw: raw["geom_xpos"][:, head, 2],
        ),
        *joint_fields(
            model,
            "All 0: it lies straight. Negative hip_y swings the thigh to the front of the body (up, when it lies), negative "
            "knee the shin to its back, negative hip_z the leg outward; negative abdomen_y bends the body at the waist "
            "to its front.",
        ),
        *mass_and_feet_fields(model),
    )  # fmt: skip


def angular_velocity(raw: Snapshot) -> Array:
    """Turn the torso's angular velocity into the world's frame: (num_envs, 3)."""
    turned: Array = np.einsum("nij,nj->ni", rotation_to_world(raw), raw["qvel"][:, 3:6])
    return turned


World = HumanoidStandup
