"""Humanoid on batched MuJoCo, as in gymnasium's Humanoid-v5 without its contact forces."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

from envs.humanoid.body import DERIVED, mass_and_feet_fields, observation_dim, observe
from envs.mujoco_world import Array, MujocoWorld, gymnasium_model, joint_fields, motor_table, near_default
from envs.state import Snapshot, StateField
from envs.torso import torso_fields
from envs.vec_env import WorldSpec

RESET_NOISE = 0.01
LOWEST_TORSO_M, HIGHEST_TORSO_M = 1.0, 2.0


class Humanoid(MujocoWorld):
    """A body with two arms and two legs; an episode ends when its torso is too low or too high."""

    frame_skip = 5
    derived = DERIVED

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("humanoid.xml")
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        return observe(raw)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        return near_default(self.model, generator, count, RESET_NOISE)

    def terminated(self, raw: Snapshot) -> NDArray[np.bool_]:
        height = raw["qpos"][:, 2]
        healthy: NDArray[np.bool_] = (height > LOWEST_TORSO_M) & (height < HIGHEST_TORSO_M)
        return ~healthy


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names, indices and bounds are read from the model."""
    return WorldSpec(
        name="humanoid",
        gymnasium_id="Humanoid-v5",
        summary=(
            "A human-like body (torso, waist, two arms, two legs) that stands on flat ground and faces +x. An episode ends "
            f"when the torso is not above {LOWEST_TORSO_M:g} m or not below {HIGHEST_TORSO_M:g} m."
        ),
        fields=state_fields(model),
        observation_dim=observation_dim(model),
        action_sentence="Torque of each joint's motor, in units of its gear.",
        dt_s=Humanoid.frame_skip * float(model.opt.timestep),
        episode_steps=1000,
        **motor_table(model),
    )


def state_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the typed state: the torso's pose and motion, the joints, the centre of mass and the feet."""
    return (
        *torso_fields(model),
        *joint_fields(
            model,
            "All 0: it stands straight, forearms up. Negative hip_y swings the thigh forward, negative knee the shin "
            "backward, negative hip_x the leg outward; negative abdomen_y bends the torso forward over the legs.",
        ),
        *mass_and_feet_fields(model),
    )


World = Humanoid
