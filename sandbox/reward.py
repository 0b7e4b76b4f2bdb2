"""The harness around a candidate's reward: loads it, calls it, and looks at every value of every call.

A call is asked twice: once as it is, and once with the worlds drawn anew (as many, with replacement, in another order), in a
random order of the two. So an answer that depends on a neighbour, on the order, on chance or on a count of the calls shows,
and the reward can't tell which of the two calls pays. Now and then an earlier call is asked again, which shows a slower memory.
Inputs are copies that nothing else reads, compared with the originals afterwards; global settings are put back.

The harness sums the terms, so a total can't disagree with its parts, and turns a `potential` into shaping:
gamma * phi(s') - phi(s), with phi = 0 at a true end (Ng, Harada & Russell 1999).

This finds mistakes and cheap tricks. Code that attacks its own process can blind it, and spoils its own training: the scores
are made elsewhere.
"""

from __future__ import annotations

import math
import random
import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from envs.state import State
from sandbox.faults import FILE_NAME, CandidateFault, fault_of
from sandbox.surroundings import put_back, read_settings
from sandbox.terms import Terms, checked

SHAPING_PREFIX = "shaping_"
TOLERANCE = 1e-5
REMEMBER_ONE_IN = 8
STRIKES, FORGIVEN_PER_CALL = 3.0, 0.01
"""A value at the edge of a comparison may fall on its other side when rounding differs in another batch, so one mismatch
proves nothing. A reward that looks at its neighbours shows it in most calls."""

CHANGED = "the reward changed {what}; it must leave its surroundings as they are"
ANOTHER_ANSWER = "term {name!r} gave another answer when asked twice; it must depend on its arguments alone"
NEIGHBOURS = "term {name!r} depends on the other worlds or their order; each world must be paid on its own"


class Call(NamedTuple):
    """A question to the reward. action: (num_envs, action_dim). terminated: (num_envs,), bool."""

    state: State
    action: Tensor
    terminated: Tensor

    def select(self, rows: Tensor) -> Call:
        """Return the same question for the worlds `rows` (k,)."""
        return Call(self.state.select(rows), self.action.index_select(0, rows), self.terminated.index_select(0, rows))

    @classmethod
    def joined(cls, calls: Sequence[Call]) -> Call:
        """Return several questions as one, world after world."""
        states, actions, ends = zip(*calls, strict=True)
        return cls(State.joined(states), torch.cat(actions), torch.cat(ends))


class Stage(NamedTuple):
    """A subgoal of a curriculum, as a candidate's file writes it down: see `sandbox/stages.py`."""

    name: str
    done: Callable[[State], Any]
    reward: Callable[[State, Tensor], Any] | None = None
    share: float | None = None


