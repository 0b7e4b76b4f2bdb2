"""The ways to reward an aim in a given world: terms that say the same in different templates, plainest first."""

from __future__ import annotations

from collections.abc import Iterator

from designer.proposers.composer.aims import Aim, Duty, Quantity, Shape
from designer.proposers.composer.posture import uprightness
from designer.proposers.composer.signals import (
    Reading,
    Signal,
    along,
    components,
    mean_of,
    pitch,
    rotation,
    whole,
)
from designer.proposers.composer.terms import Role, Template, Term, rounded
from designer.proposers.composer.words import name_words, shared_words
from designer.records import StateTable

Ways = tuple[Term, ...]

CEILING_IN_SCALES = 32.0
"""A ceiling on what shall grow only keeps blow-ups out: random play underestimates speed several times over."""
SLOW_IN_SCALES = 0.3
QUARTER_TURN_RAD = 1.5708
HEIGHT_SHARE = 2.0
"""A height pays this at its scale, because it moves by a part of its scale only."""
FLAG_WEIGHT = 4.0
"""A flag pays more than what leads to it, so that to stay just short of it is never best."""

_ROLES = {Duty.GOAL: Role.GOAL, Duty.FALLBACK: Role.GOAL, Duty.HELPER: Role.HELPER, Duty.STYLE: Role.STYLE}


def ways_of(aim: Aim, table: StateTable) -> list[Ways]:
    """Return the aim's terms, one group for each thing that it is about. Empty where the table has nothing for it."""
    match aim.quantity:
        case Quantity.DISTANCE:
            distances = _meant(components(table, "distance"), aim.words, only_named=aim.axis == "named")
            return [tuple(_distance(aim, signal)) for signal in distances[: 1 if aim.axis else 2]]
        case Quantity.FLAG:
            return [(_flag(aim, signal),) for signal in _meant(components(table, "flag"), aim.words)]
        case Quantity.ALIVE:
            return [(alive(aim.name, 1.0, _ROLES[aim.duty]),)]
    ways = tuple(_moving(aim, table))
    return [ways] if ways else []


def alive(name: str, weight: float, role: Role = Role.ALIVE) -> Term:
    return Term(name, role, Template.ALIVE, Signal("each step", "alive", "", "1.0", 0.0, 1.0), weight)


def height(table: StateTable, words: tuple[str, ...] = ()) -> Signal | None:
    """Return the height that the words name, else the body's."""
    named = components(table, "height", "foot_height")
    best = max(named, key=lambda signal: shared_words(signal.label, words), default=None)
    if best and shared_words(best.label, words):
        return best
    heights = components(table, "height")
    if heights:
        return heights[0]
    reading = along(table, "position", "up")
    return reading.signal if reading else None


def _moving(aim: Aim, table: StateTable) -> Iterator[Term]:
    """Yield the ways for all aims that are about the body itself."""
    match aim.quantity:
        case Quantity.TRAVEL:
            yield from _travel(aim, table)
        case Quantity.ROTATION:
            yield from _rotation(aim, table)
        case Quantity.HEIGHT:
            signal = height(table, aim.words if aim.name in ("raised", "lowered") else ())
            yield from _level(aim, signal) if signal else ()
        case Quantity.BOUNCE:
            yield from _bounce(aim, table)
        case Quantity.PLACE:
            yield from _place(aim, table)
        case Quantity.FEET:
            feet = [foot for foot in components(table, "foot_height") if name_words(foot.label) & _feet(aim.axis)]
            yield from _level(aim, mean_of(f"{aim.axis}_feet_height", feet)) if feet else ()
        case Quantity.UPRIGHT:
            reading = uprightness(table)
            yield from _upright(aim, reading) if reading else ()
        case Quantity.PITCH:
            yield from _pitch(aim, table)
        case Quantity.STILL:
            for kind in ("linear_velocity", "joint_velocity", "angular_velocity"):
                signal = whole(table, kind)
                if signal:
                    yield _term(aim, Template.TOLERANCE, signal, aim.share, temperature=0.3 * signal.scale)


