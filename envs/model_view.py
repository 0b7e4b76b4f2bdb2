"""The typed view of any MuJoCo world, from its model's own names: joints, bodies, sites, sensors, contacts, actuators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.state import Snapshot, StateField

Array = NDArray[np.float64]

ARRAYS = ("qpos", "qvel", "xpos", "site_xpos", "sensordata", "actuator_force")
CONTACTS = "body_contacts"
FREE, BALL, SLIDE = int(mujoco.mjtJoint.mjJNT_FREE), int(mujoco.mjtJoint.mjJNT_BALL), int(mujoco.mjtJoint.mjJNT_SLIDE)
QUATERNION = ("w", "x", "y", "z")
XYZ = ("x", "y", "z")


def snapshot(models: Sequence[Any], datas: Sequence[Any]) -> dict[str, Array]:
    """Copy what the fields read out of every simulation: (num_envs, ...)."""
    arrays = {name: np.stack([np.array(getattr(data, name), dtype=np.float64) for data in datas]) for name in ARRAYS}
    arrays[CONTACTS] = np.stack([_touching(model, data) for model, data in zip(models, datas, strict=True)])
    return arrays


def _touching(model: Any, data: Any) -> Array:
    """Say which bodies touch another one: (nbody,), 0 or 1."""
    flags = np.zeros(model.nbody)
    if data.ncon:
        geoms = np.asarray(data.contact.geom).reshape(-1)
        flags[model.geom_bodyid[geoms[geoms >= 0]]] = 1.0
    return flags


def model_fields(model: Any) -> tuple[StateField, ...]:
    """Declare everything in the model that has a name."""
    return (*_joint_fields(model), *_place_fields(model), *_sensor_fields(model), *_contact_fields(model))


def action_names(model: Any) -> tuple[str, ...]:
    """Name each actuator, or the joint that it moves."""
    joint = int(mujoco.mjtTrn.mjTRN_JOINT)
    moved = [
        model.joint(int(model.actuator_trnid[i, 0])).name if model.actuator_trntype[i] == joint else "" for i in range(model.nu)
    ]
    return tuple(model.actuator(i).name or moved[i] or f"actuator_{i}" for i in range(model.nu))


def _joint_fields(model: Any) -> list[StateField]:
    fields: list[StateField] = []
    groups: dict[bool, list[int]] = {False: [], True: []}
    for joint in range(model.njnt):
        kind = int(model.jnt_type[joint])
        if kind in (FREE, BALL):
            fields += _ball_fields(model, joint, free=kind == FREE)
        else:
            groups[kind == SLIDE].append(joint)
    for slides, joints in groups.items():
        if joints:
            fields += _hinge_fields(model, joints, slides=slides)
    return fields


def _ball_fields(model: Any, joint: int, *, free: bool) -> list[StateField]:
    body = model.body(int(model.jnt_bodyid[joint])).name
    name, at, dof = _plain(model.joint(joint).name or body), int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
    turn, spin = at + 3 * free, dof + 3 * free
    rotation = [
        StateField(
            f"{name}_orientation", (4,), "1", "world" if free else "parent", "orientation",
            f"Orientation of the body {body!r} as a unit quaternion.", QUATERNION, _read("qpos", slice(turn, turn + 4)),
        ),
        StateField(
            f"{name}_angular_velocity", (3,), "rad/s", "body", "angular_velocity",
            f"Angular velocity of the body {body!r} about its own axes.", XYZ, _read("qvel", slice(spin, spin + 3)),
        ),
    ]  # fmt: skip
    if not free:
        return rotation
    return [
        StateField(
            f"{name}_position", (3,), "m", "world", "position",
            f"Position of the body {body!r}, which moves freely.", XYZ, _read("qpos", slice(at, at + 3)),
        ),
        StateField(
            f"{name}_velocity", (3,), "m/s", "world", "linear_velocity",
            f"Velocity of the body {body!r} along the world's axes.", XYZ, _read("qvel", slice(dof, dof + 3)),
        ),
        *rotation,
    ]  # fmt: skip


def _hinge_fields(model: Any, joints: list[int], *, slides: bool) -> list[StateField]:
    names = tuple(model.joint(j).name or f"joint_{j}" for j in joints)
    at_qpos, at_qvel = [int(model.jnt_qposadr[j]) for j in joints], [int(model.jnt_dofadr[j]) for j in joints]
    what, where, unit = ("Place of each sliding joint", "slide_positions", "m") if slides else (
        "Angle of each hinge", "hinge_angles", "rad",
    )  # fmt: skip
    rates = "slide_velocities" if slides else "hinge_velocities"
    return [
        StateField(
            where, (len(names),), unit, "joint", "joint_position",
            f"{what}, with the model's zero and sign.", names, _read("qpos", at_qpos),
        ),
        StateField(
            rates, (len(names),), f"{unit}/s", "joint", "joint_velocity",
            f"Rate of these, in the same order: {where}.", names, _read("qvel", at_qvel),
        ),
    ]  # fmt: skip


def _place_fields(model: Any) -> list[StateField]:
    fields = []
    for kind, count, array in (("body", model.nbody, "xpos"), ("site", model.nsite, "site_xpos")):
        for i in range(1 if kind == "body" else 0, count):
            name = getattr(model, kind)(i).name
            if name:
                fields.append(
                    StateField(
                        f"{kind}_{_plain(name)}_position", (3,), "m", "world", "other",
                        f"Position of the {kind} {name!r}: z is up.", XYZ, _read(array, i),
                    )
                )  # fmt: skip
    return fields


def _sensor_fields(model: Any) -> list[StateField]:
    fields = []
    for i in range(model.nsensor):
        name, start, size = model.sensor(i).name, int(model.sensor_adr[i]), int(model.sensor_dim[i])
        if name:
            kind = mujoco.mjtSensor(int(model.sensor_type[i])).name.removeprefix("mjSENS_").lower()
            shape, components = ((size,), tuple(map(str, range(size)))) if size > 1 else ((), ())
            sentence = f"Reading of the sensor {name!r} ({kind})."
            read = _read("sensordata", slice(start, start + size) if size > 1 else start)
            fields.append(StateField(f"sensor_{_plain(name)}", shape, "SI", "sensor", "other", sentence, components, read))
    return fields


def _contact_fields(model: Any) -> list[StateField]:
    bodies = [i for i in range(1, model.nbody) if model.body(i).name]
    names = tuple(model.body(i).name for i in bodies)
    moved = action_names(model)
    fields = []
    if bodies:
        sentence = "1 where the body touches another one, 0 where it doesn't."
        fields.append(StateField("contacts", (len(names),), "1", "model", "contact", sentence, names, _read(CONTACTS, bodies)))
    if moved:
        sentence = "Force or torque of each actuator."
        read = _read("actuator_force", list(range(model.nu)))
        fields.append(StateField("actuator_forces", (model.nu,), "N or N m", "actuator", "other", sentence, moved, read))
    return fields


def _read(name: str, index: Any) -> Any:
    def read(raw: Snapshot) -> Array:
        return raw[name][:, index]

    return read


def _plain(name: str) -> str:
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).strip("_").lower()
    return plain or "unnamed"
