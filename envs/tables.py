"""State tables written as TOML: which entries of an observation mean what. Ours for gymnasium's worlds, or a user's own.

    summary = "A cart on a rail ..."          # optional, as are dt_s and action_names
    [[field]]
    name = "cart_position"
    index = 0                                 # or [0, 2], or part = "desired_goal" of a Dict with or without an index
    unit = "m"
    kind = "position"
    sentence = "Position of the cart, 0 in the middle."

Of a MuJoCo world the model's own names are fields as well, unless `model_fields = false`. `divide` and `modulo` take an index
apart: floor(value / divide) mod modulo. `between = ["a", "b"]` is the distance of two fields. `info = "key"` reads an entry of
the world's info, never one that speaks of reward, cost or success. `variants` are lists of ids, each a family whose members may
stand in for each other in a training. What is in `[training]` is the host's to read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.errors import WorldError
from envs.spaces import Part
from envs.state import Snapshot, StateField

Array = NDArray[np.float64]
Read = Callable[[Snapshot], Array]

NUMBERS = "observation_numbers"
"""The snapshot's entry that holds an observation's numbers: (num_envs, size)."""
INFO = "info."
KEYS = (
    *("ids", "prefixes", "variants", "model_fields", "summary"),
    *("dt_s", "action_names", "action_sentence", "training", "field"),
)
FIELD_KEYS = (
    *("name", "index", "part", "between", "info", "divide", "modulo"),
    *("unit", "frame", "kind", "sentence", "components"),
)
TELLS_THE_ANSWER = ("reward", "success", "cost")


@dataclass(frozen=True)
class WorldTable:
    """A table as read: what it says of the world, and its fields, not yet tied to an observation."""

    source: str
    content: Mapping[str, Any]

    @property
    def adds_the_model(self) -> bool:
        """Whether a MuJoCo model's joints, bodies and sensors are fields too; copying them costs time at every step."""
        return bool(self.content.get("model_fields", True))

    @property
    def info_keys(self) -> list[str]:
        """The entries of `info` that the table asks for; nothing else of it is ever kept."""
        return [entry["info"] for entry in self.content.get("field", []) if "info" in entry]

    def family(self, gymnasium_id: str) -> list[str]:
        """Return the ids that the table's `variants`, lists of ids, put beside this one. Raises WorldError."""
        families = self.content.get("variants", [])
        if not (isinstance(families, list) and all(_is_family(family) for family in families)):
            raise WorldError(f'{self.source}: variants must be lists of ids: variants = [["Thing-5x5-v0", "Thing-8x8-v0"]]')
        mine = next((family for family in families if gymnasium_id in family), [])
        return [id_ for id_ in mine if id_ != gymnasium_id]

    def fields(self, parts: Sequence[Part]) -> tuple[StateField, ...]:
        """Tie the table to an observation. Raises WorldError where they don't fit."""
        made: dict[str, StateField] = {}
        for entry in self.content.get("field", []):
            try:
                field = self._field(entry, parts, made)
            except (KeyError, TypeError, ValueError) as error:
                raise WorldError(f"{self.source}: field {entry.get('name', '?')!r}: {_told(error)}") from None
            made[field.name] = field
        return tuple(made.values())

    def _field(self, entry: Mapping[str, Any], parts: Sequence[Part], made: Mapping[str, StateField]) -> StateField:
        read, size = _reader(entry, parts, made)
        components = tuple(entry.get("components", ())) or (tuple(map(str, range(size))) if size else ())
        return StateField(
            name=_identifier(entry["name"]),
            shape=(size,) if size else (),
            unit=entry.get("unit", "1"),
            frame=entry.get("frame", "world"),
            kind=entry.get("kind", "distance" if "between" in entry else "other"),
            sentence=entry["sentence"],
            components=components,
            read=read,
        )


def read_table(path: Path) -> WorldTable:
    """Read a table. Raises WorldError where it is not one."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WorldError(f"{path.name} can't be read as a state table: {error}") from None
    unknown = [key for key in content if key not in KEYS]
    unknown += [key for entry in content.get("field", []) for key in entry if key not in FIELD_KEYS]
    if unknown:
        raise WorldError(f"{path.name}: {unknown[0]!r} is not a key of a state table: {', '.join((*KEYS, *FIELD_KEYS))}")
    return WorldTable(path.name, content)


def shipped_table(gymnasium_id: str) -> WorldTable | None:
    """Return our own table for one of gymnasium's worlds, or None."""
    for path in sorted((Path(__file__).parent / "gymnasium_tables").glob("*.toml")):
        table = read_table(path)
        if gymnasium_id in table.content["ids"] or gymnasium_id.startswith(tuple(table.content.get("prefixes", ()))):
            return table
    return None


def generic_fields(parts: Sequence[Part]) -> tuple[StateField, ...]:
    """Declare one field an entry of the observation, where nobody has said what it means."""
    fields = []
    for part in (part for part in parts if not part.picture):  # a picture is for the policy's eyes
        name = _identifier(part.key) if part.key else ("state" if part.choices else "obs")
        what = f"the observation's entry {part.key!r}" if part.key else "the observation"
        whole = part.size if not part.choices else 0
        sentence = (
            f"Number {(part.choices and '0 to ' + str(part.choices - 1) + ' that is ') or ''}{what}, as the world gives it."
        )
        if whole:
            sentence = f"{what[0].upper()}{what[1:]} as the world gives it; nobody has described its numbers."
        components = tuple(f"{name}[{i}]" for i in range(whole))
        read = _numbers(part.start, whole)
        fields.append(StateField(name, (whole,) if whole else (), "?", "?", "other", sentence, components, read))
    return tuple(fields)


def _reader(entry: Mapping[str, Any], parts: Sequence[Part], made: Mapping[str, StateField]) -> tuple[Read, int]:
    """Return what reads a field, and the size of its last axis (0 for a scalar)."""
    if "between" in entry:
        one, other = (made[name].read for name in entry["between"])
        return (lambda raw: np.asarray(np.linalg.norm(one(raw) - other(raw), axis=-1))), 0
    if "info" in entry:
        key = str(entry["info"])
        if any(word in key.lower() for word in TELLS_THE_ANSWER):
            raise ValueError(f"info {key!r} may not be shown: it speaks of reward, cost or success")
        return (lambda raw: raw[INFO + key]), 0
    part = next((part for part in parts if part.key == entry.get("part", part.key)), None)
    if part is None:
        raise ValueError(f"the observation has no part {entry['part']!r}")
    index = entry.get("index", list(range(part.size)))
    inside = [index] if isinstance(index, int) else index
    if not inside or min(inside) < 0 or max(inside) >= (part.size if "part" in entry else sum(p.size for p in parts)):
        raise ValueError(f"index = {index} is beyond the observation")
    at = [i + (part.start if "part" in entry else 0) for i in inside]
    divide, modulo = entry.get("divide", 0), entry.get("modulo", 0)

    def read(raw: Snapshot) -> Array:
        values = raw[NUMBERS][:, at]
        values = np.floor(values / divide) if divide else values
        values = values % modulo if modulo else values
        return values[:, 0] if isinstance(index, int) else values

    return read, 0 if isinstance(index, int) else len(at)


def _numbers(start: int, size: int) -> Read:
    return lambda raw: raw[NUMBERS][:, start : start + size] if size else raw[NUMBERS][:, start]


def _identifier(name: str) -> str:
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).strip("_").lower()
    return plain if plain.isidentifier() else f"field_{plain}"


def _is_family(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(id_, str) for id_ in value)


def _told(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
