"""The harness around a candidate's reward: loads it, calls it, and looks at every value that comes back.

What a candidate does wrong becomes a `CandidateFault` with a status, the line in its own file and a sentence. The harness
sums the terms, so a total can't disagree with its parts, and turns a `potential` into shaping:
gamma * phi(s') - phi(s), with phi = 0 at a true end (Ng, Harada & Russell 1999).
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from envs.state import State

FILE_NAME = "reward.py"
MAX_TERMS = 32
MAX_VALUE = 1e6
SHAPING_PREFIX = "shaping_"


class CandidateFault(Exception):
    """The candidate failed. `status` is a Status of the host's; `line` counts from 1, 0 where none is known."""

    def __init__(self, status: str, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.line = line


class Reward:
    """A candidate, loaded. Calling it gives its named terms, each (num_envs,), float32, finite and bounded."""

    def __init__(self, source: str, entry: str = "reward", gamma: float = 0.99) -> None:
        """`entry` is the function's name: "reward" for a candidate; a world's file of human rewards holds several."""
        self._source = source
        self._gamma = gamma
        self._names: tuple[str, ...] | None = None
        namespace: dict[str, Any] = {"__name__": "reward", "State": State, "Tensor": Tensor, "torch": torch, "math": math}
        self._guarded(lambda: exec(compile(source, FILE_NAME, "exec", dont_inherit=True), namespace))  # noqa: S102
        if not callable(namespace.get(entry)):
            raise CandidateFault("crashed", f"the file defines no function {entry}(s, a)")
        self._reward: Callable[[State, Tensor], Any] = namespace[entry]
        potential = namespace.get("potential")
        self._potential: Callable[[State], Any] | None = potential if callable(potential) else None

    def terms(self, state: State, action: Tensor, terminated: Tensor) -> dict[str, Tensor]:
        """Return the reward's terms for a step of num_envs worlds.

        action: (num_envs, action_dim). terminated: (num_envs,), bool. Raises CandidateFault.
        """
        num_envs = action.shape[0]
        terms = self._checked("reward", self._guarded(lambda: self._reward(state, action)), num_envs)
        if self._potential is not None:
            terms.update(self._shaping(state, terminated, num_envs))
        names = tuple(terms)
        if self._names is None:
            self._names = names
        elif names != self._names:
            raise CandidateFault("rejected", f"the terms changed from {list(self._names)} to {list(names)} during a run")
        return terms

    def _shaping(self, state: State, terminated: Tensor, num_envs: int) -> dict[str, Tensor]:
        potential = self._potential
        assert potential is not None
        after = self._checked("potential", self._guarded(lambda: potential(state)), num_envs)
        before = self._checked("potential", self._guarded(lambda: potential(state.prev)), num_envs)
        if set(after) != set(before):
            raise CandidateFault("rejected", f"potential's terms changed from {sorted(before)} to {sorted(after)}")
        goes_on = (~terminated).to(torch.float32)
        return {SHAPING_PREFIX + name: self._gamma * after[name] * goes_on - before[name] for name in after}

    def _guarded(self, call: Callable[[], Any]) -> Any:  # Any: whatever a candidate returns
        """Run candidate code; anything it raises, an exit included, becomes a fault."""
        try:
            return call()
        except BaseException as error:  # noqa: BLE001 - the process edge: a candidate may raise anything
            line = self._line_of(error)
            message = self._describe(error, line)
            no_memory = isinstance(error, MemoryError) or "can't allocate memory" in message
            raise CandidateFault("out_of_memory" if no_memory else "crashed", message, line) from None

    def _checked(self, function: str, terms: Any, num_envs: int) -> dict[str, Tensor]:
        if type(terms) is not dict or not 1 <= len(terms) <= MAX_TERMS:
            what = f"{len(terms)} terms" if type(terms) is dict else f"a {type(terms).__name__}"
            raise CandidateFault("rejected", f"{function} returned {what}; it must return a dict of 1 to {MAX_TERMS} terms")
        return {self._name(function, name): self._term(function, name, term, num_envs) for name, term in terms.items()}

    @staticmethod
    def _name(function: str, name: Any) -> str:
        if type(name) is not str:
            raise CandidateFault("rejected", f"{function} named a term by a {type(name).__name__}; names are strings")
        if not name.isidentifier() or len(name) > 60:
            raise CandidateFault("rejected", f"{function} returned a term named {name[:60]!r}; names are identifiers")
        return name

    @staticmethod
    def _term(function: str, name: str, term: Any, num_envs: int) -> Tensor:
        where = f"{function}'s term {name!r}"
        if type(term) is not Tensor:
            raise CandidateFault("rejected", f"{where} is a {type(term).__name__}; it must be a Tensor (num_envs,)")
        if term.shape != (num_envs,):
            raise CandidateFault("rejected", f"{where} has shape {tuple(term.shape)}; it must be (num_envs,) = ({num_envs},)")
        if term.dtype not in (torch.float32, torch.float64, torch.bool, torch.int64, torch.int32):
            raise CandidateFault("rejected", f"{where} has dtype {term.dtype}; it must be torch.float32")
        value = term.detach().to(torch.float32).clone()
        largest = float(value.abs().max())
        if not math.isfinite(largest):
            raise CandidateFault("non_finite", f"{where} holds NaN or infinity")
        if largest > MAX_VALUE:
            raise CandidateFault("non_finite", f"{where} reached {largest:.3g}; values stay within {MAX_VALUE:g}")
        return value

    def _describe(self, error: BaseException, line: int) -> str:
        """Name the exception and quote the line. `traceback` survives an exception whose own text raises."""
        text = traceback.format_exception_only(error)[-1].strip()[:500]
        lines = self._source.splitlines()
        quoted = f" in `{lines[line - 1].strip()[:120]}`" if 0 < line <= len(lines) else ""
        return f"{text}{quoted}"

    @staticmethod
    def _line_of(error: BaseException) -> int:
        """Return the innermost line of the candidate's own file in a traceback, or where its syntax breaks."""
        lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE_NAME]
        if not lines and isinstance(error, SyntaxError) and error.filename == FILE_NAME:
            return error.lineno or 0
        return lines[-1] if lines else 0
