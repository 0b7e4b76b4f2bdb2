"""One policy that Stable-Baselines3's PPO learns on our worlds: tuned, exported as ours are, paused without a pickle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor

from envs.vec_env import Image, VecEnv
from sandbox.encoder import Encoder
from sandbox.payers import RewardSource
from sandbox.policy import CLIP_OBSERVATION, HIDDEN
from sandbox.ppo import Settings
from sandbox.sb3_worlds import Draws, PaidWorlds

DEFAULTS = {"horizon": 64, "minibatches": 8}
"""Where this PPO's best settings are not our own trainer's: it has no learning rate that adapts to a short horizon."""
NORMALISER_EPSILON = 1e-6


def ppo_options(settings: Settings, *, discrete: bool) -> dict[str, Any]:
    """Return our settings as the arguments of Stable-Baselines3's PPO."""
    return {
        "n_steps": settings.horizon,
        "batch_size": settings.horizon * settings.num_envs // settings.minibatches,
        "n_epochs": settings.epochs,
        "learning_rate": settings.learning_rate,
        "gamma": settings.gamma,
        "gae_lambda": settings.gae_lambda,
        "clip_range": settings.clip,
        "ent_coef": settings.choice_entropy_weight if discrete else settings.entropy_weight,
        "vf_coef": settings.value_weight,
        "max_grad_norm": settings.max_gradient_norm,
        "policy_kwargs": {"net_arch": list(HIDDEN), "log_std_init": settings.initial_log_std},
    }


class Looking(BaseFeaturesExtractor):
    """Our encoder, as Stable-Baselines3 wants it."""

    def __init__(self, observation_space: spaces.Box, images: Sequence[Image]) -> None:
        encoder = Encoder(observation_space.shape[0], images)
        super().__init__(observation_space, encoder.features)
        self.encoder = encoder

    def forward(self, observations: Tensor) -> Tensor:
        seen: Tensor = self.encoder(observations)
        return seen


class Moments(RunningMeanStd):
    """Moments of what is observed, but for pictures: these are scaled to 0 to 1, whatever was seen."""

    def __init__(self, observation_dim: int, images: Sequence[Image]) -> None:
        super().__init__(shape=(observation_dim,))
        self._pictured = [entry for image in images for entry in range(image.start, image.start + image.size)]

    def update_from_moments(self, batch_mean: Any, batch_var: Any, batch_count: float) -> None:
        super().update_from_moments(batch_mean, batch_var, batch_count)
        self.mean[self._pictured], self.var[self._pictured] = 0.0, 255.0**2


