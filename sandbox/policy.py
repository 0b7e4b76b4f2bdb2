"""Policies, many at once: their parameters are stacked along the first axis, and so is every forward pass.

A policy file (safetensors) holds, for every checkpoint C and policy P, the actor's weights and its observation normaliser:
`actor.<layer>.weight` (C, P, in, out), `actor.<layer>.bias` (C, P, out), `normaliser.mean` and `normaliser.std`
(C, P, observation_dim). Where the world shows pictures it also holds the network that looks at them, `encoder.<name>`
(C, P, ...), whose features are what the actor reads. It holds nothing else, and a reader accepts nothing else.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from envs.vec_env import Image
from sandbox.encoder import FEATURES_AN_IMAGE, Encoder, encoder_shapes

HIDDEN = (64, 64)
MAX_HEADER_BYTES = 64 * 1024
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_WEIGHT = 1e6
CLIP_OBSERVATION = 10.0


class PolicyRefusedError(ValueError):
    """A policy file isn't exactly what the job asked for."""


def mlp_shapes(prefix: str, sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Name the parameters of a multi-layer perceptron and give their shapes, without the stacking axes."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        shapes[f"{prefix}.{layer}.weight"] = (inputs, outputs)
        shapes[f"{prefix}.{layer}.bias"] = (outputs,)
    return shapes


Layers = Sequence[tuple[Tensor, Tensor]]
"""Weights (P, in, out) and biases (P, 1, out), from the first layer to the last."""


def mlp(layers: Layers, x: Tensor) -> Tensor:
    """Run P stacked perceptrons with tanh between the layers: x (P, N, in) -> (P, N, out).

    tanh(z) is 2 sigmoid(2 z) - 1, to float32's rounding, and torch's sigmoid takes a tenth of its tanh's time. Both factors 2
    go into the matrix products, so that a hidden layer hands on half of its tanh.
    """
    *hidden, (weight, bias) = layers
    doubled = 1
    for hidden_weight, hidden_bias in hidden:
        x = torch.sigmoid(torch.baddbmm(hidden_bias, x, hidden_weight, beta=2, alpha=2 * doubled)) - 0.5
        doubled = 2
    return torch.baddbmm(bias, x, weight, alpha=doubled)


def policy_shapes(observation_dim: int, action_dim: int, images: Sequence[Image] = ()) -> dict[str, tuple[int, ...]]:
    """Name everything a policy file holds, with shapes, without the checkpoint and policy axes."""
    features = observation_dim - sum(image.size for image in images) + FEATURES_AN_IMAGE * len(images)
    shapes = {**mlp_shapes("actor", (features, *HIDDEN, action_dim)), **encoder_shapes(observation_dim, images)}
    return {**shapes, "normaliser.mean": (observation_dim,), "normaliser.std": (observation_dim,)}


def normalise(observation: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Scale observations (P, N, observation_dim) by statistics (P, observation_dim)."""
    scaled = (observation - mean.unsqueeze(1)) / std.unsqueeze(1)
    return scaled.clamp(-CLIP_OBSERVATION, CLIP_OBSERVATION)


class StackedPolicy:
    """P policies, ready to act without exploration: the mean action, or the likeliest choice."""

    def __init__(self, parameters: Mapping[str, Tensor], images: Sequence[Image] = ()) -> None:
        """`parameters`: as in a policy file, with one leading axis (P, ...). `images`: the world's pictures."""
        self._mean, self._std = parameters["normaliser.mean"], parameters["normaliser.std"]
        self._encoders = [_encoder(parameters, policy, images) for policy in range(len(self._mean))] if images else []
        self._layers = [
            (parameters[f"actor.{layer}.weight"], parameters[f"actor.{layer}.bias"].unsqueeze(1))
            for layer in range(len(HIDDEN) + 1)
        ]

    def act(self, observation: Tensor, *, discrete: bool = False) -> Tensor:
        """Return mean actions in [-1, 1] units (P, N, action_dim), or `discrete` indices (P, N, 1).

        observation: (P, N, observation_dim).
        """
        seen = normalise(observation, self._mean, self._std)
        if self._encoders:
            seen = torch.stack([encoder(one) for encoder, one in zip(self._encoders, seen, strict=True)])
        output = mlp(self._layers, seen)
        return output.argmax(-1, keepdim=True).to(output.dtype) if discrete else output


def _encoder(parameters: Mapping[str, Tensor], policy: int, images: Sequence[Image]) -> Encoder:
    encoder = Encoder(parameters["normaliser.mean"].shape[1], images)
    encoder.load_state_dict({name: parameters[f"encoder.{name}"][policy] for name in encoder.state_dict()})
    return encoder.requires_grad_(False)


def pack(checkpoints: Sequence[Mapping[str, Tensor]]) -> bytes:
    """Write checkpoints, each with tensors (P, ...), as one policy file."""
    stacked = {name: torch.stack([c[name] for c in checkpoints]).contiguous() for name in checkpoints[0]}
    return save(stacked)


def unpack(
    payload: bytes, checkpoints: int, policies: int, observation_dim: int, action_dim: int, images: Sequence[Image] = ()
) -> dict[str, Tensor]:
    """Read a policy file that an untrusted box wrote. Returns tensors (checkpoints, policies, ...).

    Raises PolicyRefusedError unless its size, header, names, shapes and types are exactly as expected and every number is
    finite and below MAX_WEIGHT.
    """
    shapes = policy_shapes(observation_dim, action_dim, images)
    expected = {name: [checkpoints, policies, *shape] for name, shape in shapes.items()}
    _check_header(_header(payload), expected)
    try:
        tensors = load(payload)
    except SafetensorError as error:
        raise PolicyRefusedError(f"the policy file's tensors don't fit its header: {str(error)[:200]}") from None
    for name, shape in expected.items():
        tensor = tensors[name]
        if tensor.dtype != torch.float32 or list(tensor.shape) != shape:  # two readers of one header might not agree
            raise PolicyRefusedError(f"{name} was read as {tensor.dtype} {list(tensor.shape)}, not float32 {shape}")
        if not bool(torch.isfinite(tensor).all()) or float(tensor.abs().max()) > MAX_WEIGHT:
            raise PolicyRefusedError(f"{name} holds a number that is not finite or above {MAX_WEIGHT:g}")
    if float(tensors["normaliser.std"].min()) <= 0:
        raise PolicyRefusedError("normaliser.std holds a number that is not above 0")
    return {name: tensors[name] for name in expected}


def _check_header(header: Mapping[str, object], expected: Mapping[str, list[int]]) -> None:
    if set(header) != set(expected):
        raise PolicyRefusedError(f"the policy file holds {str(sorted(header))[:500]}, not {sorted(expected)}")
    for name, shape in expected.items():
        entry = header[name]
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise PolicyRefusedError(f"{name} is told as {str(entry)[:100]}; it has a dtype, a shape and data_offsets")
        if (entry["dtype"], entry["shape"]) != ("F32", shape):
            raise PolicyRefusedError(f"{name} is {str(entry['dtype'])[:20]} {str(entry['shape'])[:80]}, not F32 {shape}")


def _header(payload: bytes) -> dict[str, object]:
    """Read the header before any tensor is made of it."""
    if not 8 < len(payload) <= MAX_FILE_BYTES:
        raise PolicyRefusedError(f"the policy file has {len(payload)} bytes; at most {MAX_FILE_BYTES} are read")
    (header_bytes,) = struct.unpack("<Q", payload[:8])
    if header_bytes > min(MAX_HEADER_BYTES, len(payload) - 8):
        raise PolicyRefusedError(f"the policy file's header claims {header_bytes} bytes")
    try:
        header = json.loads(payload[8 : 8 + header_bytes], object_pairs_hook=_unique)
    except PolicyRefusedError:
        raise
    except (ValueError, RecursionError) as error:
        raise PolicyRefusedError(f"the policy file's header is not JSON: {error}") from None
    if not isinstance(header, dict):
        raise PolicyRefusedError("the policy file's header is not an object")
    return header


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise PolicyRefusedError("the policy file's header names something twice")
    return dict(pairs)
