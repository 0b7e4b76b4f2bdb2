"""What a world's table offers a reward term: quantities with their scale, and what the table says of their sign."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from designer.proposers.composer.words import clauses, identifier, name_words, tokens
from designer.records import StateField, StateTable

UNKNOWN_SCALE = 1.0
NEGLIGIBLE = 1e-6
"""A magnitude below this is rounding: a joint that random play never moved."""


class Signal(NamedTuple):
    """A quantity as code. `{s}` in `code` stands for the state; `low`..`high` is its measured range.

    `width` > 1 marks a vector (num_envs, width), which only squared, absolute and hold-at-zero terms can take.
    """

    label: str
    kind: str
    unit: str
    code: str
    low: float
    high: float
    width: int = 1

    @property
    def scale(self) -> float:
        """The largest measured magnitude."""
        reach = max(abs(self.low), abs(self.high))
        return reach if reach > NEGLIGIBLE else UNKNOWN_SCALE

    @property
    def spread(self) -> float:
        """Half of the measured range, and at least a tenth of the scale: random play may hardly move it at all."""
        return max((self.high - self.low) / 2, 0.1 * self.scale)

    def read(self, sign: int = 1, state: str = "s") -> str:
        return ("-" if sign < 0 else "") + self.code.format(s=state)


class Reading(NamedTuple):
    """A signal with the sign that makes the asked direction positive. Not `certain`: the table doesn't say."""

    signal: Signal
    sign: int
    certain: bool


# Parts of fields ----------------------------------------------------------------------------------------------------


def components(table: StateTable, *kinds: str) -> list[Signal]:
    """Return every scalar of the fields of these kinds (of all fields: no kind given)."""
    fields = [field for field in table.fields if len(field.shape) <= 1 and (not kinds or field.kind in kinds)]
    return [signal for field in fields for signal in parts(field)]


def parts(field: StateField) -> list[Signal]:
    if not field.shape:
        return [_signal(field, field.name, f"{{s}}.{field.name}", 0)]
    labels = field.components or tuple(str(index) for index in range(field.shape[0]))
    return [
        _signal(field, f"{field.name}_{identifier(label)}", f"{{s}}.{field.name}[:, {index}]", index)
        for index, label in enumerate(labels)
    ]


def _signal(field: StateField, label: str, code: str, index: int) -> Signal:
    low = field.low[index] if index < len(field.low) else -UNKNOWN_SCALE
    high = field.high[index] if index < len(field.high) else UNKNOWN_SCALE
    return Signal(label, field.kind, field.unit, code, low, high)


def whole(table: StateTable, kind: str) -> Signal | None:
    """Return the first field of a kind as one vector."""
    field = next((field for field in table.fields if field.kind == kind and len(field.shape) <= 1), None)
    if field is None or not field.low:
        return None
    reach = max(map(abs, (*field.low, *field.high)))
    return Signal(field.name, kind, field.unit, f"{{s}}.{field.name}", -reach, reach, (*field.shape, 1)[0])


def action(table: StateTable) -> Signal:
    """Return the action (num_envs, action_dim) as one vector."""
    reach = max(map(abs, (*table.action.low, *table.action.high)), default=1.0)
    return Signal("action", "action", "", "a", -reach, reach, max(2, len(table.action.names)))


def mean_of(label: str, signals: list[Signal]) -> Signal:
    """Join several scalars into their mean."""
    if len(signals) == 1:
        return signals[0]._replace(label=label)
    count = len(signals)
    code = f"(({' + '.join(signal.code for signal in signals)}) / {count})"
    low, high = (sum(bounds) / count for bounds in ([s.low for s in signals], [s.high for s in signals]))
    return Signal(label, signals[0].kind, signals[0].unit, code, low, high)


# Which way is forward ----------------------------------------------------------------------------------------------

_AXIS_WORDS = {
    "forward": {"forward", "ahead", "faces", "facing", "front"},
    "left": {"left"},
    "up": {"up", "upward", "vertical", "height"},
}
_POSITIVE_TURNS = {"forward", "left", "counterclockwise", "anticlockwise"}
_NEGATIVE_TURNS = {"backward", "right", "clockwise"}
_USUAL_AXIS = {"forward": "x", "left": "y", "up": "z"}


