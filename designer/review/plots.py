"""The report's plots: SVG drawn here, readable without script, in the page's colours, with words beside every mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from markupsafe import Markup

from designer.records import Trace
from designer.review.svg import Scale, compact, element, figure, line, polyline, text
from designer.statistics import Interval
from designer.text import one_line

WIDTH = 460
LEFT, RIGHT, TOP, BOTTOM = 52, 22, 14, 44
MAX_TERMS, MAX_POINTS, MAX_ROUNDS = 12, 100, 8
LEGEND_ROW = 20

Role = Literal["winner", "human", "sparse", "other"]
BACK_TO_FRONT: tuple[Role, ...] = ("other", "sparse", "human", "winner")


class Curve(NamedTuple):
    """Fitness over one training: points are (environment steps, fitness)."""

    name: str
    role: Role
    points: Sequence[tuple[float, float]]


class Dots(NamedTuple):
    """An arm's final fitness: one value a seed, and the interval of their mean (None for a single seed)."""

    name: str
    role: Role
    values: Sequence[float]
    interval: Interval | None


def fitness_over_training(curves: Sequence[Curve], unit: str) -> Markup:
    """Draw one line a curve: the winner bold, baselines dashed, all others thin. Named: winner and baselines."""
    drawn = [curve for curve in curves if curve.points]
    if not drawn:
        return nothing("No training has a score yet.")
    top, height = 3 * LEGEND_ROW, 330
    bottom = height - BOTTOM
    x = Scale(0, max(step for curve in drawn for step, _ in curve.points), LEFT, WIDTH - RIGHT)
    y = Scale.over([value for curve in drawn for _, value in curve.points], bottom, top)
    drawn.sort(key=lambda curve: BACK_TO_FRONT.index(curve.role))
    parts = [*_grid(x, y, bottom), text("environment steps", WIDTH - RIGHT, height - 6, "axis-name", "end")]
    parts.append(text(_with_unit("fitness", unit), 2, height - 6, "axis-name"))
    parts += [
        polyline([(x(step), y(value)) for step, value in c.points], f"curve {c.role}", element("title", one_line(c.name)))
        for c in drawn
    ]
    parts += _legend(drawn)
    told = "; ".join(f"{c.name} ends at {compact(c.points[-1][1])}" for c in drawn if c.role != "other")
    return figure("training", "Fitness over training", told or f"{len(drawn)} candidates", (WIDTH, height), parts)


def final_fitness(arms: Sequence[Dots], unit: str, solved_at: float | None) -> Markup:
    """Draw one row an arm: a dot a seed, a bar for the interval, a stroke at the mean; a dashed line at `solved_at`."""
    rows = [arm for arm in arms if arm.values]
    if not rows:
        return nothing("No final training has a score yet.")
    row_height = 54
    bottom = TOP + 10 + row_height * len(rows)
    seen = [value for arm in rows for value in arm.values]
    seen += [value for arm in rows if arm.interval for value in (arm.interval.low, arm.interval.high)]
    x = Scale.over([*seen, *([solved_at] if solved_at is not None else [])], 14, WIDTH - 14)
    parts: list[Markup] = []
    for value, name in x.ticks():
        parts += [line(x(value), TOP, x(value), bottom, "grid"), text(name, x(value), bottom + 16, "tick", "middle")]
    if solved_at is not None:
        parts.append(line(x(solved_at), TOP, x(solved_at), bottom, "anchor"))
        side = "end" if x(solved_at) > WIDTH * 0.7 else "start"
        parts.append(text("solved", x(solved_at) + (-4 if side == "end" else 4), TOP + 2, "tick", side))
    for index, arm in enumerate(rows):
        parts += _dot_row(arm, x, TOP + 10 + row_height * index)
    parts.append(text(_with_unit("final fitness", unit), WIDTH - 14, bottom + 34, "axis-name", "end"))
    told = "; ".join(f"{arm.name}: {', '.join(compact(value) for value in arm.values)}" for arm in rows)
    return figure("final", "Final fitness of every seed", told, (WIDTH, bottom + 42), parts)


