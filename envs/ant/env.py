"""Ant on batched MuJoCo, as in gymnasium's Ant-v5 without its contact forces."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

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
from envs.torso import torso_fields
from envs.vec_env import WorldSpec

RESET_NOISE = 0.1
LOWEST_TORSO_M = 0.2
HIGHEST_TORSO_M = 1.0


class Ant(MujocoWorld):
    """Four two-jointed legs around a free torso; an episode ends when the torso is too low or too high."""

    frame_skip = 5
    derived = ("xpos", "geom_xpos", "geom_xmat")

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("ant.xml")
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        return np.concatenate((raw["qpos"][:, 2:], raw["qvel"]), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        return near_default(self.model, generator, count, RESET_NOISE, normal_speeds=True)

    def terminated(self, raw: Snapshot) -> NDArray[np.bool_]:
        height = raw["qpos"][:, 2]
        finite = np.isfinite(raw["qpos"]).all(axis=1) & np.isfinite(raw["qvel"]).all(axis=1)
        healthy: NDArray[np.bool_] = finite & (height >= LOWEST_TORSO_M) & (height <= HIGHEST_TORSO_M)
        return ~healthy


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names, indices and bounds are read from the model."""
    return WorldSpec(
        name="ant",
        gymnasium_id="Ant-v5",
        summary=(
            "A four-legged robot around a ball-shaped torso on flat ground, free to move and turn in all directions. "
            f"An episode ends when the torso is below {LOWEST_TORSO_M} m or above {HIGHEST_TORSO_M} m; lying on its "
            "back doesn't end it."
        ),
        fields=state_fields(model),
        observation_dim=model.nq - 2 + model.nv,
        action_names=actuator_names(model),
        action_low=tuple(model.actuator_ctrlrange[:, 0]),
        action_high=tuple(model.actuator_ctrlrange[:, 1]),
        action_sentence="Normalised torque of each joint's motor.",
        dt_s=Ant.frame_skip * float(model.opt.timestep),
        episode_steps=1000,
    )


def state_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the typed state: the torso's pose and motion, then the legs."""
    angles, rates = joint_fields(
        model,
        "Hips: 0 points the leg diagonally outward, positive swings it counter-clockwise seen from above. Ankles: 0 is "
        "a straight level leg; ankle_1 and ankle_4 point the foot down at positive angles, ankle_2 and ankle_3 at "
        "negative ones.",
    )
    return (
        *torso_fields(model),
        angles,
        rates,
        StateField(
            "feet_height", (4,), "m", "world", "foot_height",
            "Height of each lower leg's lowest point (its foot, when upright) above the floor, about 0.02 when it "
            "stands (up to one substep, 0.01 s, behind). At the start leg_1 points to (+x, +y), leg_2 to (-x, +y), "
            "leg_3 to (-x, -y), leg_4 to (+x, -y).",
            ("leg_1", "leg_2", "leg_3", "leg_4"),
            capsule_clearance(
                model, ("left_ankle_geom", "right_ankle_geom", "third_ankle_geom", "fourth_ankle_geom")
            ),
        ),
    )  # fmt: skip


World = Ant
