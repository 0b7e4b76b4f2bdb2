"""What a reward returned, looked at value by value: type, names, shapes, dtypes, finiteness, bounds."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sandbox.faults import CandidateFault

MAX_TERMS = 32
MAX_VALUE = 1e6
MAX_NAME = 60
DTYPES = (torch.float32, torch.float64, torch.bool, torch.int64, torch.int32)


class Terms(NamedTuple):
    """Named terms. values: (num_terms, num_envs), float32, finite, within MAX_VALUE, and nobody else's memory."""

    names: tuple[str, ...]
    values: Tensor

    def by_name(self) -> dict[str, Tensor]:
        """Return each term, (num_envs,)."""
        return dict(zip(self.names, self.values, strict=True))


def checked(function: str, returned: Any, num_envs: int) -> Terms:
    """Take what `function` returned, or say what is wrong with it. Raises CandidateFault.

    Exact types only, and methods from the class: an object of the candidate's own never runs code here.
    """
    if type(returned) is not dict or not 1 <= len(returned) <= MAX_TERMS:
        what = f"{len(returned)} terms" if type(returned) is dict else f"a {type(returned).__name__}"
        raise CandidateFault("rejected", f"{function} returned {what}; it must return a dict of 1 to {MAX_TERMS} terms")
    names = tuple(_name(function, name) for name in returned)
    values = torch.stack([_term(f"{function}'s term {name!r}", term, num_envs) for name, term in returned.items()])
    low, high = torch.aminmax(values)
    largest = max(-float(low), float(high))
    if not largest <= MAX_VALUE:  # a NaN too
        raise _out_of_bounds(function, names, values)
    return Terms(names, values)


def _name(function: str, name: Any) -> str:
    if type(name) is not str:
        raise CandidateFault("rejected", f"{function} named a term by a {type(name).__name__}; names are strings")
    if not name.isidentifier() or len(name) > MAX_NAME:
        raise CandidateFault("rejected", f"{function} returned a term named {name[:MAX_NAME]!r}; names are identifiers")
    return name


def _term(where: str, term: Any, num_envs: int) -> Tensor:
    if type(term) is not Tensor:
        raise CandidateFault("rejected", f"{where} is a {type(term).__name__}; it must be a Tensor (num_envs,)")
    if term.shape != (num_envs,):
        raise CandidateFault("rejected", f"{where} has shape {tuple(term.shape)}; it must be (num_envs,) = ({num_envs},)")
    if term.dtype not in DTYPES:
        raise CandidateFault("rejected", f"{where} has dtype {term.dtype}; it must be torch.float32")
    if term.layout != torch.strided or term.device.type == "meta":
        raise CandidateFault("rejected", f"{where} is {term.layout} on {term.device}; it must be a plain tensor")
    return term if term.dtype == torch.float32 else Tensor.to(term, torch.float32)


def _out_of_bounds(function: str, names: tuple[str, ...], values: Tensor) -> CandidateFault:
    for name, largest in zip(names, values.abs().amax(1).tolist(), strict=True):
        where = f"{function}'s term {name!r}"
        if not math.isfinite(largest):
            return CandidateFault("non_finite", f"{where} holds NaN or infinity")
        if largest > MAX_VALUE:
            return CandidateFault("non_finite", f"{where} reached {largest:.3g}; values stay within {MAX_VALUE:g}")
    raise AssertionError("no term is out of bounds")
