"""Walker2d on batched MuJoCo, as in gymnasium's Walker2d-v5."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

from envs.mujoco_world import Array, MujocoWorld, capsule_clearance, gymnasium_model, joint_fields, motor_table, near_default
from envs.planar import planar_torso_fields
from envs.state import Snapshot, StateField
from envs.vec_env import WorldSpec

RESET_NOISE = 0.005
OBSERVED_SPEED_LIMIT = 10.0
LOWEST_TORSO_M, HIGHEST_TORSO_M = 0.8, 2.0
LARGEST_PITCH_RAD = 1.0


class Walker2d(MujocoWorld):
    """Two legs under one torso, moving in the x-z plane; an episode ends when it falls."""

    frame_skip = 4
    derived = ("geom_xpos", "geom_xmat")

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("walker2d_v5.xml")
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        clipped_qvel = np.clip(raw["qvel"], -OBSERVED_SPEED_LIMIT, OBSERVED_SPEED_LIMIT)
        return np.concatenate((raw["qpos"][:, 1:], clipped_qvel), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        return near_default(self.model, generator, count, RESET_NOISE)

    def terminated(self, raw: Snapshot) -> NDArray[np.bool_]:
        height, pitch = raw["qpos"][:, 1], raw["qpos"][:, 2]
        healthy: NDArray[np.bool_] = (
            (height > LOWEST_TORSO_M) & (height < HIGHEST_TORSO_M) & (np.abs(pitch) < LARGEST_PITCH_RAD)
        )
        return ~healthy


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names, indices and bounds are read from the model."""
    return WorldSpec(
        name="walker2d",
        gymnasium_id="Walker2d-v5",
        summary=(
            "A planar two-legged walker (torso, and two legs of thigh, leg and foot) on flat ground. It faces +x. An "
            f"episode ends when the torso is below {LOWEST_TORSO_M} m or above {HIGHEST_TORSO_M:g} m, or leans more than "
            f"{LARGEST_PITCH_RAD:g} rad either way."
        ),
        fields=state_fields(model),
        observation_dim=model.nq - 1 + model.nv,
        action_sentence="Normalised torque of each joint's motor.",
        dt_s=Walker2d.frame_skip * float(model.opt.timestep),
        episode_steps=1000,
        **motor_table(model),
    )


def state_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the typed state. The root is two slides and a hinge: qpos and qvel hold x, z, pitch."""
    return (
        *planar_torso_fields(),
        *joint_fields(
            model,
            "0 when the leg is straight and the foot level; negative swings the thigh, and the leg below it, backward "
            "(they can't go past straight); a positive foot angle lifts the toes.",
        ),
        StateField(
            "feet_height", (2,), "m", "world", "foot_height",
            "Height of each foot's lowest point above the floor, 0 when it stands (up to one substep, 0.002 s, behind).",
            ("right", "left"),
            capsule_clearance(model, ("foot_geom", "foot_left_geom")),
        ),
    )  # fmt: skip


World = Walker2d