def term_traces(traces: Sequence[Trace], name: str = "terms") -> Markup:
    """Draw each reward term's mean over the training, on its own scale, with its first and last value."""
    shown = [trace for trace in traces if trace.mean][:MAX_TERMS]
    if not shown:
        return nothing("The training box reported no terms.")
    row = 66
    parts: list[Markup] = []
    for index, trace in enumerate(shown):
        parts += _trace_row(trace, index * row)
    told = "; ".join(f"{t.name} from {compact(t.mean[0])} to {compact(t.mean[-1])}" for t in shown)
    return figure(name, "Reward terms over the training", told, (WIDTH, row * len(shown) + 4), parts)


def share_bars(traces: Sequence[Trace], name: str = "shares") -> Markup:
    """Draw each term's share of the reward's size at the end of the training: |mean|, over the sum of all."""
    shares = term_shares(traces)[:MAX_TERMS]
    if not shares:
        return nothing("All terms are zero at the end of the training.")
    row, widest = 40, WIDTH - 70
    parts: list[Markup] = []
    for index, (term, share) in enumerate(shares):
        top = index * row
        parts.append(text(term, 2, top + 14, limit=48))
        parts.append(element("rect", x=2.0, y=top + 20.0, width=widest * 1.0, height=10.0, class_="bar-back"))
        parts.append(element("rect", x=2.0, y=top + 20.0, width=widest * share, height=10.0, class_="bar"))
        parts.append(text(f"{share:.0%}", WIDTH - 4, top + 30, "tick", "end"))
    told = "; ".join(f"{term} {share:.0%}" for term, share in shares)
    return figure(name, "Share of each term in the reward's size", told, (WIDTH, row * len(shares) + 4), parts)


def term_shares(traces: Sequence[Trace]) -> list[tuple[str, float]]:
    """Return each term's share of the reward's size at the end, largest first; [] where all are zero."""
    sizes = [(trace.name, abs(trace.mean[-1])) for trace in traces if trace.mean]
    largest = max((size for _, size in sizes), default=0.0)
    if not largest:
        return []
    total = sum(size / largest for _, size in sizes)  # divided first: a sum of huge values would overflow
    return sorted(((name, size / largest / total) for name, size in sizes), key=lambda item: -item[1])


class Node(NamedTuple):
    """A candidate in the family tree: its round (from 1), its search score, and its parents' names."""

    name: str
    round: int
    score: float
    parents: Sequence[str]
    role: Role


