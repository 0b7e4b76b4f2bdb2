"""A torso that moves freely, as typed state: its free joint comes first, and its own x axis points forward."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.state import Snapshot, StateField

Array = NDArray[np.float64]


def torso_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare the pose and motion of the body "torso".

    A world that uses it names `xpos` in `derived`. qvel holds world linear and torso-frame angular velocity.
    """
    torso = model.body("torso").id
    height_m, substep_s = float(model.qpos0[2]), float(model.opt.timestep)
    return (
        StateField(
            "torso_position", (3,), "m", "world", "position",
            f"Position of the torso: z is up ({height_m:g} at the start; x and y up to one substep, {substep_s:g} s, behind).",
            ("x", "y", "z"),
            lambda raw: position(raw, torso),
        ),
        StateField(
            "torso_velocity", (3,), "m/s", "world", "linear_velocity",
            "Velocity of the torso along the world's axes: z is up; at the start it faces +x.",
            ("x", "y", "z"),
            lambda raw: raw["qvel"][:, :3],
        ),
        StateField(
            "torso_velocity_b", (3,), "m/s", "torso", "linear_velocity",
            "Velocity of the torso along its own axes, wherever it is turned.",
            ("forward", "left", "up"),
            velocity_b,
        ),
        StateField(
            "torso_upright", (), "1", "world", "orientation",
            "How much the torso's own up points up (a cosine): 1 upright, 0 on its side, -1 on its back.",
            (),
            lambda raw: rotation_to_world(raw)[:, 2, 2],
        ),
        StateField(
            "torso_yaw", (), "rad", "world", "orientation",
            "Heading, from -3.14 to 3.14: 0 faces +x, positive is turned left (counter-clockwise seen from above).",
            (),
            yaw,
        ),
        StateField(
            "torso_yaw_velocity", (), "rad/s", "world", "angular_velocity",
            "Rate of turning about the vertical, positive to the left (counter-clockwise seen from above).",
            (),
            yaw_velocity,
        ),
        StateField(
            "torso_angular_velocity_b", (3,), "rad/s", "torso", "angular_velocity",
            "Angular velocity about the torso's own axes: positive roll tips to the right, positive pitch drops the "
            "front, positive yaw turns left.",
            ("roll", "pitch", "yaw"),
            lambda raw: raw["qvel"][:, 3:6],
        ),
    )  # fmt: skip


def position(raw: Snapshot, torso: int) -> Array:
    """Return x and y as gymnasium's reward reads them, and z current, as the end of an episode is decided."""
    return np.concatenate((raw["xpos"][:, torso, :2], raw["qpos"][:, 2:3]), axis=1)


def velocity_b(raw: Snapshot) -> Array:
    """Turn the world's velocity into the torso's frame: (num_envs, 3)."""
    turned: Array = np.einsum("nij,ni->nj", rotation_to_world(raw), raw["qvel"][:, :3])
    return turned


def yaw(raw: Snapshot) -> Array:
    """Return the heading of the torso's own x axis: (num_envs,)."""
    rotation = rotation_to_world(raw)
    heading: Array = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    return heading


def yaw_velocity(raw: Snapshot) -> Array:
    """Return the vertical component of the angular velocity: (num_envs,)."""
    vertical: Array = np.einsum("nj,nj->n", rotation_to_world(raw)[:, 2], raw["qvel"][:, 3:6])
    return vertical


def rotation_to_world(raw: Snapshot) -> Array:
    """Return the rotation that takes the torso's vectors to the world's: (num_envs, 3, 3).

    The quaternion is normalised here: MuJoCo keeps a reset's as it was drawn.
    """
    quaternion = raw["qpos"][:, 3:7]
    w, x, y, z = (quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)).T
    rotation = (
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack(rotation, axis=1).reshape(-1, 3, 3)
