"""What a policy that sees pictures does with them before its perceptron: a small convolutional network each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from envs.vec_env import Image

FEATURES_AN_IMAGE = 64
LARGE, SMALL = ((32, 8, 4), (64, 4, 2), (64, 3, 1)), ((16, 2, 1), (32, 2, 1), (64, 2, 1))
"""Convolutions as (channels, kernel, stride): those of Mnih et al. (2015), and for pictures too small for them."""
SMALLEST_LARGE = 36


class Encoder(nn.Module):
    """Maps observations (N, observation_dim), pictures scaled to 0 to 1, to features (N, features)."""

    def __init__(self, observation_dim: int, images: Sequence[Image]) -> None:
        super().__init__()
        self._images = tuple(images)
        pictured = {entry for image in images for entry in range(image.start, image.start + image.size)}
        self._rest = [entry for entry in range(observation_dim) if entry not in pictured]
        self.pictures = nn.ModuleList([_convolutions(image) for image in images])
        self.features = len(self._rest) + FEATURES_AN_IMAGE * len(images)

    def forward(self, observation: Tensor) -> Tensor:
        parts = [observation[:, self._rest]]
        for image, network in zip(self._images, self.pictures, strict=True):
            seen = observation[:, image.start : image.start + image.size]
            parts.append(network(seen.view(-1, image.height, image.width, image.channels).permute(0, 3, 1, 2)))
        return torch.cat(parts, dim=1)


def _convolutions(image: Image) -> nn.Sequential:
    layers: list[nn.Module] = []
    height, width, channels = image.height, image.width, image.channels
    for made, kernel, stride in LARGE if min(height, width) >= SMALLEST_LARGE else SMALL:
        layers += [nn.Conv2d(channels, made, kernel, stride), nn.ReLU()]
        height, width, channels = (height - kernel) // stride + 1, (width - kernel) // stride + 1, made
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(math.prod((height, width, channels)), FEATURES_AN_IMAGE), nn.ReLU())


def encoder_shapes(observation_dim: int, images: Sequence[Image]) -> dict[str, tuple[int, ...]]:
    """Name an encoder's parameters as a policy file does, and give their shapes. None where there are no pictures."""
    if not images:
        return {}
    with torch.device("meta"):
        kept = Encoder(observation_dim, images).state_dict()
    return {f"encoder.{name}": tuple(value.shape) for name, value in kept.items()}
