"""InvertedPendulum on batched MuJoCo, as in gymnasium's InvertedPendulum-v5."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray

from envs.mujoco_world import Array, MujocoWorld, gymnasium_model, motor_table, near_default
from envs.state import Snapshot, StateField
from envs.vec_env import WorldSpec

RESET_NOISE = 0.01
LARGEST_ANGLE_RAD = 0.2


class InvertedPendulum(MujocoWorld):
    """A pole hinged on a cart on a rail; an episode ends when the pole leans too far."""

    frame_skip = 2

    def __init__(self, num_envs: int, num_threads: int = 1, dtype: torch.dtype = torch.float32) -> None:
        model = gymnasium_model("inverted_pendulum.xml")
        super().__init__(model, spec(model), num_envs, num_threads, dtype)

    def observe(self, raw: Snapshot) -> Array:
        return np.concatenate((raw["qpos"], raw["qvel"]), axis=1)

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        return near_default(self.model, generator, count, RESET_NOISE)

    def terminated(self, raw: Snapshot) -> NDArray[np.bool_]:
        finite = np.isfinite(raw["qpos"]).all(axis=1) & np.isfinite(raw["qvel"]).all(axis=1)
        upright: NDArray[np.bool_] = finite & (np.abs(raw["qpos"][:, 1]) <= LARGEST_ANGLE_RAD)
        return ~upright


def spec(model: mujoco.MjModel) -> WorldSpec:
    """Describe the world; names and bounds are read from the model."""
    return WorldSpec(
        name="inverted_pendulum",
        gymnasium_id="InvertedPendulum-v5",
        summary=(
            "A pole of 0.6 m, hinged on a cart that a motor pushes along a rail 2 m long. It starts nearly upright; an "
            f"episode ends when the pole leans more than {LARGEST_ANGLE_RAD} rad either way."
        ),
        fields=STATE_FIELDS,
        observation_dim=4,
        action_sentence="Force on the cart, in units of 100 N, positive to +x.",
        dt_s=InvertedPendulum.frame_skip * float(model.opt.timestep),
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
        "pole_angle", (), "rad", "world", "orientation",
        "Angle of the pole: 0 upright, positive leaning to +x.",
        (),
        lambda raw: raw["qpos"][:, 1],
    ),
    StateField(
        "pole_angular_velocity", (), "rad/s", "world", "angular_velocity",
        "Rate of the pole's angle, positive when it tips to +x.",
        (),
        lambda raw: raw["qvel"][:, 1],
    ),
)  # fmt: skip

World = InvertedPendulum
