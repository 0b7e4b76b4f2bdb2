"""Swimmer on batched MuJoCo, as in gymnasium's Swimmer-v5."""

from __future__ import annotations

import mujoco
import numpy as np
import torch

from envs.mujoco_world import Array, MujocoWorld, gymnasium_model, joint_fields, motor_table, near_default
from envs.state import Snapshot, StateField
from envs.vec_env import WorldSpec

RESET_NOISE = 0.1


class Swimmer(MujocoWorld):
    """Three links in the x-y plane of a thick fluid; episodes end by the time limit only."""

    frame_skip = 4

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("swimmer.xml")
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        return np.concatenate((raw["qpos"][:, 2:], raw["qvel"]), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        return near_default(self.model, generator, count, RESET_NOISE)


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names, indices and bounds are read from the model."""
    return WorldSpec(
        name="swimmer",
        gymnasium_id="Swimmer-v5",
        summary=(
            "A snake of three links, each 1 m long, with two joints, that swims in a plane seen from above. At the start "
            "it is nearly straight, its head towards +x."
        ),
        fields=state_fields(model),
        observation_dim=model.nq - 2 + model.nv,
        action_sentence="Normalised torque of each joint's motor.",
        dt_s=Swimmer.frame_skip * float(model.opt.timestep),
        episode_steps=1000,
        **motor_table(model),
    )


def state_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the typed state. The root is two slides and a hinge: qpos and qvel hold x, y, heading."""
    return (
        StateField(
            "torso_position", (2,), "m", "world", "position",
            "Position of the swimmer's middle, as carried by its front link: 1 m behind that link's own middle.",
            ("x", "y"),
            lambda raw: raw["qpos"][:, :2],
        ),
        StateField(
            "torso_velocity", (2,), "m/s", "world", "linear_velocity",
            "Velocity of that point along the world's axes: x is where the head points at the start.",
            ("x", "y"),
            lambda raw: raw["qvel"][:, :2],
        ),
        StateField(
            "torso_yaw", (), "rad", "world", "orientation",
            "Heading of the front link, not wrapped: 0 faces +x, positive is turned left (counter-clockwise from above).",
            (),
            lambda raw: raw["qpos"][:, 2],
        ),
        StateField(
            "torso_yaw_velocity", (), "rad/s", "world", "angular_velocity",
            "Rate of the heading, positive to the left.",
            (),
            lambda raw: raw["qvel"][:, 2],
        ),
        *joint_fields(model, "0 is straight, positive turns the links behind the joint counter-clockwise seen from above."),
    )  # fmt: skip


World = Swimmer
