"""State tables that the composer's tests share: the native worlds in short, and a table top."""

from designer.proposers import Brief, Entry, Slot
from designer.proposers.composer import Composer
from designer.records import ActionTable, Candidate, StateField, StateTable, Status, Task, Verb, Verdict

LEGS = ("hip", "knee", "ankle")


def field(
    name: str, kind: str, unit: str, sentence: str = "", components: tuple[str, ...] = (),
    low: tuple[float, ...] = (), high: tuple[float, ...] = (),
) -> StateField:  # fmt: skip
    size = len(components) or 1
    return StateField(
        name=name, shape=(size,) if components else (), unit=unit, frame="world", kind=kind, sentence=sentence,
        components=components, low=low or (-2.0,) * size, high=high or (2.0,) * size,
    )  # fmt: skip


def table(world: str, summary: str, fields: tuple[StateField, ...], actions: int = 3, bound: float = 1.0) -> StateTable:
    names = tuple(f"motor_{number}" for number in range(actions))
    return StateTable(
        world=world, gymnasium_id="", summary=summary, fields=fields,
        action=ActionTable(names=names, low=(-bound,) * actions, high=(bound,) * actions, sentence="Torque."),
        dt_s=0.05, episode_steps=100, observation_dim=5, ranges_from="made up",
    )  # fmt: skip


def planar(world: str, summary: str, pitch: str, feet: StateField) -> StateTable:
    rate = "Rate of the torso's pitch, positive when the nose goes down."
    fields = (
        field("torso_position", "position", "m", "x is forward, z is up.", ("x", "z"), (-1.0, 0.4), (1.0, 0.8)),
        field("torso_velocity", "linear_velocity", "m/s", "x is forward, z is up.", ("x", "z"), (-1.5,) * 2, (1.0,) * 2),
        field("torso_pitch", "orientation", "rad", pitch),
        field("torso_pitch_velocity", "angular_velocity", "rad/s", rate),
        field("joint_velocities", "joint_velocity", "rad/s", "", LEGS, (-9.0,) * 3, (9.0,) * 3),
        feet,
    )
    return table(world, summary, fields)


HALF_CHEETAH = planar(
    "half_cheetah", "It faces +x.", "Not wrapped: 0 level, positive nose down.",
    field("feet_height", "foot_height", "m", "", ("back", "front"), (0.0, 0.0), (0.3, 0.4)),
)  # fmt: skip
HOPPER = planar(
    "hopper", "An episode ends when the torso is below 0.7 m.", "0 upright, positive leaning forward.",
    field("foot_height", "foot_height", "m", "", (), (0.0,), (0.2,)),
)  # fmt: skip
ANT = table(
    "ant", "An episode ends when the torso is below 0.2 m.",
    (
        field("torso_position", "position", "m", "z is up.", ("x", "y", "z")),
        field("torso_velocity", "linear_velocity", "m/s", "At the start the ant faces +x.", ("x", "y", "z")),
        field("torso_upright", "orientation", "1", "A cosine: 1 upright.", (), (0.5,), (1.0,)),
        field("torso_yaw", "orientation", "rad", "0 faces +x."),
        field("torso_yaw_velocity", "angular_velocity", "rad/s", "Positive to the left."),
        field("torso_angular_velocity", "angular_velocity", "rad/s", "", ("roll", "pitch", "yaw")),
        field("joint_velocities", "joint_velocity", "rad/s", "", LEGS),
    ),
)  # fmt: skip
PENDULUM = table(
    "pendulum", "A rod on a hinge at its end.",
    (
        field("rod_angle", "orientation", "rad", "0 upright, 3.14 hanging.", (), (-3.14,), (3.14,)),
        field("rod_angular_velocity", "angular_velocity", "rad/s", "Positive counter-clockwise.", (), (-8.0,), (8.0,)),
    ),
    actions=1, bound=2.0,
)  # fmt: skip
TABLE_TOP = table(
    "table_top", "An arm over a table.",
    (
        field("gripper_to_cube", "distance", "m", "", (), (0.0,), (0.6,)),
        field("cube_to_goal", "distance", "m", "", (), (0.1,), (0.5,)),
        field("cube_height", "height", "m", "", (), (0.0,), (0.1,)),
        field("drawer_open", "flag", "1", "", (), (0.0,), (0.0,)),
        field("mood", "other", "1"),
    ),
)  # fmt: skip
POLE_ON_A_CART = table(
    "pole_on_a_cart", "A pole on a cart. An episode ends when the pole falls.",
    (
        field("cart_position", "position", "m", "0 in the middle.", (), (-0.2,), (0.1,)),
        field("cart_velocity", "linear_velocity", "m/s"),
        field("pole_angle", "orientation", "rad", "0 upright.", (), (-0.2,), (0.2,)),
    ),
    actions=1,
)  # fmt: skip
TABLES = {each.world: each for each in (HALF_CHEETAH, HOPPER, ANT, PENDULUM, TABLE_TOP, POLE_ON_A_CART)}


def brief(world: StateTable, text: str, *entries: Entry, seed: int = 0) -> Brief:
    task = Task(name="task", text=text, world=world.world, fitness=None, fitness_origin="none", steps=1000)
    return Brief(task, world, entries, seed)


def proposed(before: Brief, slot: Slot, source: str = "") -> Entry:
    """Let the composer fill the slot; a source replaces what it wrote."""
    draft = Composer().propose(before, slot)
    candidate = Candidate(
        id=slot.id, round=slot.round, sample=slot.sample, verb=slot.verb, parents=slot.parents,
        proposer=Composer.name, why=draft.why, source=source or draft.source,
    )  # fmt: skip
    return Entry(candidate, Verdict(status=Status.OK), (), ())


def first_round(world: StateTable, text: str, samples: int, seed: int = 0) -> list[Entry]:
    before = brief(world, text, seed=seed)
    return [proposed(before, Slot(round=1, sample=number, verb=Verb.INIT)) for number in range(samples)]
