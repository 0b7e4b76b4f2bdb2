"""Measure episodes: a fitness, a success or a sparse reward applied to what happened. numpy only.

An expression comes as a JSON tree that the host parsed; it is data, and a node that is not known is refused. A function
is a user's, a world's or a model's code, and runs here because this box is sealed and holds no candidate.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Values = NDArray[Any]
"""An array that broadcasts to (num_episodes, num_steps): float64, or bool for a condition."""

MAX_DEPTH = 200
LARGEST_NUMBER = 1e300


class MeasureError(Exception):
    """A measure can't be applied, or gave something that is not one finite number an episode."""


class Trajectories:
    """Episodes as played: what a fitness function takes as `t`.

    t.<field>: (num_episodes, num_steps, *shape), float64, the state after each action; t.action likewise, as applied.
    t.alive: (num_episodes, num_steps), bool, the steps until the episode's end; everything after it is zero.
    t.length: (num_episodes,), int64 [steps]. t.dt_s: seconds a step. t.step_limit: the longest episode [steps].
    Arrays are read only.
    """

    def __init__(
        self,
        fields: Mapping[str, ArrayLike],
        action: ArrayLike,
        length: ArrayLike,
        dt_s: float,
        step_limit: int | None = None,
    ) -> None:
        """`step_limit` defaults to the number of steps in the arrays. Raises MeasureError where sizes don't fit."""
        self.length = np.array(length, dtype=np.int64)
        num_episodes, num_steps = np.shape(action)[:2]
        if self.length.shape != (num_episodes,) or np.any(self.length < 1) or np.any(self.length > num_steps):
            raise MeasureError(f"lengths {self.length.tolist()[:5]} don't fit {num_episodes} episodes of {num_steps} steps")
        self.dt_s = dt_s
        self.step_limit = num_steps if step_limit is None else step_limit
        self.alive = np.arange(num_steps) < self.length[:, None]
        self.action = self._until_the_end("action", action)
        self._fields = {name: self._until_the_end(name, values) for name, values in fields.items()}
        for array in (self.length, self.alive):
            array.flags.writeable = False

    def __getattr__(self, name: str) -> Floats:
        fields: Mapping[str, Floats] = self.__dict__.get("_fields", {})
        if name not in fields:
            raise AttributeError(f"there is no field {name!r}. Fields: {', '.join(fields)}")
        return fields[name]

    def mean(self, values: Values) -> Floats:
        """Average (num_episodes, num_steps, ...) over each episode's steps: (num_episodes, ...)."""
        total = np.where(self._alive_like(values), values, 0.0).sum(axis=1)
        return np.asarray(total / self.length.reshape(-1, *[1] * (total.ndim - 1)), dtype=np.float64)

    def _alive_like(self, values: Values) -> NDArray[np.bool_]:
        return self.alive.reshape(*self.alive.shape, *[1] * (np.ndim(values) - 2))

    def _until_the_end(self, name: str, values: ArrayLike) -> Floats:
        array = np.asarray(values, dtype=np.float64)
        if array.shape[:2] != self.alive.shape:
            raise MeasureError(f"{name} is {array.shape}; it must start with {self.alive.shape}")
        array = np.where(self._alive_like(array), array, 0.0)
        array.flags.writeable = False
        return array


def measure_episodes(spec: Mapping[str, Any], trajectories: Trajectories) -> Floats:
    """Apply a fitness or a success: one number an episode (num_episodes,); true is 1. Raises MeasureError.

    spec: {"kind": "expression", "tree": ...} or {"kind": "function", "file": ..., "name": ..., "source": ...}.
    """
    t = trajectories
    num_episodes = len(t.length)
    if spec.get("kind") == "function":
        return _checked(_call(spec, t), num_episodes, f"{spec['file']}:{spec['name']}")
    if spec.get("kind") != "expression":
        raise MeasureError(f"a measure of kind {spec.get('kind')!r} is not known")
    time_s = (np.arange(t.alive.shape[1]) + 1) * t.dt_s
    steps = _Steps(t.__getattr__, t.action, t.alive, t.length, time_s[None], t.dt_s, t.step_limit)
    value = _Interpreter(steps).value(spec["tree"])
    if np.ndim(value) and value.shape[-1] != 1:
        raise MeasureError("the expression gives a number for every step, not one an episode")
    return _checked(np.broadcast_to(value, (num_episodes, 1))[:, 0], num_episodes, "the expression")


