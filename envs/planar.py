"""A torso that stands upright in the x-z plane, as typed state: qpos and qvel begin with x, z and pitch."""

from __future__ import annotations

from envs.state import StateField


def planar_torso_fields() -> tuple[StateField, ...]:
    """Declare the pose and motion of the torso."""
    return (
        StateField(
            "torso_position", (2,), "m", "world", "position",
            "Position of the torso's middle: x is forward, z is up (z is 1.25 when it stands straight).",
            ("x", "z"),
            lambda raw: raw["qpos"][:, :2],
        ),
        StateField(
            "torso_velocity", (2,), "m/s", "world", "linear_velocity",
            "Velocity of the torso: x is forward (positive when it moves the way it faces), z is up.",
            ("x", "z"),
            lambda raw: raw["qvel"][:, :2],
        ),
        StateField(
            "torso_pitch", (), "rad", "world", "orientation",
            "Rotation of the torso about the y axis: 0 upright, positive leaning forward.",
            (),
            lambda raw: raw["qpos"][:, 2],
        ),
        StateField(
            "torso_pitch_velocity", (), "rad/s", "world", "angular_velocity",
            "Rate of the torso's pitch, positive when it tips forward.",
            (),
            lambda raw: raw["qvel"][:, 2],
        ),
    )  # fmt: skip
