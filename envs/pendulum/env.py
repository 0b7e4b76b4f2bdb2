"""Pendulum swing-up on batched MuJoCo, as in gymnasium's Pendulum-v1."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import torch

from envs.mujoco_world import Array, MujocoWorld, actuator_names
from envs.state import Snapshot, StateField
from envs.vec_env import WorldSpec

SPEED_LIMIT = 8.0
START_ANGLE = np.pi
START_SPEED = 1.0


class Pendulum(MujocoWorld):
    """A rod on a hinge whose motor is too weak to lift it in one go; episodes end by the time limit only."""

    frame_skip = 1

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = mujoco.MjModel.from_xml_path(str(Path(__file__).parent / "pendulum.xml"))
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        angle = raw["qpos"]
        return np.concatenate((np.cos(angle), np.sin(angle), raw["qvel"]), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        qpos = generator.uniform(-START_ANGLE, START_ANGLE, (count, 1))
        qvel = generator.uniform(-START_SPEED, START_SPEED, (count, 1))
        return qpos, qvel

    def after_physics(self, before: Snapshot) -> None:
        # gymnasium clips the speed first and moves the rod with the clipped one
        self._qvel[:] = np.clip(self._qvel, -SPEED_LIMIT, SPEED_LIMIT)
        self._qpos[:] = before["qpos"] + self._qvel * self.spec.dt_s


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names and bounds are read from the model."""
    return WorldSpec(
        name="pendulum",
        gymnasium_id="Pendulum-v1",
        summary=(
            "A rod of 1 m and 1 kg that swings about a hinge at its end. It starts anywhere; the motor is too weak to "
            f"lift it in one go. Its speed is cut off at {SPEED_LIMIT:g} rad/s."
        ),
        fields=STATE_FIELDS,
        observation_dim=3,
        action_names=actuator_names(model),
        action_low=tuple(model.actuator_ctrlrange[:, 0]),
        action_high=tuple(model.actuator_ctrlrange[:, 1]),
        action_sentence="Torque of the hinge's motor [N m], positive counter-clockwise.",
        dt_s=Pendulum.frame_skip * float(model.opt.timestep),
        episode_steps=200,
    )


def wrapped(angle: Array) -> Array:
    """Return the same direction between -pi and pi."""
    return ((angle + np.pi) % (2 * np.pi)) - np.pi


STATE_FIELDS = (
    StateField(
        "rod_angle", (), "rad", "world", "orientation",
        "Angle of the rod, from -3.14 to 3.14: 0 upright, 3.14 hanging, positive counter-clockwise.",
        (),
        lambda raw: wrapped(raw["qpos"][:, 0]),
    ),
    StateField(
        "rod_upright", (), "1", "world", "orientation",
        "Cosine of the rod's angle, also its tip's height above the hinge in metres: 1 upright, 0 level, -1 hanging.",
        (),
        lambda raw: np.cos(raw["qpos"][:, 0]),
    ),
    StateField(
        "rod_angular_velocity", (), "rad/s", "world", "angular_velocity",
        "Rate of the rod's angle, positive counter-clockwise, between -8 and 8.",
        (),
        lambda raw: raw["qvel"][:, 0],
    ),
    StateField(
        "tip_position", (2,), "m", "world", "position",
        "Position of the rod's free end, seen from the hinge: x is to the right, z is up.",
        ("x", "z"),
        lambda raw: np.stack((-np.sin(raw["qpos"][:, 0]), np.cos(raw["qpos"][:, 0])), axis=1),
    ),
)  # fmt: skip

World = Pendulum
