"""What English words ask of a body: a sentence becomes aims, before any table of a world is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import zip_longest
from typing import NamedTuple

from designer.proposers.composer.words import BREAKS, content_tokens, plain_forms


class Part(StrEnum):
    """What a word does in a task sentence."""

    MOTION = "motion"
    TURN = "turn"
    LEAP = "leap"
    POSE = "pose"
    OBJECT = "object"
    DIRECTION = "direction"
    MANNER = "manner"


class Pattern(NamedTuple):
    """Words and phrases (separated by "|") that mean one thing. A weak one counts only where nothing else does."""

    part: Part
    meaning: str
    phrases: str
    weak: bool = False


class Found(NamedTuple):
    """A pattern met in a sentence, at the token `at`."""

    part: Part
    meaning: str
    at: int
    negated: bool
    weak: bool


PATTERNS = (
    Pattern(Part.MOTION, "run", "run|ran|sprint|gallop|dash|race|jog|trot"),
    Pattern(Part.MOTION, "walk", "walk|stride|march|step"),
    Pattern(Part.MOTION, "crawl", "crawl|creep"),
    Pattern(Part.MOTION, "move", "move|go|travel|drive|swim|advance|head|proceed|locomotion"),
    Pattern(Part.DIRECTION, "forward", "forward|ahead|straight on"),
    Pattern(Part.DIRECTION, "backward", "backward|rearward|in reverse|reverse"),
    Pattern(Part.DIRECTION, "back", "back"),
    Pattern(Part.DIRECTION, "left", "left|leftward|counterclockwise|anticlockwise"),
    Pattern(Part.DIRECTION, "right", "right|rightward|clockwise"),
    Pattern(Part.DIRECTION, "sideways", "sideways|sideway|sidestep|laterally"),
    Pattern(Part.DIRECTION, "plus_x", "+x"),
    Pattern(Part.DIRECTION, "minus_x", "-x"),
    Pattern(Part.DIRECTION, "plus_y", "+y"),
    Pattern(Part.DIRECTION, "minus_y", "-y"),
    Pattern(Part.DIRECTION, "up", "up|upward|skyward"),
    Pattern(Part.DIRECTION, "down", "down|downward"),
    Pattern(Part.MANNER, "fast", "fast|quick|quickly|rapidly|swiftly|full speed|top speed|speed|velocity"),
    Pattern(Part.MANNER, "slow", "slow|slowly|gently|leisurely|unhurried"),
    Pattern(Part.MANNER, "thrifty", "smooth|smoothly|efficient|efficiently|little effort|low energy|calm|calmly"),
    Pattern(Part.LEAP, "jump", "jump|leap|take off"),
    Pattern(Part.LEAP, "hop", "hop|bound"),
    Pattern(Part.LEAP, "bounce", "bounce|bob"),
    Pattern(Part.TURN, "back_flip", "back flip|backflip|back somersault|back tuck"),
    Pattern(Part.TURN, "front_flip", "front flip|frontflip|front somersault"),
    Pattern(Part.TURN, "flip", "flip|somersault|tumble"),
    Pattern(Part.TURN, "roll", "roll|roll over|cartwheel|turn over"),
    Pattern(Part.TURN, "turn", "turn|turn around|rotate|revolve"),
    Pattern(Part.POSE, "front_legs", "front leg|front feet|fore leg|foreleg|handstand"),
    Pattern(Part.POSE, "upright", "upright|balance|vertical|swing up|swing|inverted|level"),
    Pattern(Part.POSE, "stand", "stand|stand up|get up|stood|tall"),
    Pattern(Part.POSE, "upside_down", "upside down|turn upside down|on back|belly up|hang|hang down"),
    Pattern(Part.POSE, "lie", "lie|lie down|lying|lying down|lay down|prone|sit|sit down"),
    Pattern(Part.POSE, "crouch", "crouch|duck|squat|kneel|low|lower body"),
    Pattern(Part.POSE, "in_place", "in place|on spot|on same spot"),
    Pattern(Part.POSE, "centre", "in middle|in centre|in center|at middle|at centre|at center|centred|centered"),
    Pattern(Part.POSE, "still", "still|stand still|stay still|keep still|freeze|halt|motionless"),
    Pattern(Part.POSE, "still", "stay|stop|remain|rest|wait", weak=True),
    Pattern(Part.POSE, "fall", "fall|fall over|fell|topple|tip over|collapse"),
    Pattern(Part.POSE, "alive", "alive|survive|healthy"),
    Pattern(Part.POSE, "raise", "raise|lift"),
    Pattern(Part.POSE, "lower", "lower"),
    Pattern(Part.OBJECT, "reach", "reach|touch|approach|get to|move to|go to|run to|walk to|toward|towards|near|hit"),
    Pattern(Part.OBJECT, "push", "push|pull|drag|shove|slide|nudge|kick"),
    Pattern(Part.OBJECT, "place", "place|put|carry|bring|deliver|stack|insert"),
    Pattern(Part.OBJECT, "grasp", "pick|pick up|grasp|grab|hold|catch"),
    Pattern(Part.OBJECT, "switch", "open|close|press|unlock|lock|collect|solve|complete|finish"),
)

_NEGATIONS = frozenset({"not", "never", "no", "without", "avoid", "stop", "cannot"})
_TO_A_SIDE = {("to", "left"), ("to", "right")}
_NEGATION_ENDS = BREAKS | {"but", "and", "while", "then"}


def find(text: str) -> list[Found]:
    """Return the patterns of a sentence in its order; the longest phrase wins and its words are used once."""
    words, found, at, negated = sentence_words(text), [], 0, False
    phrases = sorted(_phrases(), key=lambda entry: -len(entry[0]))
    while at < len(words):
        if words[at] in _NEGATION_ENDS:
            negated = False
        hit = next(((phrase, p) for phrase, p in phrases if _stands_at(phrase, words, at)), None)
        if hit:
            pattern = hit[1]
            found.append(Found(pattern.part, pattern.meaning, at, negated, pattern.weak))
        negated = negated or words[at] in _NEGATIONS
        at += len(hit[0]) if hit else 1
    specific = {item.meaning for item in found} & {"front_legs"}
    found = [item for item in found if not (specific and item.meaning in ("stand", "upright"))]
    strong = [item for item in found if not item.weak]
    return strong if any(item.part not in (Part.DIRECTION, Part.MANNER) for item in strong) else found


def sentence_words(text: str) -> list[str]:
    """Return the words that `Found.at` counts. The "to" of "to the left" is left out: it isn't going to a thing."""
    words = content_tokens(text)
    return [word for word, after in zip_longest(words, words[1:]) if (word, after) not in _TO_A_SIDE]


def _phrases() -> Iterator[tuple[tuple[str, ...], Pattern]]:
    for pattern in PATTERNS:
        for phrase in pattern.phrases.split("|"):
            yield tuple(phrase.split()), pattern


def _stands_at(phrase: tuple[str, ...], words: list[str], at: int) -> bool:
    window = words[at : at + len(phrase)]
    return len(window) == len(phrase) and all(wanted in plain_forms(word) for wanted, word in zip(phrase, window, strict=True))
