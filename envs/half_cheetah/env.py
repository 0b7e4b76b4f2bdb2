"""HalfCheetah on batched MuJoCo, as in gymnasium's HalfCheetah-v5."""

from __future__ import annotations

import mujoco
import numpy as np
import torch

from envs.mujoco_world import (
    Array,
    MujocoWorld,
    actuator_names,
    capsule_clearance,
    gymnasium_model,
    joint_fields,
    near_default,
)
from envs.state import Snapshot, StateField
from envs.vec_env import WorldSpec

RESET_NOISE = 0.1


class HalfCheetah(MujocoWorld):
    """Two legs, one torso, moving in the x-z plane; episodes end by the time limit only."""

    frame_skip = 5
    derived = ("geom_xpos", "geom_xmat")

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("half_cheetah.xml")
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        return np.concatenate((raw["qpos"][:, 1:], raw["qvel"]), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        return near_default(self.model, generator, count, RESET_NOISE, normal_speeds=True)


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names, indices and bounds are read from the model."""
    return WorldSpec(
        name="half_cheetah",
        gymnasium_id="HalfCheetah-v5",
        summary="A planar cheetah-like robot with one torso and two three-jointed legs on flat ground. It faces +x.",
        fields=state_fields(model),
        observation_dim=model.nq - 1 + model.nv,
        action_names=actuator_names(model),
        action_low=tuple(model.actuator_ctrlrange[:, 0]),
        action_high=tuple(model.actuator_ctrlrange[:, 1]),
        action_sentence="Normalised torque of each joint's motor.",
        dt_s=HalfCheetah.frame_skip * float(model.opt.timestep),
        episode_steps=1000,
    )


def state_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the typed state. The root is two slides and a hinge: qpos and qvel hold x, z, pitch."""
    start_height_m = float(model.body("torso").pos[2])
    angles, rates = joint_fields(model, "0 at the start, positive swings what hangs on the joint backward.")
    return (
        StateField(
            "torso_position", (2,), "m", "world", "position",
            "Position of the torso: x is forward, z is up (z is about 0.6 when it stands).",
            ("x", "z"),
            lambda raw: raw["qpos"][:, :2] + np.array([0.0, start_height_m]),
        ),
        StateField(
            "torso_velocity", (2,), "m/s", "world", "linear_velocity",
            "Velocity of the torso: x is forward (positive when it runs the way it faces), z is up.",
            ("x", "z"),
            lambda raw: raw["qvel"][:, :2],
        ),
        StateField(
            "torso_pitch", (), "rad", "world", "orientation",
            "Rotation of the torso about the y axis, not wrapped: 0 level, positive nose down; a full turn is 6.28.",
            (),
            lambda raw: raw["qpos"][:, 2],
        ),
        StateField(
            "torso_pitch_velocity", (), "rad/s", "world", "angular_velocity",
            "Rate of the torso's pitch, positive when the nose goes down.",
            (),
            lambda raw: raw["qvel"][:, 2],
        ),
        angles,
        rates,
        StateField(
            "feet_height", (2,), "m", "world", "foot_height",
            "Height of each foot's lowest point above the floor, 0 when it stands (one substep, 0.01 s, behind).",
            ("back", "front"),
            capsule_clearance(model, ("bfoot", "ffoot")),
        ),
    )  # fmt: skip


World = HalfCheetah
