"""Reacher on batched MuJoCo, as in gymnasium's Reacher-v5."""

from __future__ import annotations

import mujoco
import numpy as np
import torch

from envs.mujoco_world import Array, MujocoWorld, gymnasium_model, joint_fields, motor_table
from envs.state import Snapshot, StateField
from envs.vec_env import WorldSpec

ARM_NOISE, SPEED_NOISE = 0.1, 0.005
TARGET_RADIUS_M = 0.2


class Reacher(MujocoWorld):
    """A two-jointed arm on a table, and a target somewhere within its reach; episodes end by the time limit only."""

    frame_skip = 2
    derived = ("xpos",)

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("reacher.xml")
        self._fingertip, self._target = model.body("fingertip").id, model.body("target").id
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        arm, target = raw["qpos"][:, :2], raw["qpos"][:, 2:]
        apart = (raw["xpos"][:, self._fingertip] - raw["xpos"][:, self._target])[:, :2]
        return np.concatenate((np.cos(arm), np.sin(arm), target, raw["qvel"][:, :2], apart), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        qpos = self.model.qpos0 + generator.uniform(-ARM_NOISE, ARM_NOISE, (count, self.model.nq))
        qvel = generator.uniform(-SPEED_NOISE, SPEED_NOISE, (count, self.model.nv))
        qpos[:, 2:], qvel[:, 2:] = draw_targets(generator, count), 0.0
        return qpos, qvel


def draw_targets(generator: np.random.Generator, count: int) -> Array:
    """Draw targets evenly from a disc around the arm's root: (count, 2) [m]."""
    targets = np.full((count, 2), TARGET_RADIUS_M)
    while len(outside := np.flatnonzero(np.linalg.norm(targets, axis=1) >= TARGET_RADIUS_M)):
        targets[outside] = generator.uniform(-TARGET_RADIUS_M, TARGET_RADIUS_M, (len(outside), 2))
    return targets


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names, indices and bounds are read from the model."""
    return WorldSpec(
        name="reacher",
        gymnasium_id="Reacher-v5",
        summary=(
            "An arm of two links, 0.1 m each, that turns in a plane about a fixed root at (0, 0), seen from above. Each "
            "episode has its own target, a resting point at most 0.2 m from the root."
        ),
        fields=state_fields(model),
        observation_dim=10,
        action_sentence="Normalised torque of each joint's motor, positive counter-clockwise.",
        dt_s=Reacher.frame_skip * float(model.opt.timestep),
        episode_steps=50,
        **motor_table(model),
    )


def state_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the typed state: the arm, its fingertip, the target and the way between them."""
    fingertip, target = model.body("fingertip").id, model.body("target").id
    return (
        StateField(
            "fingertip_position", (2,), "m", "world", "position",
            "Position of the arm's fingertip (up to one substep, 0.01 s, behind).",
            ("x", "y"),
            lambda raw: raw["xpos"][:, fingertip, :2],
        ),
        StateField(
            "target_position", (2,), "m", "world", "other",
            "Position of the target: fixed within an episode.",
            ("x", "y"),
            lambda raw: raw["xpos"][:, target, :2],
        ),
        StateField(
            "fingertip_to_target_distance", (), "m", "world", "distance",
            "Distance between the fingertip and the target.",
            (),
            lambda raw: np.linalg.norm(raw["xpos"][:, fingertip] - raw["xpos"][:, target], axis=1),
        ),
        *joint_fields(
            model,
            "joint0 turns the whole arm, joint1 the outer link; 0 is straight along +x, positive counter-clockwise.",
        ),
    )  # fmt: skip


World = Reacher
