"""The state table that the tests of names and indices share: HalfCheetah's, with made-up ranges."""

from designer.records import ActionTable, StateField, StateTable

JOINTS = ("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")


def cheetah_table() -> StateTable:
    return StateTable(
        world="half_cheetah",
        gymnasium_id="HalfCheetah-v5",
        summary="A planar runner.",
        fields=(
            field("torso_position", "m", "position", ("x", "z")),
            field("torso_velocity", "m/s", "linear_velocity", ("x", "z")),
            field("torso_pitch", "rad", "orientation"),
            field("torso_pitch_velocity", "rad/s", "angular_velocity"),
            field("joint_angles", "rad", "joint_position", JOINTS),
            field("joint_velocities", "rad/s", "joint_velocity", JOINTS),
            field("feet_height", "m", "foot_height", ("back", "front")),
        ),
        action=ActionTable(names=JOINTS, low=(-1.0,) * 6, high=(1.0,) * 6, sentence="Torque."),
        dt_s=0.05,
        episode_steps=1000,
        observation_dim=17,
        ranges_from="made up",
    )


def field(name: str, unit: str, kind: str, components: tuple[str, ...] = ()) -> StateField:
    size = len(components) or 1
    return StateField(
        name=name,
        shape=(len(components),) if components else (),
        unit=unit,
        frame="world",
        kind=kind,
        sentence="",
        components=components,
        low=(-1.0,) * size,
        high=(1.0,) * size,
    )
