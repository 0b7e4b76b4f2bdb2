"""Subgoals without a language model: what the sentence names on the way, or marks that the main goal passes.

A sentence that says one thing after another ("take the key, open the door, go to the goal") is cut there. Each part but the
last, which is the task, becomes a stage where the table has a predicate for it: a flag, a count, a distance. One wish alone
gets two marks on its main quantity, the first at the edge of what random play does and the second beyond.
"""

from __future__ import annotations

from typing import NamedTuple

from designer.aid_settings import SolvedAsked
from designer.proposers import Brief, Slot
from designer.proposers.composer.render import Design
from designer.proposers.composer.signals import Signal, components
from designer.proposers.composer.terms import rounded
from designer.proposers.composer.words import clauses, name_words, plain_forms
from designer.records import StateTable
from designer.stages import MOST

MARKER = "# The way there: a stage is reached where its condition holds."
SOLVED_MARKER = "# The end: where this holds the task is as good as solved."
_HOLDING = frozenset({"take", "pick", "grab", "grasp", "hold", "carry", "fetch", "get", "lift"})
_HELD = frozenset({"carrying", "holding", "held", "grasped", "carries"})
_JOINTS = frozenset({"then", "and", "until", "after", "before"})
_SMALL = frozenset({"the", "a", "to", "of", "is", "in", "on", "at", "distance", "nearest", "number"})
MARKS = (1.0, 2.0)
MARKS_OF_A_COSINE = (0.5, 0.9)
"""It can't grow beyond 1, which random play may reach for a moment."""
NEAR_CELLS, NEAR_SHARE = 1.0, 0.25


class Predicate(NamedTuple):
    """A subgoal: its name, its threshold, its condition as code, and its instruction."""

    name: str
    threshold: float
    condition: str
    instruction: str


def last_phase(brief: Brief) -> Brief:
    """Return the brief of the task itself: what is left of the sentence behind what becomes stages."""
    if not predicates(brief.task.text, brief.table, approaches=True):
        return brief
    last = _parts(brief.task.text)[-1]
    return brief._replace(task=brief.task.model_copy(update={"text": " ".join(last)}))