def measure_steps(spec: Mapping[str, Any], fields: Mapping[str, Values], action: Values, dt_s: float) -> Floats:
    """Apply a sparse reward to one step of many worlds: (num_envs,). Raises MeasureError.

    fields: (num_envs, *shape) each, and `episode_time_s` for an expression that reads `time`.
    action: (num_envs, action_dim).
    """
    if spec.get("kind") != "expression":
        raise MeasureError("a reward a step must be an expression")
    num_envs = len(action)

    def read(name: str) -> Values:
        if name not in fields:
            raise AttributeError(name)
        return np.asarray(fields[name], dtype=np.float64)[:, None]

    one_step = np.ones((num_envs, 1), dtype=bool)
    time_s = read("episode_time_s") if "episode_time_s" in fields else None
    steps = _Steps(read, np.asarray(action, dtype=np.float64)[:, None], one_step, None, time_s, dt_s, None)
    value = np.broadcast_to(_Interpreter(steps).value(spec["tree"]), (num_envs, 1))[:, 0]
    return _checked(value, num_envs, "the expression")


def _call(spec: Mapping[str, Any], t: Trajectories) -> object:
    file, name = spec["file"], spec["name"]
    namespace: dict[str, Any] = {"__name__": "measure"}
    try:
        exec(compile(spec["source"], file, "exec", dont_inherit=True), namespace)  # noqa: S102
        if not callable(namespace.get(name)):
            raise MeasureError(f"{file} defines no function {name}(t)")
        return namespace[name](t)
    except MeasureError:
        raise
    except Exception as error:  # the edge to a user's code, which may raise anything
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        where = f", line {lines[-1]}" if lines else ""
        raise MeasureError(f"{file}:{name}{where} raised {type(error).__name__}: {str(error)[:500]}") from error


def _checked(result: object, num_episodes: int, what: str) -> Floats:
    """Return the result as float64 (num_episodes,), or say what came back instead."""
    if not isinstance(result, np.ndarray) or result.dtype.kind not in "biuf":
        raise MeasureError(f"{what} returned {_described(result)}; it must return an array of {num_episodes} numbers")
    if result.shape != (num_episodes,):
        raise MeasureError(f"{what} returned shape {result.shape}; it must be ({num_episodes},)")
    numbers = result.astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise MeasureError(f"{what} gave {numbers[wrong[0]]} in {len(wrong)} of {num_episodes} cases (first: {wrong[0]})")
    return numbers


def _described(result: object) -> str:
    kind = type(result).__name__
    return f"{kind} of {result.dtype}" if isinstance(result, np.ndarray) else kind


# The interpreter ----------------------------------------------------------------------------------------------------


class _Steps(NamedTuple):
    """What an expression reads. `length`, `step_limit` and `time_s` are None where a single step doesn't know them."""

    read: Callable[[str], Values]
    action: Floats
    alive: NDArray[np.bool_]
    length: NDArray[np.int64] | None
    time_s: Floats | None
    dt_s: float
    step_limit: int | None


