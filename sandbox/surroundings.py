"""What a reward could change around itself: torch's, numpy's and Python's global settings and random numbers.

They are read before a candidate's code runs and put back after it, whatever it did. A hostile candidate can do more than this
in its own process; all that it can spoil is its own training.
"""

from __future__ import annotations

import ctypes
import gc
import random
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

NUMPY_GENERATOR_BYTES = 624 * 4 + 4  # MT19937: its key and its position


class Setting(NamedTuple):
    """A global setting: how to read it, and how to put an earlier reading back."""

    name: str
    read: Callable[[], Any]
    put_back: Callable[[Any], object]


class NumpyGenerator(NamedTuple):
    """numpy's global generator and its state. (`numpy.random.get_state` takes 30 us, this takes one.)"""

    generator: Any
    state: bytes

    @classmethod
    def read(cls) -> NumpyGenerator:
        generator = np.random.get_bit_generator()
        return cls(generator, ctypes.string_at(generator.ctypes.state_address, NUMPY_GENERATOR_BYTES))

    def put_back(self) -> None:
        np.random.set_bit_generator(self.generator)
        ctypes.memmove(self.generator.ctypes.state_address, self.state, NUMPY_GENERATOR_BYTES)


def _torch_generator() -> bytes:
    return torch.default_generator.get_state().numpy().tobytes()


def _put_torch_generator_back(state: bytes) -> None:
    torch.default_generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def _put_device_back(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _torch_print_options() -> dict[str, Any]:
    return dict(vars(torch._tensor_str.PRINT_OPTS))


def _torch_modes() -> tuple[int, int]:
    """Return how many modes of torch's see every operation: of functions, of what is dispatched."""
    return torch._C._len_torch_function_stack(), torch._C._len_torch_dispatch_stack()


def _leave_torch_modes(before: tuple[int, int]) -> None:
    while torch._C._len_torch_function_stack() > before[0]:
        torch._C._pop_torch_function_stack()
    while torch._C._len_torch_dispatch_stack() > before[1]:
        torch._C._pop_torch_dispatch_stack(None)


TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


def _timers() -> tuple[bool, ...]:
    """Say which of the process's timers run."""
    return tuple(signal.getitimer(timer) > (0.0, 0.0) for timer in TIMERS)


def _stop_timers(before: tuple[bool, ...]) -> None:
    for timer, ran in zip(TIMERS, before, strict=True):
        if not ran:
            signal.setitimer(timer, 0)


def _put_gc_callbacks_back(callbacks: list[Any]) -> None:
    gc.callbacks[:] = callbacks


_SMALLEST = [5e-324]
"""The smallest positive float, out of reach of the compiler: what becomes of it tells whether tiny numbers are kept."""

SETTINGS = (
    Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    Setting("torch's default device", torch.get_default_device, _put_device_back),
    Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
    Setting("torch's gradient mode", torch.is_grad_enabled, torch.set_grad_enabled),
    Setting("torch's anomaly detection", torch.is_anomaly_enabled, torch.set_anomaly_enabled),
    Setting("torch's deterministic mode", _determinism, lambda x: torch.use_deterministic_algorithms(x[0], warn_only=x[1])),
    Setting("torch's matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    Setting("torch's modes", _torch_modes, _leave_torch_modes),
    Setting("torch's print options", _torch_print_options, lambda options: torch.set_printoptions(**options)),
    Setting("torch's flushing of tiny numbers", lambda: _SMALLEST[0] * 1.0 == 0.0, torch.set_flush_denormal),
    Setting("torch's random numbers", _torch_generator, _put_torch_generator_back),
    Setting("numpy's error state", np.geterr, lambda state: np.seterr(**state)),
    Setting("numpy's print options", np.get_printoptions, lambda options: np.set_printoptions(**options)),
    Setting("numpy's random numbers", NumpyGenerator.read, NumpyGenerator.put_back),
    Setting("Python's random numbers", random.getstate, random.setstate),
    Setting("Python's recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Setting("Python's garbage collection", gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    Setting("what Python calls after collecting garbage", lambda: list(gc.callbacks), _put_gc_callbacks_back),
    Setting("Python's timers", _timers, _stop_timers),
    Setting("Python's trace function", sys.gettrace, sys.settrace),
    Setting("Python's profile function", sys.getprofile, sys.setprofile),
    Setting("the number of threads", threading.active_count, lambda _: None),  # a thread can't be ended from outside
)


def read_settings() -> list[Any]:
    """Read every setting, in the order of SETTINGS."""
    return [setting.read() for setting in SETTINGS]


def put_back(before: list[Any]) -> list[str]:
    """Put every setting back that isn't what it was, and return their names."""
    changed = []
    for setting, value in zip(SETTINGS, before, strict=True):
        if setting.read() != value:
            setting.put_back(value)
            changed.append(setting.name)
    return changed
