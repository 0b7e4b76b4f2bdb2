"""Turn the words found in a task sentence into aims: what shall grow, hold or vanish, still without a world's table."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from designer.proposers.composer.lexicon import Found, Part, find, sentence_words


class Quantity(StrEnum):
    """What an aim is about."""

    TRAVEL = "travel"
    ROTATION = "rotation"
    HEIGHT = "height"
    UPRIGHT = "upright"
    PITCH = "pitch"
    FEET = "feet"
    STILL = "still"
    ALIVE = "alive"
    DISTANCE = "distance"
    FLAG = "flag"
    PLACE = "place"
    BOUNCE = "bounce"


class Shape(StrEnum):
    """What shall happen to it. GROW has no ceiling; HIGH and LOW saturate; QUIET is a hold at zero."""

    GROW = "grow"
    SLOW = "slow"
    HIGH = "high"
    LOW = "low"
    HOLD = "hold"
    QUIET = "quiet"


class Duty(StrEnum):
    """Why an aim is there. A helper makes the goal easier to find; a fallback counts only where no goal can be met."""

    GOAL = "goal"
    HELPER = "helper"
    STYLE = "style"
    FALLBACK = "fallback"


class Aim(NamedTuple):
    """One wish. `sign` is the asked direction along `axis`; 0 where the sentence leaves it open. A distance's `axis` is
    "one" where a single distance is meant, "named" where only one that the sentence names will do.

    excludes: styles that would work against it. words: the sentence, to pick a distance, a flag or a height by name.
    """

    name: str
    quantity: Quantity
    shape: Shape
    axis: str = ""
    sign: int = 1
    duty: Duty = Duty.GOAL
    share: float = 1.0
    excludes: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()


AXES = {"forward": ("forward", 1), "backward": ("forward", -1), "back": ("forward", -1), "left": ("left", 1),
        "right": ("left", -1), "sideways": ("left", 0), "up": ("up", 1), "down": ("up", -1),
        "plus_x": ("x", 1), "minus_x": ("x", -1), "plus_y": ("y", 1), "minus_y": ("y", -1)}  # fmt: skip
"""Direction word -> axis and sign along it."""

TURN_SIGNS = {"forward": 1, "backward": -1, "back": -1, "left": 1, "right": -1}
"""Direction word -> sign of a turn: a front flip (nose down) and a turn to the left are positive."""

_POSE_QUANTITIES = frozenset({Quantity.HEIGHT, Quantity.UPRIGHT, Quantity.STILL})
"""In "stay low while running", running leads, wherever the pose stands in the sentence."""

LIVELY = frozenset({"level", "steady", "no_bounce", "tall"})
"""Styles that forbid what a leap or a flip needs."""


def aims_of(text: str) -> tuple[Aim, ...]:
    """Return the aims of a sentence: goals first, in its order. Empty where no word is known."""
    found = find(text)
    manners = {item.meaning for item in found if item.part is Part.MANNER and not item.negated}
    verbs = [item for item in found if item.part in (Part.MOTION, Part.TURN, Part.LEAP)]
    directions = _attach([item for item in found if item.part is Part.DIRECTION], verbs)
    has_object = any(item.part is Part.OBJECT for item in found)
    words = tuple(sentence_words(text))
    aims: list[Aim] = []
    for item in found:
        duty = Duty.FALLBACK if item.part is Part.MOTION and has_object and item not in directions else Duty.GOAL
        about = words[item.at :] if item.negated else words
        aims += (aim._replace(words=about) for aim in _read(item, directions.get(item, ""), manners, duty))
    if not verbs and not has_object:
        aims += _implied_motion(found, manners)
    aims.sort(key=lambda aim: aim.quantity in _POSE_QUANTITIES and aim.shape is not Shape.GROW)
    if any(aim.duty is Duty.GOAL for aim in aims):
        return _unique(aims)
    return _unique([aim._replace(duty=Duty.GOAL) if aim.duty is Duty.STYLE else aim for aim in aims])


def _attach(directions: list[Found], verbs: list[Found]) -> dict[Found, str]:
    """Give each direction word to the verb next to it, the earlier one where two are as near."""
    attached: dict[Found, str] = {}
    for direction in directions:
        if verbs:
            nearest = min(verbs, key=lambda verb: (abs(verb.at - direction.at), verb.at))
            attached.setdefault(nearest, direction.meaning)
    return attached


def _unique(aims: list[Aim]) -> tuple[Aim, ...]:
    first = {aim.name: aim for aim in reversed(aims)}
    order = list(Duty)
    names = list(dict.fromkeys(aim.name for aim in aims))
    return tuple(sorted((first[name] for name in names), key=lambda aim: order.index(aim.duty)))


def _implied_motion(found: list[Found], manners: set[str]) -> Iterator[Aim]:
    """Read "backward, fast" and "as fast as possible" as a wish to move."""
    level = [item.meaning for item in found if item.part is Part.DIRECTION]
    ways = [meaning for meaning in level if meaning not in ("back", "up", "down")]
    nothing_else = all(item.part in (Part.DIRECTION, Part.MANNER) for item in found)
    if nothing_else and (ways or "fast" in manners):
        yield _travel("move", ways[0] if ways else "forward", manners)


def _read(item: Found, direction: str, manners: set[str], duty: Duty) -> Iterator[Aim]:
    if item.negated:
        yield from _negated(item, direction)
    elif item.part is Part.MOTION:
        yield _travel(item.meaning, direction or "forward", manners)._replace(duty=duty)
    elif item.part is Part.TURN:
        yield from _turn(item.meaning, direction)
    elif item.part is Part.LEAP:
        if direction in AXES and direction not in ("up", "down"):
            yield _travel(item.meaning, direction, manners)._replace(excludes=LIVELY - {"level"})
            how = Duty.GOAL if item.meaning == "jump" else Duty.HELPER
            yield Aim("leap", Quantity.HEIGHT, Shape.GROW, duty=how, share=0.3, excludes=LIVELY - {"level"})
        else:
            over_and_over = item.meaning in ("hop", "bounce")  # standing tall is no hopping: the height has to change
            quantity = Quantity.BOUNCE if over_and_over else Quantity.HEIGHT
            yield Aim(item.meaning, quantity, Shape.GROW, excludes=LIVELY - {"level"})
    else:
        yield from POSES.get(item.meaning, ())


def _travel(verb: str, direction: str, manners: set[str]) -> Aim:
    axis, sign = AXES[direction]
    shape = Shape.SLOW if "slow" in manners and "fast" not in manners else Shape.GROW
    name = f"{verb}_{'backward' if direction == 'back' else direction}"
    return Aim(f"{name}_slowly" if shape is Shape.SLOW else name, Quantity.TRAVEL, shape, axis, sign)


def _turn(meaning: str, direction: str) -> Iterator[Aim]:
    if meaning == "turn":
        sign = TURN_SIGNS.get(direction, 0) if direction in ("left", "right") else 0
        name = f"turn_{direction}" if sign else "turn"
        yield Aim(name, Quantity.ROTATION, Shape.GROW, "yaw", sign, excludes=frozenset({"steady"}))
        return
    preset = {"back_flip": "backward", "front_flip": "forward"}.get(meaning, direction)
    sign = TURN_SIGNS.get(preset, 0)
    name = {1: "front_flip", -1: "back_flip"}.get(sign, meaning) if meaning != "roll" else meaning
    axis = "roll" if meaning == "roll" else "pitch"
    yield Aim(name, Quantity.ROTATION, Shape.GROW, axis, sign, excludes=LIVELY)
    if meaning != "roll":
        yield Aim("airborne", Quantity.HEIGHT, Shape.GROW, duty=Duty.HELPER, share=0.3)


def _negated(item: Found, direction: str) -> Iterator[Aim]:
    """Read "without falling", "don't move", "not touching"."""
    style = Duty.STYLE
    if item.part is Part.MOTION and direction in AXES:
        axis = AXES[direction][0]
        yield Aim(f"no_{axis}_motion", Quantity.TRAVEL, Shape.QUIET, axis, 1, style, 0.3)
    elif item.part is Part.MOTION:
        yield POSES["still"][0]._replace(duty=style, share=0.3)
    elif item.part is Part.TURN:
        axis = "yaw" if item.meaning == "turn" else "pitch"
        yield Aim("no_turning", Quantity.ROTATION, Shape.QUIET, axis, 1, style, 0.3)
    elif item.part is Part.LEAP or item.meaning in ("stand", "raise"):
        yield POSES["crouch"][0]._replace(duty=style, share=0.3)
    elif item.meaning in ("fall", "lie", "crouch", "lower", "upside_down"):
        yield Aim("upright", Quantity.UPRIGHT, Shape.HOLD, duty=style, share=0.3, excludes=frozenset({"level"}))
        yield Aim("tall", Quantity.HEIGHT, Shape.HIGH, duty=style, share=0.3, excludes=frozenset({"tall"}))
    elif item.part is Part.OBJECT:
        if item.meaning == "switch":
            yield Aim("avoid", Quantity.FLAG, Shape.LOW, sign=-1, duty=style, share=0.5)
        else:
            yield Aim("keep_away", Quantity.DISTANCE, Shape.HIGH, "named", duty=style, share=0.5)


def _rear(name: str, foot: str, sign: int) -> tuple[Aim, ...]:
    """Standing on one pair of legs: the other pair is up and the body is pitched."""
    excludes = frozenset({"level", "steady", "tall"})
    return (
        Aim(f"{foot}_feet_up", Quantity.FEET, Shape.HIGH, foot, excludes=excludes),
        Aim(name, Quantity.PITCH, Shape.HOLD, "pitch", sign, excludes=excludes),
        Aim("torso_up", Quantity.HEIGHT, Shape.HIGH, duty=Duty.HELPER, share=0.5),
    )


_LOW = frozenset({"level", "tall"})
_REACH = (Aim("near", Quantity.DISTANCE, Shape.LOW, "one"),)
_NEAR_NAMED = Aim("near", Quantity.DISTANCE, Shape.LOW, "named", duty=Duty.HELPER)
_MOVE_OBJECT = (Aim("near", Quantity.DISTANCE, Shape.LOW), Aim("done", Quantity.FLAG, Shape.GROW, duty=Duty.HELPER))

POSES: dict[str, tuple[Aim, ...]] = {
    "front_legs": _rear("nose_down", "back", 1),
    "upright": (Aim("upright", Quantity.UPRIGHT, Shape.HOLD, excludes=_LOW),),
    "stand": (
        Aim("upright", Quantity.UPRIGHT, Shape.HOLD, excludes=frozenset({"level", "tall"})),
        Aim("tall", Quantity.HEIGHT, Shape.HIGH, share=0.5, excludes=frozenset({"tall"})),
    ),
    "upside_down": (Aim("upside_down", Quantity.UPRIGHT, Shape.HOLD, sign=-1, excludes=_LOW),),
    "lie": (
        Aim("lie_low", Quantity.HEIGHT, Shape.LOW, excludes=_LOW | {"alive"}),
        Aim("still", Quantity.STILL, Shape.QUIET, duty=Duty.HELPER, share=0.3),
    ),
    "fall": (Aim("fall_down", Quantity.HEIGHT, Shape.LOW, excludes=_LOW | {"alive"}),),
    "crouch": (Aim("crouch", Quantity.HEIGHT, Shape.LOW, excludes=frozenset({"tall"})),),
    "in_place": (Aim("in_place", Quantity.TRAVEL, Shape.QUIET, "forward", duty=Duty.STYLE, share=0.5),),
    "centre": (Aim("centred", Quantity.PLACE, Shape.QUIET),),
    "still": (Aim("still", Quantity.STILL, Shape.QUIET),),
    "alive": (Aim("alive", Quantity.ALIVE, Shape.GROW, duty=Duty.FALLBACK),),
    "raise": (Aim("raised", Quantity.HEIGHT, Shape.HIGH, excludes=frozenset({"tall"})), _NEAR_NAMED),
    "lower": (Aim("lowered", Quantity.HEIGHT, Shape.LOW, excludes=frozenset({"tall"})),),
    "reach": _REACH,
    "push": _MOVE_OBJECT,
    "place": _MOVE_OBJECT,
    "grasp": (*_MOVE_OBJECT, Aim("raised", Quantity.HEIGHT, Shape.HIGH, duty=Duty.FALLBACK)),
    "switch": (Aim("done", Quantity.FLAG, Shape.GROW), _NEAR_NAMED),
}
"""What a pose or an act on an object asks for."""