def along(table: StateTable, kind: str, axis: str) -> Reading | None:
    """Find the component of a kind of field along an axis: "forward", "left", "up", or a component's own label."""
    for field in (field for field in table.fields if field.kind == kind and len(field.shape) <= 1):
        by_label = dict(zip(field.components, parts(field), strict=False)) if field.shape else {}
        if axis in by_label:
            return Reading(by_label[axis], 1, True)
        if axis not in _USUAL_AXIS:
            continue
        label, sign = _stated_axis(axis, by_label, field.sentence, table.summary)
        if label:
            return Reading(by_label[label], sign, True)
        if _USUAL_AXIS[axis] in by_label:
            return Reading(by_label[_USUAL_AXIS[axis]], 1, axis == "up" or _frame_is_known(axis, by_label, field))
        scalar = parts(field)
        if len(scalar) == 1 and _AXIS_WORDS[axis] & {*tokens(field.sentence), *name_words(field.name)}:
            return Reading(scalar[0], 1, True)
        if len(scalar) == 1 and axis == "forward" and not name_words(field.name) & {"y", "z", "up", "vertical", "side"}:
            return Reading(scalar[0], 1, False)
    return None


def _stated_axis(axis: str, labels: Iterable[str], *texts: str) -> tuple[str, int]:
    """Return the label that a sentence ties to an axis ("x is forward") and its sign, or ("", 0)."""
    known = set(labels)
    for clause in (clause for text in texts for clause in clauses(text)):
        at = next((index for index, word in enumerate(clause) if word in _AXIS_WORDS[axis]), None)
        spots = [index for index, word in enumerate(clause) if word.lstrip("+-") in known]
        if at is not None and spots:
            nearest = min(spots, key=lambda index: (abs(index - at), index))
            negative = clause[nearest].startswith("-") or "negative" in clause[max(0, nearest - 1) : nearest + 1]
            return clause[nearest].lstrip("+-"), -1 if negative else 1
    return "", 0


def _frame_is_known(axis: str, labels: Iterable[str], field: StateField) -> bool:
    """Say whether y is the left: in a right-handed frame it is, once x is forward and z is up."""
    return axis == "left" and "z" in set(labels) and _stated_axis("forward", labels, field.sentence) == ("x", 1)


def rotation(table: StateTable, axis: str) -> Reading | None:
    """Find the rate about "pitch", "yaw" or "roll". Positive: nose down, or to the left; a planar body has only one."""
    fields = [field for field in table.fields if field.kind == "angular_velocity" and len(field.shape) <= 1]
    candidates = [(field, signal) for field in fields for signal in parts(field)]
    letter = {"pitch": "y", "yaw": "z", "roll": "x"}[axis]
    named = [pair for pair in candidates if name_words(pair[1].label) & {axis, letter}]
    chosen = named or (candidates if len(candidates) == 1 else [])
    if not chosen:
        return None
    field, signal = chosen[0]
    sign = _turn_sign(field.sentence, axis)
    return Reading(signal, sign or 1, sign != 0)


def pitch(table: StateTable) -> Reading | None:
    """Find the pitch angle, positive nose down."""
    for field in (field for field in table.fields if _is_angle(field)):
        for signal in parts(field):
            words = name_words(signal.label)
            if words & {"pitch", "y"} or not (field.shape or words & {"yaw", "roll", "heading"}):
                sign = _turn_sign(field.sentence, "pitch")
                return Reading(signal, sign or 1, sign != 0)
    return None


def _is_angle(field: StateField) -> bool:
    return field.kind == "orientation" and field.unit == "rad" and len(field.shape) <= 1


def _turn_sign(sentence: str, axis: str) -> int:
    """Return 1 where the sentence says that positive is nose down or left, -1 for the opposite, 0 where silent."""
    others = {"pitch", "yaw", "roll"} - {axis}
    for clause in (set(clause) for clause in clauses(sentence) if "positive" in clause and not others & set(clause)):
        nose = bool(clause & {"nose", "front"})
        if clause & _POSITIVE_TURNS or (nose and clause & {"down", "drops", "lowers"}):
            return 1
        if clause & _NEGATIVE_TURNS or (nose and clause & {"up", "lifts", "raises"}):
            return -1
    return 0