def family(nodes: Sequence[Node], unit: str) -> Markup:
    """Draw every candidate that has a score over the rounds, a line to each parent; the winner and its ancestors in colour."""
    if not nodes:
        return nothing("No candidate has a score yet.")
    height = 330
    bottom, rounds = height - BOTTOM, max(node.round for node in nodes)
    x = Scale(0.5, rounds + 0.5, LEFT, WIDTH - RIGHT)
    y = Scale.over([node.score for node in nodes], bottom, TOP + 10)
    at = {node.name: (x(node.round + _aside(node, nodes)), y(node.score)) for node in nodes}
    ours = {node.name for node in nodes if node.role == "winner"}
    parts = [line(LEFT, y(value), WIDTH - RIGHT, y(value), "grid") for value, _ in y.ticks()]
    parts += [text(name, LEFT - 6, y(value) + 4, "tick", "end") for value, name in y.ticks()]
    shown = range(1, rounds + 1, -(-rounds // MAX_ROUNDS))
    parts += [text(f"round {k}", x(k), bottom + 17, "tick", "middle") for k in shown]
    parts.append(text(_with_unit("search score", unit), 2, height - 6, "axis-name"))
    for node in nodes:
        for parent in node.parents:
            if parent in at:
                kind = "winner" if node.name in ours and parent in ours else "other"
                parts.append(line(*at[parent], *at[node.name], f"curve {kind}"))
    for node in sorted(nodes, key=lambda node: BACK_TO_FRONT.index(node.role)):
        across, down = at[node.name]
        parts.append(
            element("circle", element("title", one_line(node.name)), cx=across, cy=down, r=4.5, class_=f"dot {node.role}")
        )
        if node.role == "winner":
            side = "end" if across > WIDTH * 0.75 else "start"
            parts.append(text(node.name, across + (-8 if side == "end" else 8), down - 7, "label winner", side))
    told = "; ".join(f"{node.name} {compact(node.score)}" for node in nodes if node.role == "winner")
    return figure("family", "Search score of every candidate, and its parents", told or "no winner yet", (WIDTH, height), parts)


def _aside(node: Node, nodes: Sequence[Node]) -> float:
    """Return how far to draw a candidate from the middle of its round, so that those of a round don't cover each other."""
    mates = [other.name for other in nodes if other.round == node.round]
    return 0.6 * (mates.index(node.name) - (len(mates) - 1) / 2) / max(1, len(mates) - 1)


def nothing(why: str) -> Markup:
    """Say why there is no plot."""
    return element("p", why, class_="none")


def _with_unit(words: str, unit: str) -> str:
    return f"{words} [{unit}]" if unit else words


def _grid(x: Scale, y: Scale, bottom: float) -> list[Markup]:
    parts = [line(LEFT, y(0), WIDTH - RIGHT, y(0), "zero")] if y.low < 0 < y.high else []
    for value, name in y.ticks():
        parts.append(line(LEFT, y(value), WIDTH - RIGHT, y(value), "grid"))
        parts.append(text(name, LEFT - 6, y(value) + 4, "tick", "end"))
    for value, name in x.ticks(3):
        parts.append(text(name, x(value), bottom + 17, "tick", "middle" if value else "start"))
    return parts


def _legend(curves: Sequence[Curve]) -> list[Markup]:
    """Write what each kind of line is, two in a row: the winner and the baselines by name, all others together."""
    named: list[tuple[str, Role]] = [(curve.name, curve.role) for curve in reversed(curves) if curve.role != "other"]
    entries = [*named, *([("search trainings", "other")] if any(c.role == "other" for c in curves) else [])]
    parts: list[Markup] = []
    for index, (name, role) in enumerate(entries):
        x, y = 4 + (index % 2) * WIDTH / 2, 14 + (index // 2) * LEGEND_ROW
        parts += [line(x, y - 4, x + 26, y - 4, f"curve {role}"), text(name, x + 34, y, f"label {role}", limit=28)]
    return parts


def _dot_row(arm: Dots, x: Scale, top: float) -> list[Markup]:
    middle = top + 32
    parts = [text(arm.name, 2, top + 16, f"label {arm.role}")]
    if arm.interval:
        low, high, mean = x(arm.interval.low), x(arm.interval.high), x(arm.interval.mean)
        box = {"x": low, "y": middle - 6.0, "width": max(high - low, 1.0), "height": 12.0}
        parts.append(element("rect", class_=f"interval {arm.role}", **box))
        parts.append(line(mean, middle - 10, mean, middle + 10, f"mean {arm.role}"))
    parts += [element("circle", cx=x(value), cy=middle, r=4.0, class_=f"dot {arm.role}") for value in arm.values]
    return parts


def _trace_row(trace: Trace, top: float) -> list[Markup]:
    points = trace.mean[:MAX_POINTS]
    x = Scale(0, max(len(points) - 1, 1), 4, WIDTH - 150)
    y = Scale.over(points, top + 58, top + 24)
    return [
        text(trace.name, 2, top + 14, limit=48),
        polyline([(x(k), y(value)) for k, value in enumerate(points)], "curve winner"),
        *(element("circle", cx=x(k), cy=y(value), r=1.8, class_="dot winner") for k, value in enumerate(points)),
        text(f"{compact(points[0])} to {compact(points[-1])}", WIDTH - 4, top + 45, "tick", "end"),
    ]