class _Interpreter:
    """Walks a tree. Values of an episode are (num_episodes, 1), values of a step (num_episodes, num_steps)."""

    def __init__(self, steps: _Steps) -> None:
        self._steps = steps

    def value(self, node: object, depth: int = 0) -> Values:
        if depth > MAX_DEPTH:
            raise MeasureError(f"the expression's tree is more than {MAX_DEPTH} levels deep")
        if not isinstance(node, Mapping) or not isinstance(node.get("op"), str):
            raise MeasureError(f"the expression's tree holds a {type(node).__name__} where an operation belongs")
        op = node["op"]
        if op in ("number", "time", "dt", "length_s"):
            return self._plain(op, node)
        if op in ("field", "action"):
            return self._component(self._vector(node), node)
        args = node.get("args")
        if op == "norm" and isinstance(args, list) and len(args) == 1:
            vector = self._vector(args[0])
            return np.sqrt(np.square(vector).reshape(*vector.shape[:2], -1).sum(axis=-1))
        if not isinstance(args, list) or not args:
            raise MeasureError(f"the expression's tree holds {op!r} without values")
        return self._applied(op, [self.value(arg, depth + 1) for arg in args])

    def _applied(self, op: str, values: list[Values]) -> Values:
        if op in _REDUCTIONS and len(values) == 1:
            return self._reduced(op, values[0])
        if op in ("and", "or"):
            combine = np.logical_and if op == "and" else np.logical_or
            result = values[0]
            for value in values[1:]:
                result = combine(result, value)
            return result
        count, function = _FUNCTIONS.get(op, (0, np.abs))
        if count != len(values):
            raise MeasureError(f"the expression's tree holds {op[:40]!r} with {len(values)} values, which is not known")
        with np.errstate(all="ignore"):  # a result that is not finite is reported as such
            return np.asarray(function(*values))

    def _plain(self, op: str, node: Mapping[str, Any]) -> Values:
        if op == "number":
            value = node.get("value")
            if not isinstance(value, int | float) or not abs(value) < LARGEST_NUMBER:
                raise MeasureError("the expression's tree holds a number that is none")
            return np.asarray(value, dtype=np.float64)
        if op == "dt":
            return np.asarray(self._steps.dt_s, dtype=np.float64)
        if op == "time" and self._steps.time_s is not None:
            return self._steps.time_s
        if op == "length_s" and self._steps.length is not None:
            return self._steps.length[:, None] * self._steps.dt_s
        raise MeasureError(f"{op} is not known here")

    def _vector(self, node: object) -> Floats:
        if isinstance(node, Mapping) and node.get("op") == "action":
            return self._steps.action
        if not isinstance(node, Mapping) or node.get("op") != "field" or not isinstance(node.get("name"), str):
            raise MeasureError("the expression's tree asks for the norm of something that is no field")
        try:
            return self._steps.read(node["name"])
        except AttributeError as error:
            raise MeasureError(f"the expression reads a field that is not there: {error}") from None

    def _component(self, vector: Floats, node: Mapping[str, Any]) -> Floats:
        index = node.get("index")
        fits = isinstance(index, list) and len(index) == vector.ndim - 2 and all(type(place) is int for place in index)
        if not fits or any(not 0 <= place < size for place, size in zip(index, vector.shape[2:], strict=True)):
            name = node.get("name", "action")
            raise MeasureError(f"the expression reads a component that {name}, an array {vector.shape}, doesn't have")
        return vector[(slice(None), slice(None), *index)]

    def _reduced(self, op: str, values: Values) -> Floats:
        """Reduce over the steps until each episode's end: (num_episodes, 1)."""
        steps = self._steps
        if steps.length is None or steps.step_limit is None:
            raise MeasureError(f"{op} looks at a whole episode, and here is a single step")
        values = np.broadcast_to(values, steps.alive.shape).astype(np.float64)
        length = steps.length[:, None]
        total = np.where(steps.alive, values, 0.0).sum(axis=1, keepdims=True)
        match op:
            case "sum":
                return total
            case "integral":
                return total * steps.dt_s
            case "mean_limit":
                return total / steps.step_limit
            case "std":
                away = np.where(steps.alive, values - total / length, 0.0)
                return np.sqrt(np.square(away).sum(axis=1, keepdims=True) / length)
            case "min":
                return np.where(steps.alive, values, np.inf).min(axis=1, keepdims=True)
            case "max":
                return np.where(steps.alive, values, -np.inf).max(axis=1, keepdims=True)
            case "first":
                return values[:, :1]
            case "last":
                return np.take_along_axis(values, length - 1, axis=1)
        return total / length  # mean, share


_REDUCTIONS = frozenset(("mean", "share", "sum", "integral", "mean_limit", "std", "min", "max", "first", "last"))

_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "+": (2, np.add),
    "-": (2, np.subtract),
    "*": (2, np.multiply),
    "/": (2, np.divide),
    "**": (2, np.power),
    "neg": (1, np.negative),
    "<": (2, np.less),
    "<=": (2, np.less_equal),
    ">": (2, np.greater),
    ">=": (2, np.greater_equal),
    "==": (2, np.equal),
    "!=": (2, np.not_equal),
    "not": (1, np.logical_not),
    "abs": (1, np.abs),
    "sqrt": (1, np.sqrt),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "cos": (1, np.cos),
    "sin": (1, np.sin),
    "tanh": (1, np.tanh),
    "clip": (3, np.clip),
    "where": (3, np.where),
    "minimum": (2, np.minimum),
    "maximum": (2, np.maximum),
}
"""Name -> how many values it takes, and what it does."""
