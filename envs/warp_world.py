"""A native world on MuJoCo Warp: what its MujocoWorld says of it, computed on a device, in tensors that torch shares.

Nothing of a step passes through the host: actions, observations, ends and the state that a reward reads stay on the device, and
the physics of a step is one CUDA graph. Starts are drawn once, by the world itself, and an episode that ends begins anew from a
start picked at random among them. Numbers are float32, as MuJoCo Warp has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mujoco
import mujoco_warp
import numpy as np
import torch
import warp
from torch import Tensor

from envs import worlds
from envs.device_array import DeviceArray
from envs.errors import WorldError
from envs.mujoco_world import MujocoWorld
from envs.state import State
from envs.vec_env import Step

CONTACTS_A_WORLD, CONSTRAINTS_A_WORLD = 48, 224
STARTS = 4096
"""Starts that are drawn at a reset, for all groups together."""

Raw = dict[str, DeviceArray]


class WarpWorld:
    """num_envs simulations on a device. As `VecEnv`, but all arrays are tensors there, and a start's choice is the device's."""

    def __init__(self, name: str, num_envs: int, device: str) -> None:
        """`name`: a native world's; `device`: as torch and Warp both call it, such as cuda:0 or cpu. Raises WorldError."""
        said = worlds.make(name, 1)
        if not isinstance(said, MujocoWorld) or type(said).after_physics is not MujocoWorld.after_physics:
            raise WorldError(f"{name} can't run on MuJoCo Warp: it is not made of a MuJoCo model's physics alone")
        said.num_envs = num_envs
        if int(said.model.opt.solver) == int(mujoco.mjtSolver.mjSOL_PGS):  # Warp has none; Newton's answer is the same optimum
            said.model.opt.solver = mujoco.mjtSolver.mjSOL_NEWTON
        self._said = said
        self.spec, self.num_envs, self.device = said.spec, num_envs, torch.device(device)
        self._fields = {field.name: field for field in self.spec.fields}
        with warp.ScopedDevice(device):
            data = mujoco.MjData(said.model)
            mujoco.mj_forward(said.model, data)
            self._model = mujoco_warp.put_model(said.model)
            sizes = {"nconmax": CONTACTS_A_WORLD, "njmax": CONSTRAINTS_A_WORLD}
            self._data = mujoco_warp.put_data(said.model, data, nworld=num_envs, **sizes)
        self._views = {name: warp.to_torch(getattr(self._data, name)) for name in ("qpos", "qvel", *said.derived)}
        self._ctrl = warp.to_torch(self._data.ctrl)
        self._ended = torch.zeros(num_envs, dtype=torch.bool, device=self.device)
        bounds = (self.spec.action_low, self.spec.action_high)
        self._bounds = [torch.tensor(bound, dtype=torch.float32, device=self.device) for bound in bounds]
        self._episode_step = torch.zeros(num_envs, dtype=torch.int64, device=self.device)
        self._starts: tuple[Tensor, Tensor] = (torch.zeros(0), torch.zeros(0))
        self._generators: list[torch.Generator] = []
        self._before: Raw = {}
        self._physics = self._captured(self._advance)
        self._begin = self._captured(self._reset_ended)
        self._forward = self._captured(lambda: mujoco_warp.forward(self._model, self._data))

    def reset(self, seeds: Sequence[int]) -> Tensor:
        """Start every world anew, num_envs / len(seeds) worlds for each seed. Returns (num_envs, observation_dim)."""
        if self.num_envs % len(seeds):
            raise ValueError(f"num_envs = {self.num_envs} is not a multiple of the {len(seeds)} seeds")
        count = -(-STARTS // len(seeds))
        drawn = [self._said.draw_start(np.random.default_rng(seed), count) for seed in seeds]
        qpos, qvel = (np.stack(parts) for parts in zip(*drawn, strict=True))
        self._starts = tuple(torch.as_tensor(x, dtype=torch.float32, device=self.device) for x in (qpos, qvel))  # type: ignore[assignment]
        self._generators = [torch.Generator(self.device).manual_seed(seed) for seed in seeds]
        self._ended.fill_(True)
        self._start()
        self._before = self._snapshot()
        return self._said.observe(self._before).tensor  # type: ignore[attr-defined, no-any-return]

    def step(self, action: Tensor, training_progress: float = 0.0) -> Step:
        """Apply actions (num_envs, action_dim) in the world's units; begin anew where an episode ended. Tensors throughout."""
        applied = torch.minimum(torch.maximum(action, self._bounds[0]), self._bounds[1])
        self._ctrl.copy_(applied)
        time_before = self._time()
        self._physics()
        self._episode_step += 1
        raw = self._snapshot()
        before = State(self._fields, self._before, time_before, training_progress)  # type: ignore[arg-type]
        state = State(self._fields, raw, self._time(), training_progress, before)  # type: ignore[arg-type]
        terminated = self._terminated(raw)
        truncated = (self._episode_step >= self.spec.episode_steps) & ~terminated
        final_observation: Tensor = self._said.observe(raw).tensor  # type: ignore[attr-defined, arg-type]
        torch.logical_or(terminated, truncated, out=self._ended)
        self._start()
        self._before = self._merged(raw)
        observation = self._said.observe(self._before).tensor  # type: ignore[attr-defined, arg-type]
        return Step(observation, final_observation, state, applied, terminated, truncated)  # type: ignore[arg-type]

    def from_unit(self, action: Tensor) -> Tensor:
        """Clip actions (num_envs, action_dim) to [-1, 1] and map them to the world's units."""
        low, high = self._bounds
        return low + (action.clamp(-1, 1) + 1) * (high - low) / 2

    def set_state(self, qpos: Tensor, qvel: Tensor) -> None:
        """Put every simulation into a state (num_envs, nq), (num_envs, nv), with nothing remembered of earlier steps."""
        self._ended.fill_(True)
        self._begin()
        self._views["qpos"].copy_(qpos)
        self._views["qvel"].copy_(qvel)
        self._forward()
        self._before = self._snapshot()

    def _start(self) -> None:
        """Begin an episode in the worlds that ended: all are asked, so that nobody waits to hear how many there are."""
        self._begin()
        group, count = self.num_envs // len(self._generators), self._starts[0].shape[1]
        for index, generator in enumerate(self._generators):
            mine = slice(index * group, (index + 1) * group)
            picked = torch.randint(count, (group,), generator=generator, device=self.device)
            for name, starts in zip(("qpos", "qvel"), self._starts, strict=True):
                values = self._views[name][mine]
                values.copy_(torch.where(self._ended[mine].unsqueeze(1), starts[index].index_select(0, picked), values))
        self._forward()
        self._episode_step.mul_(~self._ended)

    def _merged(self, raw: Raw) -> Raw:
        """Return the new episodes' snapshot where one began, else the one at hand: `_forward` also moved what lags behind."""
        fresh = self._snapshot()
        merged = {}
        for name, values in fresh.items():
            began = self._ended.view(-1, *[1] * (values.ndim - 1))
            merged[name] = DeviceArray(torch.where(began, values.tensor, raw[name].tensor))
        return merged

    def _terminated(self, raw: Raw) -> Tensor:
        said: Any = self._said.terminated(raw)  # type: ignore[arg-type]
        return said.tensor if isinstance(said, DeviceArray) else torch.zeros_like(self._ended)

    def _snapshot(self) -> Raw:
        raw = {name: DeviceArray(view.clone()) for name, view in self._views.items()}
        return {**raw, "time": DeviceArray(self._time())}

    def _time(self) -> Tensor:
        return self._episode_step * self.spec.dt_s

    # Physics ---------------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        for _ in range(self._said.frame_skip):
            mujoco_warp.step(self._model, self._data)

    def _reset_ended(self) -> None:
        mujoco_warp.reset_data(self._model, self._data, reset=warp.from_torch(self._ended, dtype=warp.bool))

    def _captured(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return what does `work` on the device: as one CUDA graph there, launch by launch on a CPU.

        Warp's stream waits for torch's default one and the other way round: both are ordinary, blocking streams.
        """
        device = warp.device_from_torch(self.device)

        def run() -> None:
            with warp.ScopedDevice(device):
                work()

        if not device.is_cuda:
            return run
        run()  # what is compiled at the first call must not be compiled while it is captured
        with warp.ScopedDevice(device), warp.ScopedCapture() as capture:
            work()
        return lambda: warp.capture_launch(capture.graph)
