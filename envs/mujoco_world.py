"""A batched world on `mujoco.batch`: one model, many simulations, stepped on threads without the interpreter lock.

A world subclasses `MujocoWorld` and says five things: its spec, which derived fields it reads, how an episode starts,
what the policy observes, and when an episode ends. Resets, time limits and snapshots are the same for all and are here.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from numpy.typing import NDArray

from envs.eases import Eases, Wanted
from envs.state import Snapshot, State, StateField
from envs.vec_env import Step, WorldSpec, require_finite

Array = NDArray[np.float64]


class MujocoWorld:
    """num_envs simulations of one model. Implements `VecEnv`.

    `qpos` and `qvel` are always current. Derived arrays (`xpos`, ...) lag by up to one physics substep, as they do
    after `mj_step` and in gymnasium: they are the previous substep's with Euler, the last stage's with RK4.
    """

    spec: WorldSpec
    frame_skip: int
    derived: tuple[str, ...] = ()
    """Names of the mjData arrays beside qpos and qvel that the state or the observation reads."""

    def __init__(
        self,
        model: mujoco.MjModel,
        spec: WorldSpec,
        num_envs: int,
        num_threads: int = 1,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """`dtype` is the type of the state's tensors (float64 is for tests that compare with other simulators)."""
        self.spec = spec
        self.num_envs = num_envs
        self.model = model
        self._batch = Batch(model, num_envs, nthread=num_threads)
        self._qpos = self._batch.bind("qpos")
        self._qvel = self._batch.bind("qvel")
        self._ctrl = self._batch.bind("ctrl")
        self._warm_start = self._batch.bind("qacc_warmstart")
        self._activation = self._batch.bind("act")
        self._views = {name: self._batch.bind(name) for name in self.derived}
        self._fields = {field.name: field for field in spec.fields}
        self._action_low = np.array(spec.action_low)
        self._action_high = np.array(spec.action_high)
        self._episode_step = np.zeros(num_envs, dtype=np.int64)
        self._generators: list[np.random.Generator] = []
        self._dtype = dtype
        self._before: Snapshot = {}
        self._before_time = np.zeros(num_envs)
        self._eases: Eases | None = None

    # What a world must say -------------------------------------------------------------------------------------------

    def observe(self, raw: Snapshot) -> Array:
        """Return what the policy sees: (num_envs, observation_dim)."""
        raise NotImplementedError

    def draw_start(self, generator: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Draw `count` starts: qpos (count, nq) and qvel (count, nv)."""
        raise NotImplementedError

    def terminated(self, raw: Snapshot) -> NDArray[np.bool_]:
        """Say which episodes the world itself ends: (num_envs,). None by default."""
        return np.zeros(self.num_envs, dtype=bool)

    def after_physics(self, before: Snapshot) -> None:
        """Correct the simulations' state after a step, where a world asks for it. Nothing by default."""

    # What every world does -------------------------------------------------------------------------------------------

    def reset(self, seeds: Sequence[int]) -> Array:
        if self.num_envs % len(seeds):
            raise ValueError(f"num_envs = {self.num_envs} is not a multiple of the {len(seeds)} seeds")
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._start(np.arange(self.num_envs))
        self._remember()
        return self.observe(self._before)

    def step(self, action: Array, training_progress: float = 0.0) -> Step:
        applied = np.clip(action, self._action_low, self._action_high)
        self._ctrl[:] = applied
        if self._eases is not None:
            self._eases.carry(self._batch.bind("xfrc_applied"))
        self._batch.step(nstep=self.frame_skip)
        self.after_physics(self._before)
        self._episode_step += 1
        raw = self._snapshot()
        before = State(self._fields, self._before, self._before_time, training_progress, dtype=self._dtype)
        state = State(self._fields, raw, self._time(), training_progress, before, self._dtype)
        terminated = self.terminated(raw)
        if self._eases is not None:
            terminated = self._eases.forgive(terminated)
            self._eases.follow(self._qpos, self._qvel)
        truncated = (self._episode_step >= self.spec.episode_steps) & ~terminated
        final_observation = observation = self.observe(raw)
        require_finite(self.spec.name, observation)
        ended = np.flatnonzero(terminated | truncated)
        self._before, self._before_time = raw, self._time()
        if len(ended):
            self._start(ended)
            self._remember()
            observation = self.observe(self._before)
        return Step(observation, final_observation, state, applied, terminated, truncated)

    def set_state(self, qpos: Array, qvel: Array) -> Array:
        """Put every simulation into a given state (num_envs, nq) and (num_envs, nv); return the observation.

        What the solver remembers of earlier steps is forgotten, so the same state always goes on in the same way.
        """
        self._qpos[:], self._qvel[:] = qpos, qvel
        self._warm_start[:] = 0.0
        self._batch.forward()
        self._remember()
        return self.observe(self._before)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return copies of everything that `restore` needs to go on bit for bit."""
        generators = json.dumps([generator.bit_generator.state for generator in self._generators])
        return {
            "qpos": self._qpos.copy(),
            "qvel": self._qvel.copy(),
            "warm_start": self._warm_start.copy(),
            "activation": self._activation.copy(),
            "episode_step": self._episode_step.copy(),
            "before_time": self._before_time.copy(),
            "generators": np.frombuffer(generators.encode(), dtype=np.uint8).copy(),
            **{f"before.{name}": values for name, values in self._before.items()},
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from the state of a world of the same kind and size."""
        self._generators = []
        for kept in json.loads(state["generators"].tobytes()):
            generator = np.random.default_rng()
            generator.bit_generator.state = kept
            self._generators.append(generator)
        self._qpos[:], self._qvel[:], self._activation[:] = state["qpos"], state["qvel"], state["activation"]
        self._batch.forward()
        self._warm_start[:] = state["warm_start"]
        self._episode_step[:], self._before_time = state["episode_step"], state["before_time"]
        names = [name.removeprefix("before.") for name in state if name.startswith("before.")]
        self._before = {name: state[f"before.{name}"] for name in names}

    def ease(self, wanted: Wanted, seeds: Sequence[int]) -> Eases:
        """Have a training's episodes eased from the next reset on; return what says how much. No judge asks for it."""
        self._eases = Eases(wanted, self.model, self.num_envs, seeds, self.spec.episode_steps)
        return self._eases

    def simulation(self, index: int) -> mujoco.MjData:
        """Return one simulation as an MjData, to draw it."""
        return self._batch.get_data(index)

    def _start(self, ended: NDArray[np.int64]) -> None:
        """Start new episodes in the worlds `ended` (indices), each from its own group's generator."""
        group_size = self.num_envs // len(self._generators)
        self._batch.reset(ended, stage=mujoco.mjtStage.mjSTAGE_NONE)
        for group, generator in enumerate(self._generators):
            mine = ended[(ended // group_size) == group]
            if len(mine):
                self._qpos[mine], self._qvel[mine] = self.draw_start(generator, len(mine))
        if self._eases is not None:
            self._eases.begin(ended, self._qpos, self._qvel)
        self._batch.forward(ended)
        self._episode_step[ended] = 0

    def _remember(self) -> None:
        self._before, self._before_time = self._snapshot(), self._time()

    def _snapshot(self) -> Snapshot:
        raw = {"qpos": self._qpos.copy(), "qvel": self._qvel.copy(), "time": self._time()}
        for name, view in self._views.items():
            raw[name] = view.copy()
        return raw

    def _time(self) -> Array:
        return self._episode_step * self.spec.dt_s


# How worlds read their model ---------------------------------------------------------------------------------------


def gymnasium_model(file_name: str) -> mujoco.MjModel:
    """Load one of the models that gymnasium ships, from the installed package."""
    package = importlib.util.find_spec("gymnasium")  # found, not imported: that would take longer than the model
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "envs" / "mujoco" / "assets" / file_name
    return mujoco.MjModel.from_xml_path(str(path))


def near_default(
    model: mujoco.MjModel, generator: np.random.Generator, count: int, noise: float, *, normal_speeds: bool = False
) -> tuple[Array, Array]:
    """Draw starts around the model's own pose, at rest but for noise: qpos (count, nq) and qvel (count, nv)."""
    qpos = model.qpos0 + generator.uniform(-noise, noise, (count, model.nq))
    shape = (count, model.nv)
    qvel = noise * generator.standard_normal(shape) if normal_speeds else generator.uniform(-noise, noise, shape)
    return qpos, qvel


def motor_table(model: mujoco.MjModel) -> dict[str, tuple[Any, ...]]:
    """Return a spec's action names and bounds, as the model's actuators have them."""
    return {
        "action_names": actuator_names(model),
        "action_low": tuple(model.actuator_ctrlrange[:, 0]),
        "action_high": tuple(model.actuator_ctrlrange[:, 1]),
    }


def actuated_joints(model: mujoco.MjModel) -> list[int]:
    """Return the joints that an actuator moves, in the actuators' order."""
    return [int(joint) for joint in model.actuator_trnid[:, 0]]


def joint_fields(model: mujoco.MjModel, signs: str) -> tuple[StateField, StateField]:
    """Declare the actuated joints' angles and rates, named as in the model, in the actuators' order.

    `signs` says which way the joints turn: it ends the sentence on their angles.
    """
    joints = actuated_joints(model)
    names = tuple(model.joint(joint).name for joint in joints)
    at_qpos = [int(model.jnt_qposadr[joint]) for joint in joints]
    at_qvel = [int(model.jnt_dofadr[joint]) for joint in joints]
    angles = StateField(
        name="joint_angles",
        shape=(len(joints),),
        unit="rad",
        frame="joint",
        kind="joint_position",
        sentence=f"Angle of each actuated joint. {signs}",
        components=names,
        read=lambda raw: raw["qpos"][:, at_qpos],
    )
    rates = StateField(
        name="joint_velocities",
        shape=(len(joints),),
        unit="rad/s",
        frame="joint",
        kind="joint_velocity",
        sentence="Angular velocity of each actuated joint, with the sign of its angle.",
        components=names,
        read=lambda raw: raw["qvel"][:, at_qvel],
    )
    return angles, rates


def actuator_names(model: mujoco.MjModel) -> tuple[str, ...]:
    """Name each action component after its actuator, or after the joint it moves."""
    joints = actuated_joints(model)
    return tuple(model.actuator(i).name or model.joint(joint).name for i, joint in enumerate(joints))


def capsule_clearance(model: mujoco.MjModel, geoms: Sequence[str]) -> Callable[[Snapshot], Array]:
    """Read how far the lowest point of each capsule is above the floor (z = 0): (num_envs, len(geoms)) [m].

    A world that uses it names `geom_xpos` and `geom_xmat` in `derived`.
    """
    ids = [model.geom(name).id for name in geoms]
    radius, half_length = model.geom_size[ids, 0], model.geom_size[ids, 1]
    axis_z = 8  # the capsule lies along its own z axis: row 3, column 3 of its rotation to the world

    def read(raw: Snapshot) -> Array:
        lower_half = np.abs(raw["geom_xmat"].reshape(len(raw["qpos"]), -1, 9)[:, ids, axis_z]) * half_length
        clearance: Array = raw["geom_xpos"].reshape(len(raw["qpos"]), -1, 3)[:, ids, 2] - lower_half - radius
        return clearance

    return read