def with_stages(source: str, design: Design, brief: Brief, slot: Slot) -> tuple[str, tuple[str, ...]]:
    """Return a reward's source with stages put after it, and their names; the source alone where there are none to name."""
    found = predicates(brief.task.text, brief.table, approaches=bool(slot.sample // 2 % 2)) or marks(design)
    return (source + "\n\n" + block(found), tuple(stage.name for stage in found)) if found else (source, ())


def with_solved(source: str, design: Design, asked: SolvedAsked) -> str:
    """Return a reward's source with `solved(s)` after it: its main quantity's last mark, where it has one.

    With all slack it is the first mark.
    """
    found = marks(design)
    if not found:
        return source
    first, last = found[0], found[-1]
    arguments, lines, threshold = "s: State", [f"solved_threshold = {last.threshold!r}"], "solved_threshold"
    if asked == "slack":
        lines.append(f"widened_by = {rounded(first.threshold - last.threshold)!r}")
        arguments, threshold = "s: State, slack: Tensor", "solved_threshold + widened_by * slack"
    body = "".join(f"    {line}\n" for line in (*lines, f"return {last.condition.format(t=threshold)}"))
    return f"{source}\n\n{SOLVED_MARKER}\n\n\ndef solved({arguments}) -> Tensor:\n{body}"


def split(source: str) -> tuple[str, str]:
    """Return a source without what the composer put after its reward, and that; "" where it put none."""
    places = [place for marker in (SOLVED_MARKER, MARKER) if (place := source.find("\n\n" + marker)) >= 0]
    return (source[: min(places)], source[min(places) :]) if places else (source, "")


def block(stages: tuple[Predicate, ...]) -> str:
    """Write stages as code."""
    functions = "\n\n\n".join(
        f'def is_{stage.name}(s: State) -> Tensor:\n    """{stage.instruction}"""\n'
        f"    {stage.name}_threshold = {stage.threshold!r}\n    return {stage.condition.format(t=f'{stage.name}_threshold')}"
        for stage in stages
    )
    listed = ", ".join(f'Stage("{stage.name}", is_{stage.name})' for stage in stages)
    return f"{MARKER}\n\n\n{functions}\n\n\nSTAGES = [{listed}]\n"


# What the sentence names --------------------------------------------------------------------------------------------


def predicates(text: str, table: StateTable, approaches: bool) -> tuple[Predicate, ...]:
    """Return a predicate for each thing that the sentence names before its last one; `approaches`: the way to it too."""
    found: list[Predicate] = []
    for words in _parts(text)[:-1]:
        said = {form for word in words for form in (*plain_forms(word), word.rstrip("s"))}
        event = _event(said, table)
        near = _near(said, table)
        found += [near] if near and (approaches or not event) else []
        found += [event] if event else []
    return tuple({stage.name: stage for stage in found}.values())[:MOST]


def _parts(text: str) -> list[list[str]]:
    """Cut a sentence into what it asks for, one after the other: at punctuation and at joints such as "then"."""
    parts: list[list[str]] = [[]]
    for clause in clauses(text):
        parts.append([])
        for word in clause:
            if word in _JOINTS:
                parts.append([])
            else:
                parts[-1].append(word)
    return [part for part in parts if part]


def _event(said: set[str], table: StateTable) -> Predicate | None:
    """Return the flag or the count that a clause speaks of: the one that shares most words with it."""
    ranked = [(_shared(signal, said), signal) for signal in components(table, "flag", "other") if signal.low >= 0]
    best = max(ranked, key=lambda pair: pair[0], default=(0, None))
    if best[1] is None or best[0] < (1 if best[1].kind == "flag" else 2):
        return None
    return Predicate(best[1].label, 0.5, f"{best[1].read()} > {{t}}", f"Reach: {best[1].label.replace('_', ' ')}.")


def _shared(signal: Signal, said: set[str]) -> int:
    words = {word.rstrip("s") for word in name_words(signal.label)} | name_words(signal.label)
    shared = len({word.rstrip("s") for word in words & said if word not in _SMALL})
    return shared + (1 if words & _HELD and said & _HOLDING else 0)


def _near(said: set[str], table: StateTable) -> Predicate | None:
    for signal in components(table, "distance"):
        if (name_words(signal.label) - _SMALL) & said:
            near = NEAR_CELLS if signal.unit == "cells" else rounded(NEAR_SHARE * signal.scale)
            condition = f"({signal.read()} >= 0) & ({signal.read()} <= {{t}})"
            thing = signal.label.replace("_distance", "").replace("_", " ")
            return Predicate(f"near_{signal.label}", near, condition, f"Go to: {thing}.")
    return None


# Marks on the way of one wish ---------------------------------------------------------------------------------------


def marks(design: Design) -> tuple[Predicate, ...]:
    """Return two marks on the primary term's quantity, or none where it can't be told which way is better."""
    term = design.primary
    signal = term.signal
    if term.ambiguous or signal.width > 1 or signal.kind in ("action", "flag"):
        return ()
    if signal.kind == "distance":
        levels = [rounded(share * signal.scale) for share in (0.5, 0.25)]
        return tuple(_mark(f"closer_{k}", level, f"{signal.read()} < {{t}}", signal) for k, level in enumerate(levels, start=1))
    reach = max(signal.high if term.sign > 0 else -signal.low, 0.1 * signal.scale)
    code = f"{signal.read(term.sign)} > {{t}}"
    shares = MARKS_OF_A_COSINE if signal.kind == "orientation" and signal.unit in ("", "1") else MARKS
    return tuple(_mark(f"mark_{k}", rounded(share * reach), code, signal) for k, share in enumerate(shares, start=1))


def _mark(name: str, level: float, condition: str, signal: Signal) -> Predicate:
    return Predicate(name, level, condition, f"Bring {signal.label.replace('_', ' ')} past a mark.")
