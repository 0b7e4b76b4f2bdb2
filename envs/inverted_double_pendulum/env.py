"""InvertedDoublePendulum on batched MuJoCo, as in gymnasium's InvertedDoublePendulum-v5."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

from envs.mujoco_world import Array, MujocoWorld, gymnasium_model, motor_table, near_default
from envs.state import Snapshot, StateField
from envs.vec_env import WorldSpec

RESET_NOISE = 0.1
OBSERVED_LIMIT = 10.0
LOWEST_TIP_M = 1.0


class InvertedDoublePendulum(MujocoWorld):
    """Two poles in a row on a cart on a rail; an episode ends when the upper end is too low."""

    frame_skip = 5
    derived = ("site_xpos", "qfrc_constraint")

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("inverted_double_pendulum.xml")
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        cart, poles = raw["qpos"][:, :1], raw["qpos"][:, 1:]
        speeds = np.clip(raw["qvel"], -OBSERVED_LIMIT, OBSERVED_LIMIT)
        rail_force = np.clip(raw["qfrc_constraint"][:, :1], -OBSERVED_LIMIT, OBSERVED_LIMIT)
        return np.concatenate((cart, np.sin(poles), np.cos(poles), speeds, rail_force), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        return near_default(self.model, generator, count, RESET_NOISE, normal_speeds=True)

    def terminated(self, raw: Snapshot) -> NDArray[np.bool_]:
        fallen: NDArray[np.bool_] = raw["site_xpos"][:, 0, 2] <= LOWEST_TIP_M
        return fallen


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names and bounds are read from the model."""
    return WorldSpec(
        name="inverted_double_pendulum",
        gymnasium_id="InvertedDoublePendulum-v5",
        summary=(
            "Two poles of 0.6 m in a row, the lower one hinged on a cart that a motor pushes along a rail 2 m long. They "
            f"start nearly upright; an episode ends when the upper end is not above {LOWEST_TIP_M:g} m."
        ),
        fields=STATE_FIELDS,
        observation_dim=9,
        action_sentence="Force on the cart, in units of 500 N, positive to +x.",
        dt_s=InvertedDoublePendulum.frame_skip * float(model.opt.timestep),
        episode_steps=1000,
        **motor_table(model),
    )


STATE_FIELDS = (
    StateField(
        "cart_position", (), "m", "world", "position",
        "Position of the cart on the rail, -1 to 1, 0 in the middle.",
        (),
        lambda raw: raw["qpos"][:, 0],
    ),
    StateField(
        "cart_velocity", (), "m/s", "world", "linear_velocity",
        "Velocity of the cart along the rail, positive to +x.",
        (),
        lambda raw: raw["qvel"][:, 0],
    ),
    StateField(
        "lower_pole_angle", (), "rad", "world", "orientation",
        "Angle of the lower pole: 0 upright, positive leaning to +x.",
        (),
        lambda raw: raw["qpos"][:, 1],
    ),
    StateField(
        "upper_pole_bend", (), "rad", "joint", "joint_position",
        "Angle of the upper pole relative to the lower one: 0 straight on, positive bent to +x.",
        (),
        lambda raw: raw["qpos"][:, 2],
    ),
    StateField(
        "pole_angular_velocities", (2,), "rad/s", "joint", "angular_velocity",
        "Rates of these two angles, positive when tipping to +x.",
        ("lower", "upper"),
        lambda raw: raw["qvel"][:, 1:],
    ),
    StateField(
        "tip_position", (2,), "m", "world", "other",
        "Position of the upper pole's free end: z is the height above the rail, 1.2 when both poles stand upright (up to "
        "one substep, 0.01 s, behind).",
        ("x", "z"),
        lambda raw: raw["site_xpos"][:, 0, ::2],
    ),
)  # fmt: skip

World = InvertedDoublePendulum
