"""A torch tensor that numpy's functions work on: a world computes with numpy on the host, and by the same code on a device.

Worlds read, observe and judge with numpy. numpy asks an argument that isn't its own what a function means for it (NEP 13
and 18); here that is the torch function of the same meaning, on the tensor's own device. So a world is written once. What has
no meaning here raises TypeError and names the function, rather than copying to the host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.lib.mixins import NDArrayOperatorsMixin
from torch import Tensor


class DeviceArray(NDArrayOperatorsMixin):
    """Wraps a tensor. `tensor` is shared, not copied."""

    __array_priority__ = 1000

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def ndim(self) -> int:
        return self.tensor.ndim

    @property
    def T(self) -> DeviceArray:
        return DeviceArray(self.tensor.T)

    def __len__(self) -> int:
        return len(self.tensor)

    def __iter__(self) -> Any:
        return map(DeviceArray, self.tensor)

    def __getitem__(self, index: Any) -> DeviceArray:
        return DeviceArray(self.tensor[index])

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            "a DeviceArray isn't copied to the host: this world uses a numpy function that has no meaning on a device"
        )

    def reshape(self, *shape: Any) -> DeviceArray:
        return DeviceArray(self.tensor.reshape(*shape))

    def copy(self) -> DeviceArray:
        return DeviceArray(self.tensor.clone())

    def all(self, axis: int | None = None) -> DeviceArray:
        return DeviceArray(self.tensor.all() if axis is None else self.tensor.all(axis))

    def any(self, axis: int | None = None) -> DeviceArray:
        return DeviceArray(self.tensor.any() if axis is None else self.tensor.any(axis))

    def sum(self, axis: int | None = None) -> DeviceArray:
        return DeviceArray(self.tensor.sum() if axis is None else self.tensor.sum(axis))

    def astype(self, dtype: Any) -> DeviceArray:
        """Floats stay as precise as the simulation: only whole numbers and truth values are other types here."""
        kind = np.dtype(dtype).kind
        return DeviceArray({"b": self.tensor.bool, "i": self.tensor.long, "f": self.tensor.float}[kind]())

    def __array_ufunc__(self, function: np.ufunc, method: str, *arguments: Any, **options: Any) -> Any:
        meaning = getattr(torch, UFUNCS.get(function.__name__, function.__name__), None)
        if method != "__call__" or options or meaning is None:
            raise TypeError(f"numpy.{function.__name__} ({method}) has no meaning on a device: see envs/device_array.py")
        return DeviceArray(meaning(*(_tensor(argument, self.tensor) for argument in arguments)))

    def __array_function__(self, function: Any, _: Any, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
        meaning = FUNCTIONS.get(function)
        if meaning is None:
            raise TypeError(f"numpy.{function.__name__} has no meaning on a device: see envs/device_array.py")
        return DeviceArray(meaning(*map(_unwrapped, arguments), **options))


UFUNCS = {
    "absolute": "abs",
    "power": "pow",
    "arctan2": "atan2",
    "arccos": "acos",
    "arcsin": "asin",
    "invert": "bitwise_not",
    "negative": "neg",
    "matmul": "matmul",
}
"""numpy's name -> torch's, where they differ."""


def _norm(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    return torch.linalg.vector_norm(x, dim=axis, keepdim=keepdims)


def _clip(x: Tensor, low: Any, high: Any) -> Tensor:
    limits = (_tensor(bound, x) for bound in (low, high))
    return torch.clamp(x, *limits)


FUNCTIONS: Mapping[Any, Callable[..., Tensor]] = {
    np.concatenate: lambda arrays, axis=0: torch.cat(arrays, dim=axis),
    np.stack: lambda arrays, axis=0: torch.stack(arrays, dim=axis),
    np.clip: _clip,
    np.where: lambda condition, one, other: torch.where(condition, one, other),
    np.einsum: lambda formula, *arrays: torch.einsum(formula, *_alike(arrays)),
    np.moveaxis: lambda x, source, destination: torch.movedim(x, source, destination),
    np.linalg.norm: _norm,
    np.sum: lambda x, axis=None: torch.sum(x, dim=axis),
    np.mean: lambda x, axis=None: torch.mean(x, dim=axis),
    np.min: lambda x, axis=None: torch.amin(x, dim=axis),
    np.max: lambda x, axis=None: torch.amax(x, dim=axis),
}


def _unwrapped(argument: Any) -> Any:
    if isinstance(argument, DeviceArray):
        return argument.tensor
    return [_unwrapped(one) for one in argument] if isinstance(argument, list | tuple) else argument


def _tensor(argument: Any, like: Tensor) -> Any:
    """Return an argument as torch takes it, on the device and, where it is a float, as precise as `like`."""
    if isinstance(argument, DeviceArray):
        return argument.tensor
    if isinstance(argument, Tensor):
        return argument
    device = like.device if np.ndim(argument) else torch.device("cpu")  # a number mixes with any device, uncopied
    dtype = like.dtype if like.is_floating_point() and np.asarray(argument).dtype.kind == "f" else None
    return torch.as_tensor(argument, device=device, dtype=dtype)


def _alike(arrays: Sequence[Any]) -> list[Tensor]:
    like = next(array for array in arrays if isinstance(array, Tensor))
    return [_tensor(array, like) for array in arrays]