class Learner:
    """A model, its worlds, its normaliser and its random numbers."""

    def __init__(self, world: VecEnv, reward: RewardSource, seed: int, settings: Settings, horizons: int) -> None:
        """`horizons`: how many times `learn` will be called."""
        self._draws = Draws(seed)
        self._worlds = PaidWorlds(world, reward, seed, self._draws, horizons * settings.horizon)
        self._normaliser = VecNormalize(
            self._worlds, gamma=settings.gamma, clip_obs=CLIP_OBSERVATION, epsilon=NORMALISER_EPSILON
        )
        self._images = world.spec.images
        self._normaliser.obs_rms = Moments(world.spec.observation_dim, self._images)
        self._horizon = settings.horizon * settings.num_envs
        options = ppo_options(settings, discrete=world.spec.choices > 0)
        if self._images:
            looking = {"features_extractor_class": Looking, "features_extractor_kwargs": {"images": self._images}}
            options["policy_kwargs"] |= looking
        with self._draws.swapped():
            self._model = PPO("MlpPolicy", self._normaliser, device="cpu", **options)
        self._model.set_logger(Logger(folder=None, output_formats=[]))

    def learn(self) -> dict[str, float]:
        """Play a horizon and learn from it. Returns statistics. Raises CandidateFault, MeasureError, WorldError."""
        with self._draws.swapped():
            self._model.learn(self._horizon, log_interval=None, reset_num_timesteps=False)
        said = self._model.logger.name_to_value
        rate = float(self._model.policy.optimizer.param_groups[0]["lr"])
        spread = said.get("train/std", -said["train/entropy_loss"])
        return {"kl": float(said["train/approx_kl"]), "learning_rate": rate, "std": float(spread)}

    @property
    def finite(self) -> bool:
        """Whether every parameter is still a finite number."""
        return all(bool(torch.isfinite(parameter).all()) for parameter in self._model.policy.parameters())

    @property
    def traces(self) -> list[dict[str, Any]]:
        return self._worlds.traces.of(0)

    def export(self) -> dict[str, Tensor]:
        """Return what acting needs, as a policy file holds it, without the stacking axes."""
        policy, seen = self._model.policy, self._normaliser.obs_rms
        layers = [
            layer for layer in (*policy.mlp_extractor.policy_net, policy.action_net) if isinstance(layer, torch.nn.Linear)
        ]
        exported = {}
        for number, layer in enumerate(layers):
            exported[f"actor.{number}.weight"] = layer.weight.detach().T.clone()
            exported[f"actor.{number}.bias"] = layer.bias.detach().clone()
        if self._images:
            kept = policy.features_extractor.encoder.state_dict()
            exported |= {f"encoder.{name}": value.clone() for name, value in kept.items()}
        mean, std = seen.mean, np.sqrt(seen.var + NORMALISER_EPSILON)
        numbers = {"normaliser.mean": mean, "normaliser.std": std}
        return {**exported, **{name: torch.as_tensor(values, dtype=torch.float32) for name, values in numbers.items()}}

    def state(self) -> dict[str, Tensor]:
        """Return everything between two horizons, so that `restore` goes on bit for bit."""
        model = self._model
        adam = model.policy.optimizer.state_dict()["state"]
        assert model._last_episode_starts is not None
        parts: dict[str, Mapping[str, Tensor]] = {
            "policy": model.policy.state_dict(),
            "adam": {f"{index}.{name}": value for index, kept in adam.items() for name, value in kept.items()},
            "observations": _moments(self._normaliser.obs_rms),
            "returns": _moments(self._normaliser.ret_rms),
            "draws": self._draws.state(),
            "world": {name: torch.from_numpy(value) for name, value in self._worlds.world.state().items()},
            "reward": self._worlds.reward.state(),
            "traces": self._worlds.traces.state(),
            "last": {
                "observation": torch.as_tensor(model._last_obs),
                "starts": torch.from_numpy(model._last_episode_starts),
                "discounted": torch.from_numpy(self._normaliser.returns),
                "steps": torch.tensor(self._worlds.steps),
            },
        }
        return {f"{part}.{name}": value for part, kept in parts.items() for name, value in kept.items()}

    def restore(self, terms: tuple[str, ...], state: Mapping[str, Tensor]) -> None:
        """Go on from the state of a learner with the same arguments. `terms`: the names that its traces have."""

        def part(name: str) -> dict[str, Tensor]:
            return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}

        model, last = self._model, part("last")
        model.policy.load_state_dict(part("policy"))
        optimizer = model.policy.optimizer.state_dict()
        optimizer["state"] = {}
        for name, value in part("adam").items():
            index, _, key = name.partition(".")
            optimizer["state"].setdefault(int(index), {})[key] = value
        model.policy.optimizer.load_state_dict(optimizer)
        _put_moments(self._normaliser.obs_rms, part("observations"))
        _put_moments(self._normaliser.ret_rms, part("returns"))
        self._normaliser.returns = last["discounted"].numpy()
        self._draws.restore(part("draws"))
        self._worlds.world.restore({name: value.numpy() for name, value in part("world").items()})
        self._worlds.reward.restore(part("reward"))
        self._worlds.traces.restore(terms, part("traces"))
        self._worlds.steps = int(last["steps"])
        model._last_obs, model._last_episode_starts = last["observation"].numpy(), last["starts"].numpy()
        model.num_timesteps = self._worlds.steps * self._worlds.num_envs

    @property
    def terms(self) -> tuple[str, ...]:
        return self._worlds.traces.names


def _moments(kept: RunningMeanStd) -> dict[str, Tensor]:
    return {name: torch.as_tensor(getattr(kept, name), dtype=torch.float64) for name in ("mean", "var", "count")}


def _put_moments(moments: RunningMeanStd, kept: Mapping[str, Tensor]) -> None:
    moments.mean, moments.var, moments.count = kept["mean"].numpy(), kept["var"].numpy(), float(kept["count"])