class Reward:
    """A candidate, loaded. Calling it gives its named terms, each (num_envs,), float32, finite and bounded."""

    def __init__(self, source: str, entry: str = "reward", gamma: float = 0.99) -> None:
        """`entry` is the function's name: "reward" for a candidate; a world's file of human rewards holds several."""
        self._source = source
        self._gamma = gamma
        self._names: tuple[str, ...] | None = None
        self._remembered: tuple[Call, Terms] | None = None
        self._strikes = 0.0
        self._dice = torch.Generator().manual_seed(secrets.randbits(63))
        self._coin = random.Random(secrets.randbits(63))
        known = {"State": State, "Stage": Stage, "Tensor": Tensor, "torch": torch, "math": math}
        namespace: dict[str, Any] = {"__name__": "reward", **known}
        self._surroundings = _Surroundings()
        with self._surroundings:
            self._guarded(lambda: exec(compile(source, FILE_NAME, "exec", dont_inherit=True), namespace))  # noqa: S102
        if not callable(namespace.get(entry)):
            raise CandidateFault("crashed", f"the file defines no function {entry}(s, a)")
        self.defined = namespace
        self._reward: Callable[[State, Tensor], Any] = namespace[entry]
        potential = namespace.get("potential")
        self._potential: Callable[[State], Any] | None = potential if callable(potential) else None

    def terms(self, state: State, action: Tensor, terminated: Tensor) -> dict[str, Tensor]:
        """Return what `pay` returns by name, (num_envs,) each. Raises CandidateFault."""
        return self.pay(state, action, terminated).by_name()

    def pay(self, state: State, action: Tensor, terminated: Tensor) -> Terms:
        """Return the reward's terms for a step of num_envs worlds.

        action: (num_envs, action_dim). terminated: (num_envs,), bool. Raises CandidateFault.
        """
        call = Call(state, action, terminated)
        num_envs = action.shape[0]  # len() of a tensor costs more than many an operation on it
        rows = torch.randint(num_envs, (num_envs,), generator=self._dice).to(action.device)
        real_first, remember = self._coin.random() < 0.5, self._coin.random() * REMEMBER_ONE_IN < 1
        with self._surroundings, torch.no_grad():
            if real_first:
                answer = self._answer(call)
                other = self._answer_for(call, rows)
            else:
                other = self._answer_for(call, rows)
                answer = self._answer(call)
            self._compare(call, answer, other, rows)
            if self._remembered is None or remember:
                self._ask_remembered()
                # A copy of the values: the caller may do with the terms what it likes.
                self._remembered = (call, answer._replace(values=answer.values.clone()))
        return answer

    def _compare(self, call: Call, answer: Terms, other: Terms, rows: Tensor) -> None:
        """Compare an answer with the one for the worlds `rows` of the same call."""
        self._strikes = max(0.0, self._strikes - FORGIVEN_PER_CALL)
        name = _difference(other, answer.values.index_select(1, rows))
        if name is None:
            return
        again = _difference(self._answer(call), answer.values)
        if again is not None:
            raise CandidateFault("rejected", ANOTHER_ANSWER.format(name=again))
        self._ask_remembered()
        self._strikes += 1
        if self._strikes >= STRIKES:
            raise CandidateFault("rejected", NEIGHBOURS.format(name=name))

    def _ask_remembered(self) -> None:
        if self._remembered is None:
            return
        call, answer = self._remembered
        name = _difference(self._answer(call), answer.values)
        if name is not None:
            raise CandidateFault("rejected", ANOTHER_ANSWER.format(name=name))

    def _answer(self, call: Call) -> Terms:
        """Ask the candidate once, with copies of everything."""
        used = Call(call.state.copy(), call.action.clone(), call.terminated)
        answer = self._asked(used)
        _check_unwritten(used, call)
        return answer

    def _answer_for(self, call: Call, rows: Tensor) -> Terms:
        """Ask the candidate once for the worlds `rows` of a call: that selection is a copy already."""
        used = call.select(rows)
        answer = self._asked(used)
        for name, value in (("a", used.action), *used.state.seen()):
            if type(value) is not Tensor or value._version:
                raise CandidateFault("rejected", _wrote(name))
        return answer

    def _asked(self, call: Call) -> Terms:
        terms = checked("reward", self._guarded(lambda: self._reward(call.state, call.action)), call.action.shape[0])
        if self._potential is not None:
            terms = self._with_shaping(terms, call, self._potential)
        if self._names is None:
            self._names = terms.names
        elif terms.names != self._names:
            was, now = list(self._names), list(terms.names)
            raise CandidateFault("rejected", f"the terms changed from {was} to {now} during a run")
        return terms

    def _with_shaping(self, terms: Terms, call: Call, potential: Callable[[State], Any]) -> Terms:
        num_envs = call.action.shape[0]
        after = checked("potential", self._guarded(lambda: potential(call.state)), num_envs)
        before = checked("potential", self._guarded(lambda: potential(call.state.prev)), num_envs)
        if after.names != before.names:
            raise CandidateFault("rejected", f"potential's terms changed from {sorted(before.names)} to {sorted(after.names)}")
        shaping = self._gamma * after.values * (~call.terminated).to(torch.float32) - before.values
        names = tuple(SHAPING_PREFIX + name for name in after.names)
        if set(names) & set(terms.names):
            raise CandidateFault("rejected", f"a term of reward is named like shaping: {sorted(set(names) & set(terms.names))}")
        return Terms((*terms.names, *names), torch.cat([terms.values, shaping]))

    def _guarded(self, call: Callable[[], Any]) -> Any:  # Any: whatever a candidate returns
        """Run candidate code; anything it raises, an exit included, becomes a fault."""
        try:
            return call()
        except BaseException as error:  # noqa: BLE001 - the process edge: a candidate may raise anything
            raise fault_of(error, self._source) from None


def _difference(got: Terms, expected: Tensor) -> str | None:
    """Name a term that is not what was expected, (num_terms, num_envs), beyond rounding."""
    if torch.equal(got.values, expected):
        return None
    apart = (got.values - expected).abs() - TOLERANCE * expected.abs().amax(1, keepdim=True)
    if float(apart.max()) <= TOLERANCE:
        return None
    return got.names[int(apart.amax(1).argmax())]


def _check_unwritten(used: Call, original: Call) -> None:
    if not _same_bits(used.action, original.action):
        raise CandidateFault("rejected", _wrote("a"))
    kept = dict(original.state.seen())
    for name, value in used.state.seen():
        if name not in kept or not _same_bits(value, kept[name]):
            raise CandidateFault("rejected", _wrote(name))


def _wrote(name: str) -> str:
    return f"the reward wrote into {name if name == 'a' else 's.' + name[:60]}; it must compute new tensors instead"


def _same_bits(value: Any, original: Tensor) -> bool:
    """Say whether a tensor that a candidate had in its hands is bit by bit what it was. A NaN equals itself here."""
    if type(value) is not Tensor or value.dtype != original.dtype or value.shape != original.shape:
        return False
    return torch.equal(value, original) or value.numpy(force=True).tobytes() == original.numpy(force=True).tobytes()


class _Surroundings:
    """Puts global settings back after candidate code, whatever it did. They are read before each call: between two of them
    a trainer may draw global random numbers or switch gradients off.

    That they had changed is named before a wrong value, which may follow from it, and after an exception, which may have
    kept the candidate from tidying up.
    """

    def __init__(self) -> None:
        self._before: list[Any] = []

    def __enter__(self) -> None:
        self._before = read_settings()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        changed = put_back(self._before)
        raised = isinstance(error, CandidateFault) and error.status in ("crashed", "out_of_memory")
        if changed and not raised:
            raise CandidateFault("rejected", CHANGED.format(what=", ".join(changed)))
