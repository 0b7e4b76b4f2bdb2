"""Hopper on batched MuJoCo, as in gymnasium's Hopper-v5."""

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
from envs.planar import planar_torso_fields
from envs.state import Snapshot, StateField
from envs.vec_env import WorldSpec

RESET_NOISE = 0.005
OBSERVED_SPEED_LIMIT = 10.0
LOWEST_TORSO_M = 0.7
LARGEST_PITCH_RAD = 0.2
LARGEST_STATE = 100.0


class Hopper(MujocoWorld):
    """One leg under one torso, moving in the x-z plane; an episode ends when it falls."""

    frame_skip = 4
    derived = ("geom_xpos", "geom_xmat")

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("hopper.xml")
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        clipped_qvel = np.clip(raw["qvel"], -OBSERVED_SPEED_LIMIT, OBSERVED_SPEED_LIMIT)
        return np.concatenate((raw["qpos"][:, 1:], clipped_qvel), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        return near_default(self.model, generator, count, RESET_NOISE)

    def terminated(self, raw: Snapshot) -> NDArray[np.bool_]:
        height, pitch = raw["qpos"][:, 1], raw["qpos"][:, 2]
        bounded = np.concatenate((raw["qpos"][:, 2:], raw["qvel"]), axis=1)
        healthy: NDArray[np.bool_] = (
            (height > LOWEST_TORSO_M) & (np.abs(pitch) < LARGEST_PITCH_RAD) & (np.abs(bounded) < LARGEST_STATE).all(axis=1)
        )
        return ~healthy


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names, indices and bounds are read from the model."""
    return WorldSpec(
        name="hopper",
        gymnasium_id="Hopper-v5",
        summary=(
            "A planar one-legged hopper (torso, thigh, leg, foot) on flat ground. It faces +x. An episode ends when "
            f"the torso is below {LOWEST_TORSO_M} m or leans more than {LARGEST_PITCH_RAD} rad either way."
        ),
        fields=state_fields(model),
        observation_dim=model.nq - 1 + model.nv,
        action_names=actuator_names(model),
        action_low=tuple(model.actuator_ctrlrange[:, 0]),
        action_high=tuple(model.actuator_ctrlrange[:, 1]),
        action_sentence="Normalised torque of each joint's motor.",
        dt_s=Hopper.frame_skip * float(model.opt.timestep),
        episode_steps=1000,
    )


def state_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the typed state. The root is two slides and a hinge: qpos and qvel hold x, z, pitch."""
    clearance = capsule_clearance(model, ("foot_geom",))
    angles, rates = joint_fields(
        model,
        "0 when the leg is straight and the foot level; negative swings the thigh, and the leg below it, backward "
        "(they can't go past straight); a positive foot angle lifts the toes.",
    )
    return (
        *planar_torso_fields(),
        angles,
        rates,
        StateField(
            "foot_height", (), "m", "world", "foot_height",
            "Height of the foot's lowest point above the floor, 0 when it stands (up to one substep, 0.002 s, behind).",
            (),
            lambda raw: clearance(raw)[:, 0],
        ),
    )  # fmt: skip


World = Hopper
