"""Pusher on batched MuJoCo, as in gymnasium's Pusher-v5."""

from __future__ import annotations

import mujoco
import numpy as np
import torch

from envs.mujoco_world import Array, MujocoWorld, gymnasium_model, joint_fields, motor_table
from envs.state import Snapshot, StateField
from envs.vec_env import WorldSpec

ARM_JOINTS = 7
SPEED_NOISE = 0.005
NEAREST_CYLINDER_M = 0.17
BODIES = ("tips_arm", "object", "goal")


class Pusher(MujocoWorld):
    """A seven-jointed arm that shoves a cylinder over a table; episodes end by the time limit only."""

    frame_skip = 5
    derived = ("xpos",)

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("pusher_v5.xml")
        self._seen = [model.body(name).id for name in BODIES]
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        places = raw["xpos"][:, self._seen].reshape(self.num_envs, -1)
        return np.concatenate((raw["qpos"][:, :ARM_JOINTS], raw["qvel"][:, :ARM_JOINTS], places), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        qpos = np.tile(self.model.qpos0, (count, 1))
        qpos[:, -4:-2], qpos[:, -2:] = draw_cylinders(generator, count), 0.0
        qvel = generator.uniform(-SPEED_NOISE, SPEED_NOISE, (count, self.model.nv))
        qvel[:, -4:] = 0.0
        return qpos, qvel


def draw_cylinders(generator: np.random.Generator, count: int) -> Array:
    """Draw the cylinder's slides, not too near the goal: (count, 2) [m], y first as in the model."""
    slides = np.zeros((count, 2))
    while len(near := np.flatnonzero(np.linalg.norm(slides, axis=1) <= NEAREST_CYLINDER_M)):
        slides[near] = generator.uniform((-0.3, -0.2), (0.0, 0.2), (len(near), 2))
    return slides


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names, indices and bounds are read from the model."""
    return WorldSpec(
        name="pusher",
        gymnasium_id="Pusher-v5",
        summary=(
            "A robot arm with a two-pronged hand beside a table, a cylinder that slides on the table and a fixed round "
            "goal on it. Each episode puts the cylinder elsewhere, 0.17 to 0.36 m from the goal."
        ),
        fields=state_fields(model),
        observation_dim=2 * ARM_JOINTS + 3 * len(BODIES),
        action_sentence="Torque of each joint's motor [N m].",
        dt_s=Pusher.frame_skip * float(model.opt.timestep),
        episode_steps=100,
        **motor_table(model),
    )


def state_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the typed state: hand, cylinder, goal, the ways between them, and the arm."""
    hand, cylinder, goal = (model.body(name).id for name in BODIES)

    def place(name: str, body: int, kind: str, sentence: str) -> StateField:
        return StateField(name, (3,), "m", "world", kind, sentence, ("x", "y", "z"), lambda raw: raw["xpos"][:, body])

    def apart(name: str, one: int, other: int, sentence: str) -> StateField:
        def read(raw: Snapshot) -> Array:
            return np.asarray(np.linalg.norm(raw["xpos"][:, one] - raw["xpos"][:, other], axis=1))

        return StateField(name, (), "m", "world", "distance", sentence, (), read)

    return (
        place("hand_position", hand, "position", "Position of the hand's root, 0.1 m behind its prongs (0.01 s behind)."),
        place("object_position", cylinder, "other", "Position of the cylinder's middle: z is -0.275, it only slides."),
        place("goal_position", goal, "other", "Position of the goal on the table: always (0.45, -0.05, -0.323)."),
        apart("hand_to_object_distance", hand, cylinder, "Distance between the hand's root and the cylinder's middle."),
        apart(
            "object_to_goal_distance", cylinder, goal,
            "Distance between the cylinder's middle and the goal, 0.048 at best (the cylinder's middle is higher).",
        ),
        *joint_fields(model, "0 is the arm stretched out along +x; positive turns right-handed about the joint's axis."),
    )  # fmt: skip


World = Pusher
