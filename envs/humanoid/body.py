"""The humanoid's body, standing or lying: what a policy observes of it, its joints, its feet and its centre of mass."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np

from envs.mujoco_world import Array, capsule_clearance
from envs.state import Snapshot, StateField

DERIVED = ("xpos", "xipos", "geom_xpos", "geom_xmat", "cinert", "cvel", "qfrc_actuator")
FREE_JOINT_DOFS = 6


def observe(raw: Snapshot) -> Array:
    """Return joints, body inertias, body velocities and motor torques: (num_envs, 270).

    These are gymnasium's entries in its order, without the contact forces.
    """
    worlds = len(raw["qpos"])
    parts = (
        raw["qpos"][:, 2:],
        raw["qvel"],
        raw["cinert"].reshape(worlds, -1, 10)[:, 1:].reshape(worlds, -1),
        raw["cvel"].reshape(worlds, -1, 6)[:, 1:].reshape(worlds, -1),
        raw["qfrc_actuator"][:, FREE_JOINT_DOFS:],
    )
    return np.concatenate(parts, axis=1)


def observation_dim(model: mujoco.MjModel) -> int:
    """Return how many numbers `observe` gives."""
    return int(model.nq - 2 + model.nv + 16 * (model.nbody - 1) + model.nv - FREE_JOINT_DOFS)


def mass_center(model: mujoco.MjModel) -> Callable[[Snapshot], Array]:
    """Read where the whole body's centre of mass is: (num_envs, 3) [m]."""
    share = model.body_mass / model.body_mass.sum()

    def read(raw: Snapshot) -> Array:
        center: Array = np.einsum("b,nbj->nj", share, raw["xipos"])
        return center

    return read


def mass_and_feet_fields(model: mujoco.MjModel) -> tuple[StateField, ...]:
    """Declare what both humanoids' state ends with."""
    return (
        StateField(
            "mass_center", (3,), "m", "world", "other",
            "Position of the whole body's centre of mass: z is up (up to one substep, 0.003 s, behind).",
            ("x", "y", "z"),
            mass_center(model),
        ),
        StateField(
            "feet_height", (2,), "m", "world", "foot_height",
            "Height of each foot's lowest point above the floor, 0 when it stands (up to one substep, 0.003 s, behind).",
            ("right", "left"),
            capsule_clearance(model, ("right_foot", "left_foot")),
        ),
    )  # fmt: skip
