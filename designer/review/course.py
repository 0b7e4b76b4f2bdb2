"""A curriculum as the report and the desk show it: each stage's success over the training, and what its gates decided."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from designer import aids, variants
from designer.course import CourseLog, CoursePoint, GateEvent
from designer.records import Trial
from designer.review.plots import WIDTH, nothing
from designer.review.svg import Scale, element, figure, polyline, text

ROW, LINE = 52.0, 26.0
MAX_EVENTS = 12

ENDS = {
    "passed": "mastered",
    "spent": "its share was spent before it was mastered; it stayed on the way",
    "skipped": "left out: hardly ever reached",
    "begun": "in training until the last phase",
    "": "never begun",
}


def course_of(trials: Sequence[Trial]) -> CourseLog | None:
    """Return the course of the first of these trials that has one."""
    return next((trial.course for trial in trials if trial.course), None)


def drawn(course: CourseLog | None, name: str = "course") -> Markup:
    """Draw a row for each stage: how often it was reached over the training, with a bar where it was the one in training."""
    if course is None:
        return Markup()
    if not course.points:
        return nothing("The training box told nothing of the curriculum's way.")
    x = Scale(0.0, 1.0, 2.0, WIDTH - 4.0)
    parts: list[Markup] = []
    for index, stage in enumerate(course.stages):
        top = index * ROW
        parts.append(text(f"{index + 1}. {stage.name}: {ENDS[stage.status]}", 2, top + 12, limit=90))
        parts += _row(course.points, index, x, top + 16)
    parts += _task_row(course, x, len(course.stages) * ROW)
    told = "; ".join(f"{stage.name}: {ENDS[stage.status]}" for stage in course.stages)
    return figure(name, "Stages over the training", told, (WIDTH, ROW * (len(course.stages) + 1)), parts)


def _row(points: Sequence[CoursePoint], stage: int, x: Scale, top: float) -> list[Markup]:
    y = Scale(0.0, 1.0, top + LINE, top)
    reached = [(x(point.at), y(rate)) for point in points if (rate := point.reached[stage]) is not None]
    last = next((point.reached[stage] for point in reversed(points) if point.reached[stage] is not None), None)
    shown = [polyline(reached, "curve winner")] if reached else []
    told = [text(f"{last:.0%}", WIDTH - 4, top + 10, "tick", "end")] if last is not None else []
    return [*_in_training(points, stage, x, top), *shown, *told]


def _task_row(course: CourseLog, x: Scale, top: float) -> list[Markup]:
    dropped = any(event.what == "dropped" for event in course.events)
    words = "the task itself" + (", after the curriculum was dropped" if dropped else "")
    return [text(words, 2, top + 12), *_in_training(course.points, len(course.stages), x, top + 16)]


def _in_training(points: Sequence[CoursePoint], level: int, x: Scale, top: float) -> list[Markup]:
    """Draw the ground of a row, and over it where its stage was the one in training."""
    ground = element("rect", x=2.0, y=top, width=WIDTH - 6.0, height=LINE, class_="bar-back")
    ends = [*(point.at for point in points[1:]), 1.0]
    bars = [
        element("rect", x=x(point.at), y=top + LINE - 4, width=max(0.0, x(end) - x(point.at)), height=4.0, class_="bar")
        for point, end in zip(points, ends, strict=True)
        if point.level == level
    ]
    return [ground, *bars]


def way(trials: Sequence[Trial], traced: Trial | None) -> list[str]:
    """Say what the gates of the first course decided, then what the traced trial's aids did and which variants it played."""
    of_trial = [*aids.sentences(traced.aids), *variants.sentences(traced.variants)] if traced else []
    return [*told(course_of(trials)), *of_trial]


def told(course: CourseLog | None) -> list[str]:
    """Return what the gates decided and what was kept of each stage, as sentences."""
    if course is None:
        return []
    events = [_sentence(course, event) for event in course.events[:MAX_EVENTS]]
    kept = [f"{stage.name} {stage.retained:.0%}" for stage in course.stages if stage.retained is not None]
    return [*events, *([f"Reached by the last episodes without any subgoal: {', '.join(kept)}."] if kept else [])]


def _sentence(course: CourseLog, event: GateEvent) -> str:
    if event.what == "dropped":
        compared = f" ({event.guided:.3g} against {event.plain:.3g})" if None not in (event.guided, event.plain) else ""
        return f"At {event.at:.0%} the curriculum was dropped: it brought no more of the reward than plain episodes{compared}."
    name = course.stages[event.stage].name if event.stage < len(course.stages) else "the task"
    words = {
        "passed": "was mastered",
        "spent": "had spent its share",
        "skipped": "was left out",
        "forgotten": "was forgotten, and trained again",
    }
    return f"At {event.at:.0%} {name} {words[event.what]}: reached in {event.reached} of the last {event.of} attempts."