def _feet(axis: str) -> set[str]:
    return {"front", "fore", "forward"} if axis == "front" else {"back", "rear"}


def _term(
    aim: Aim, template: Template, signal: Signal, weight: float, *, sign: int = 1, target: float = 0.0,
    temperature: float = 1.0, ceiling: float = 0.0, ambiguous: bool = False, name: str = "",
) -> Term:  # fmt: skip
    return Term(
        name or aim.name, _ROLES[aim.duty], template, signal, rounded(weight), sign,
        rounded(target), rounded(temperature), rounded(ceiling), ambiguous,
    )  # fmt: skip


def _travel(aim: Aim, table: StateTable) -> Iterator[Term]:
    velocity = along(table, "linear_velocity", aim.axis)
    if velocity is None:
        return
    signal, sign = velocity.signal, velocity.sign * (aim.sign or 1)
    unsure = not velocity.certain or aim.sign == 0
    if aim.shape is Shape.QUIET:
        side = along(table, "linear_velocity", "left") if aim.axis == "forward" else None
        if side:
            signal = signal._replace(label="level speed", code=f"torch.hypot({signal.code}, {side.signal.code})")
        yield _term(aim, Template.TOLERANCE, signal, aim.share, temperature=0.3 * signal.scale)
    elif aim.shape is Shape.SLOW:
        pace = SLOW_IN_SCALES * signal.scale
        yield _term(aim, Template.TOLERANCE, signal, 1.0, sign=sign, target=pace, temperature=pace, ambiguous=unsure)
        yield _term(aim, Template.CLIPPED, signal, 1.0 / pace, sign=sign, ceiling=pace, ambiguous=unsure)
    else:
        yield from _growing(aim, signal, sign, unsure)
        place = along(table, "position", aim.axis)
        if place:
            weight = 1.0 / (signal.scale * table.dt_s)
            yield _term(aim, Template.DELTA, place.signal, weight, sign=sign, ambiguous=unsure)


def _growing(aim: Aim, signal: Signal, sign: int, unsure: bool) -> Iterator[Term]:
    """Yield the ways to ask for more without a ceiling that training could reach."""
    weight = aim.share / signal.scale
    yield _term(aim, Template.LINEAR, signal, weight, sign=sign, ambiguous=unsure)
    yield _term(aim, Template.CLIPPED, signal, weight, sign=sign, ceiling=CEILING_IN_SCALES * signal.scale, ambiguous=unsure)


def _rotation(aim: Aim, table: StateTable) -> Iterator[Term]:
    rate = rotation(table, aim.axis)
    if rate is None:
        return
    if aim.shape is Shape.QUIET:
        yield _term(aim, Template.TOLERANCE, rate.signal, aim.share, temperature=0.5 * rate.signal.scale)
    else:
        unsure = not rate.certain or aim.sign == 0
        yield from _growing(aim, rate.signal, rate.sign * (aim.sign or 1), unsure)


def _level(aim: Aim, signal: Signal) -> Iterator[Term]:
    """Yield the ways to ask for more or for less of a height."""
    spread, sign = signal.spread, -1 if aim.shape is Shape.LOW else 1
    linear = _term(aim, Template.LINEAR, signal, HEIGHT_SHARE * aim.share / signal.scale, sign=sign)
    if aim.shape is Shape.LOW:
        yield linear
        yield _term(aim, Template.BELOW, signal, aim.share, target=signal.low, temperature=0.5 * spread)
    else:
        target = signal.high if aim.shape is Shape.HIGH else signal.high + spread
        above = _term(aim, Template.ABOVE, signal, aim.share, target=target, temperature=spread)
        yield from (above, linear) if aim.duty is Duty.STYLE else (linear, above)


