"""How upright a body is, as one signal in -1..1, whatever form its orientation has in the table."""

from __future__ import annotations

from designer.proposers.composer.signals import Reading, Signal, parts
from designer.proposers.composer.words import clauses, identifier, name_words, tokens
from designer.records import StateField, StateTable

_UP_AT_ZERO = {"level", "upright", "up", "vertical", "straight", "standing", "stands", "balanced", "top"}
_COSINE_NAMES = {"upright", "uprightness", "cos", "cosine", "up"}
_DOWN_AT_ZERO = {"hanging", "hangs", "down", "bottom", "below"}


def uprightness(table: StateTable) -> Reading | None:
    """Return a signal that is 1 when the body is upright and -1 upside down. None: the table has no orientation."""
    fields = [field for field in table.fields if field.kind == "orientation" and len(field.shape) <= 1]
    tilts = [field for field in fields if not name_words(field.name) & {"yaw", "heading"}]
    for field in sorted(tilts, key=lambda field: not name_words(field.name) & _COSINE_NAMES):
        reading = _of_vector(field) if len(parts(field)) > 1 else _of_angle(field)
        if reading:
            return reading
    hinges = [field for field in table.fields if field.kind == "joint_position" and len(parts(field)) == 1]
    return _of_angle(hinges[0]) if hinges and hinges[0].unit == "rad" else None


def _of_angle(field: StateField) -> Reading | None:
    signal = parts(field)[0]
    if field.unit != "rad":
        return Reading(_unit_signal(signal.code), 1, True) if name_words(field.name) & _COSINE_NAMES else None
    words = tokens(field.sentence)
    for clause in clauses(field.sentence):
        if {"0", "zero", "0.0", "from"} & set(clause):
            if _UP_AT_ZERO & set(clause):
                return Reading(_cosine(signal), 1, True)
            if _DOWN_AT_ZERO & set(clause):
                return Reading(_cosine(signal), -1, True)
    return Reading(_cosine(signal), 1, "upright" in words)


def _of_vector(field: StateField) -> Reading | None:
    by_label = dict(zip(map(identifier, field.components), parts(field), strict=False))
    words = {*tokens(field.sentence), *name_words(field.name)}
    if "cos" in by_label:
        return Reading(_unit_signal(by_label["cos"].code), 1, True)
    if {"w", "x", "y", "z"} == set(by_label):
        x, y = by_label["x"].code, by_label["y"].code
        return Reading(_unit_signal(f"(1.0 - 2.0 * (torch.square({x}) + torch.square({y})))"), 1, True)
    if field.unit == "rad":
        tilts = [signal for label, signal in by_label.items() if label in ("pitch", "roll")]
        product = " * ".join(_cosine(tilt).code for tilt in tilts)
        return Reading(_unit_signal(f"({product})"), 1, True) if tilts else None
    if "z" in by_label and words & {"up", "upright", "vertical", "gravity"}:
        return Reading(_unit_signal(by_label["z"].code), -1 if "gravity" in words else 1, True)
    return None


def _cosine(angle: Signal) -> Signal:
    return _unit_signal(f"torch.cos({angle.code})")


def _unit_signal(code: str) -> Signal:
    return Signal("uprightness", "orientation", "", code, -1.0, 1.0)
