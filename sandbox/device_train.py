"""A training whose worlds are tensors on a device: the same learner and the same reward, and no copy on the host."""

from __future__ import annotations

import torch
from torch import Tensor

from envs.warp_world import WarpWorld
from sandbox.payers import RewardSource
from sandbox.ppo import Settings
from sandbox.train import Training


class DeviceTraining(Training):
    """`Training` on a WarpWorld. It can't be paused: MuJoCo Warp's state is more than what a world can hand out."""

    def __init__(
        self, world: WarpWorld, reward: RewardSource, seeds: list[int], steps: int, fractions: list[float], settings: Settings
    ) -> None:
        with torch.device(world.device):  # the learner's arrays are made there
            super().__init__(world, reward, seeds, steps, fractions, settings)  # type: ignore[arg-type]
        self._device_world = world

    def start(self) -> None:
        """Begin: every world at the start of an episode."""
        self._observation = self._stacked(self._device_world.reset(self._seeds))

    def _collect(self) -> None:
        """Fill the learner's horizon."""
        world, horizon = self._device_world, self._settings.horizon
        for step_of_horizon in range(horizon):
            done = self._done * horizon + step_of_horizon
            action = self._learner.act(self._observation).flatten(0, 1)
            step = world.step(world.from_unit(action), done / (self._horizons * horizon))
            self._observation = self._stacked(step.observation)
            names, values = self._reward.pay(step, step.action)
            by_policy = values.view(len(names), self._learner.policies, -1)
            self.traces.add(done, names, by_policy.mean(-1))
            ended = (self._flat_by_policy(one) for one in (step.terminated, step.truncated))
            self._learner.record(by_policy.sum(0), *ended, self._stacked(step.final_observation))

    def _stacked(self, observation: Tensor) -> Tensor:
        return observation.view(self._learner.policies, -1, observation.shape[-1])