def _bounce(aim: Aim, table: StateTable) -> Iterator[Term]:
    """Yield the ways to ask for going up and down; for height where the sentence says "high" or no velocity is known."""
    speed, body = along(table, "linear_velocity", "up"), height(table)
    if speed and not {"high", "higher", "highest"} & set(aim.words):
        rate = speed.signal
        up_and_down = Signal("vertical speed", rate.kind, rate.unit, f"torch.abs({rate.code})", 0.0, rate.scale)
        yield from _growing(aim, up_and_down, 1, False)
    elif body:
        yield from _level(aim, body)


def _place(aim: Aim, table: StateTable) -> Iterator[Term]:
    """Yield the ways to ask for being at a position's zero, level components only: of what the sentence names, or the body."""
    places = [place for place in components(table, "position") if not name_words(place.label) & {"z", "height"}]
    most = max((shared_words(place.label, aim.words) for place in places), default=0)
    meant = [place for place in places if shared_words(place.label, aim.words) == most]
    one = meant[0] if meant else None
    if one:
        yield _term(aim, Template.TOLERANCE, one, aim.share, temperature=one.scale)
        yield _term(aim, Template.TOLERANCE, one, aim.share, temperature=one.scale / 3)


def _upright(aim: Aim, reading: Reading) -> Iterator[Term]:
    signal, sign, unsure = reading.signal, reading.sign * aim.sign, not reading.certain
    if aim.duty is not Duty.STYLE:
        yield _term(aim, Template.LINEAR, signal, aim.share, sign=sign, ambiguous=unsure)
    bell = _term(aim, Template.TOLERANCE, signal, aim.share, sign=sign, target=1.0, temperature=0.5, ambiguous=unsure)
    yield bell
    yield bell._replace(template=Template.ABOVE, target=0.8, temperature=0.2)


def _pitch(aim: Aim, table: StateTable) -> Iterator[Term]:
    reading = pitch(table)
    if reading is None:
        return
    angle, sign, unsure = reading.signal, reading.sign * aim.sign, not reading.certain
    sine = Signal(f"sine of {angle.label}", "orientation", "", f"torch.sin({angle.code})", -1.0, 1.0)
    yield _term(aim, Template.LINEAR, sine, aim.share, sign=sign, ambiguous=unsure)
    yield _term(
        aim, Template.TOLERANCE, angle, aim.share, sign=sign, target=QUARTER_TURN_RAD, temperature=0.8, ambiguous=unsure
    )


# Things in the world -----------------------------------------------------------------------------------------------

_GOALS = {"goal", "target"}
_HANDS = {"gripper", "finger", "fingertip", "hand", "tcp", "arm", "agent"}


def _meant(signals: list[Signal], words: tuple[str, ...], only_named: bool = False) -> list[Signal]:
    """Return up to two signals that the words name, or else the first two; what a hand must do first comes first."""
    named = [signal for signal in signals if shared_words(signal.label, words)]
    chain = sorted(named or ([] if only_named else signals), key=lambda signal: _place_in_chain(name_words(signal.label)))
    return chain[:2]


def _place_in_chain(words: frozenset[str]) -> int:
    return 2 * bool(words & _GOALS) - bool(words & _HANDS)


def _distance(aim: Aim, signal: Signal) -> Iterator[Term]:
    away = aim.shape is Shape.HIGH
    thing = signal.label.removesuffix("_distance").removeprefix("distance_")
    name = f"{'clear_of' if away else 'near'}_{thing}"
    half, weight = signal.scale / 2, aim.share / signal.scale
    if away:
        yield _term(aim, Template.ABOVE, signal, aim.share, target=half, temperature=half / 2, name=name)
        return
    yield _term(aim, Template.NEAR, signal, aim.share, temperature=half, name=name)
    yield _term(aim, Template.LINEAR, signal, weight, sign=-1, name=name)
    yield _term(aim, Template.NEAR, signal, aim.share, temperature=half / 4, name=name)


def _flag(aim: Aim, signal: Signal) -> Term:
    name = f"not_{signal.label}" if aim.sign < 0 else f"{signal.label}_bonus"
    return _term(aim, Template.FLAG, signal, FLAG_WEIGHT * aim.share, sign=aim.sign, name=name)
