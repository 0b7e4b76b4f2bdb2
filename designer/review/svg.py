"""The parts of a server-drawn plot: escaped elements, scales that stay finite, ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from designer.text import one_line

MAX_TICKS = 8


def element(tag: str, *children: str, **attributes: str | float) -> Markup:
    """Return an element: children and attributes are escaped, Markup stays; `class_` is class, any other `_` is `-`."""
    named = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _attribute(value)) for name, value in attributes.items()
    )
    return Markup("<{tag}{named}>{inside}</{tag}>").format(
        tag=Markup(tag), named=named, inside=Markup("").join(escape(child) for child in children)
    )


def figure(
    name: str, title: str, description: str, size: tuple[float, float], parts: Iterable[Markup], role: str = "img"
) -> Markup:
    """Return a whole picture. `name` makes its ids unique on the page. role: "group" where its parts are links."""
    return element(
        "svg",
        element("title", one_line(title), id=f"{name}-title"),
        element("desc", one_line(description, 1000), id=f"{name}-desc"),
        *parts,
        viewBox=f"0 0 {size[0]:.0f} {size[1]:.0f}",
        role=role,
        aria_labelledby=f"{name}-title {name}-desc",
        class_="plot",
    )


def text(words: str, x: float, y: float, class_: str = "label", anchor: str = "start", limit: int = 60) -> Markup:
    return element("text", one_line(words, limit), x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def polyline(points: Sequence[tuple[float, float]], class_: str, *children: str) -> Markup:
    return element("polyline", *children, points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=class_)


class Scale(NamedTuple):
    """Maps values low..high to pixels start..end."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float, pad: float = 0.05) -> Scale:
        """Cover all values with a little room; a single value is put in the middle."""
        listed = list(values) or [0.0]
        low, high = min(listed), max(listed)
        room = pad * (high / 2 - low / 2) * 2 if high > low else max(abs(high) * 0.1, 0.5)
        widened = (low - room, high + room)
        return cls(*(widened if all(map(math.isfinite, (*widened, room))) else (low, high)), start, end)

    def __call__(self, value: float) -> float:
        """Return the pixel. Halved before subtracting, so that no difference of huge values overflows."""
        whole = self.high / 4 - self.low / 4
        share = (value / 4 - self.low / 4) / whole if whole > 0 else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 4) -> list[tuple[float, str]]:
        """Return round values inside, with their labels."""
        span = self.high - self.low
        if not math.isfinite(span) or span <= 0:
            return [(self.low, compact(self.low)), (self.high, compact(self.high))]
        step = _round_step(span / about)
        first = math.ceil(self.low / step)
        values = [(first + k) * step for k in range(MAX_TICKS) if (first + k) * step <= self.high + step * 1e-9]
        return [(value, compact(value, step)) for value in values]


def compact(value: float, step: float | None = None) -> str:
    """Write an axis number: 300k, 1.5M, 0.25."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e9 or size < 1e-4:
        return f"{value:.3g}"
    for unit, mark in ((1e6, "M"), (1e3, "k")):
        if size >= unit and (step is None or step >= unit / 100):
            return f"{value / unit:g}{mark}" if step is None else f"{value / unit:.6g}{mark}"
    decimals = 3 if step is None else max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:.{min(decimals, 6)}f}" if step is not None else f"{value:.4g}"


def _round_step(rough: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at least `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _attribute(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}"
