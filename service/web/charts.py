"""Geometry of the pictures that templates draw as SVG: rates over time, small lines, and where a batch went. Pure.

Each picture is drawn twice, wide and narrow; classes carry the colours, and a table or list carries the same facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import floor, log10

from service.web.phrase import Phrase

_TOP, _LEFT, _FOOT = 26.0, 38.0, 30.0
_LABEL_ROOM = 78.0
_TICKS_MAX = 6
_DAYS_SHOWN = {True: 12, False: 5}  # how many days an axis names, wide and narrow
_FULL_WIDTH_FROM = 0x2E80  # from here on a character is as wide as it is high (CJK)


@dataclass(frozen=True, slots=True)
class RatePoint:
    """The rate per 1,000 at the end of a day, with its interval where there is one."""

    day: date
    rate: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across with its value."""

    y: float
    value: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of the line; `named` days are written below the axis."""

    x: float
    y: float
    day: date
    named: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A rate chart in pixels of its view box."""

    width: float
    height: float
    left: float
    right: float
    floor: float
    ticks: tuple[Tick, ...]
    places: int
    line: str
    band: str
    marks: tuple[Mark, ...]
    base_y: float
    limit_y: float | None
    event_x: float | None


@dataclass(frozen=True, slots=True)
class RateChart:
    """Rates over time against a base and, for one batch, the action limit. `event_on` marks a day with a phrase."""

    points: tuple[RatePoint, ...]
    base: float
    limit: float | None = None
    event_on: date | None = None
    event: Phrase | None = None

    def drawing(self, *, wide: bool) -> Drawing:
        """Return the picture for a wide or a narrow page."""
        width, height = (720.0, 270.0) if wide else (342.0, 230.0)
        right, bottom = width - _LABEL_ROOM, height - _FOOT
        step, top = _scale(max([self.base, self.limit or 0, *(p.high or p.rate for p in self.points)]))
        gap = (right - _LEFT) / max(1, len(self.points) - 1)

        def y(value: float) -> float:
            return round(bottom - (bottom - _TOP) * value / top, 1)

        xs = [round(_LEFT + gap * place, 1) for place in range(len(self.points))]
        every = -(-len(self.points) // _DAYS_SHOWN[wide])
        last = len(self.points) - 1
        banded = [(x, p) for x, p in zip(xs, self.points, strict=True) if p.low is not None and p.high is not None]
        edge = [(x, y(p.high or 0)) for x, p in banded] + [(x, y(p.low or 0)) for x, p in reversed(banded)]
        return Drawing(
            width=width,
            height=height,
            left=_LEFT,
            right=right,
            floor=bottom,
            ticks=tuple(Tick(y(step * n), step * n) for n in range(round(top / step) + 1)),
            places=max(0, -floor(log10(step) + 1e-9)),
            line=_path(zip(xs, (y(p.rate) for p in self.points), strict=True)),
            band=_path(edge),
            marks=tuple(
                Mark(x, y(p.rate), p.day, (last - i) % every == 0)
                for i, (x, p) in enumerate(zip(xs, self.points, strict=True))
            ),
            base_y=y(self.base),
            limit_y=y(self.limit) if self.limit is not None else None,
            event_x=next((x for x, p in zip(xs, self.points, strict=True) if p.day == self.event_on), None),
        )


def _scale(largest: float) -> tuple[float, float]:
    """Return (step, top) of an axis from 0 with at most six steps of 1, 2 or 5 times a power of ten."""
    largest = largest or 1.0
    power = 10.0 ** floor(log10(largest / _TICKS_MAX))
    step = next(power * n for n in (1, 2, 5, 10, 20) if power * n * _TICKS_MAX >= largest)
    return step, step * -(-largest // step)


def _path(points: "zip[tuple[float, float]] | Sequence[tuple[float, float]]") -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def spark(values: Sequence[float]) -> str:
    """Return the points of a small line in a box of 200 by 36; a flat row lies in the middle."""
    low, high = min(values), max(values)
    gap = 200 / max(1, len(values) - 1)
    return " ".join(
        f"{round(gap * i)},{round(33 - 30 * (v - low) / (high - low)) if high > low else 18}"
        for i, v in enumerate(values)
    )


@dataclass(frozen=True, slots=True)
class TraceNode:
    """One holder of a batch; its place in the tree says whom it got it from. `hot`: own rate above the limit."""

    name: str
    detail: Phrase
    units: int
    hot: bool = False
    children: tuple["TraceNode", ...] = ()


@dataclass(frozen=True, slots=True)
class TraceBox:
    """A holder's box; `name` is cut to what the box has room for."""

    x: float
    y: float
    width: float
    height: float
    name: str
    node: TraceNode
    kind: str


@dataclass(frozen=True, slots=True)
class Flow:
    """Units handed on, as a curve whose width tells how many."""

    path: str
    width: float
    hot: bool


@dataclass(frozen=True, slots=True)
class TraceDrawing:
    """The trace as a picture."""

    width: float
    height: float
    boxes: tuple[TraceBox, ...]
    flows: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a batch went, from its maker down. `summary` says it in one sentence, for those who cannot see it."""

    root: TraceNode
    summary: Phrase
    hidden: int = 0  # holders left out of the picture and the list because there are too many

    @property
    def drawable(self) -> bool:
        """Whether a picture can still be read: at most five columns and sixteen shops."""
        return _depth(self.root) <= 5 and _leaves(self.root) <= 16

    def drawing(self) -> TraceDrawing:
        """Return the picture: one column a step, one row a shop."""
        columns = _depth(self.root)
        width, gap, row = 128.0, 48.0, 56.0
        boxes: list[TraceBox] = []
        flows: list[Flow] = []
        most = max(1, self.root.units)

        def place(node: TraceNode, column: int, first: int) -> float:
            middles, at = [], first
            for child in node.children:
                middles.append(place(child, column + 1, at))
                at += _leaves(child)
            middle = (middles[0] + middles[-1]) / 2 if middles else 26 + first * row
            high = 54.0 if node.children else 44.0
            x = 1 + column * (width + gap)
            wide = width if column < columns - 1 else width + 56
            boxes.append(
                TraceBox(x, middle - high / 2, wide, high, _fit(node.name, wide - 22), node, _kind(node, column))
            )
            start = x + wide - 1
            bend = (gap + 2) / 2
            flows.extend(
                Flow(
                    f"M{start:.1f} {middle:.1f}C{start + bend:.1f} {middle:.1f} {x + width + gap - bend:.1f} {to:.1f} "
                    f"{x + width + gap:.1f} {to:.1f}",
                    round(1.5 + 7.5 * child.units / most, 1),
                    child.hot,
                )
                for child, to in zip(node.children, middles, strict=True)
            )
            return middle

        place(self.root, 0, 0)
        return TraceDrawing(
            columns * (width + gap) - gap + 58, _leaves(self.root) * row + 2, tuple(boxes), tuple(flows)
        )


def _kind(node: TraceNode, column: int) -> str:
    if node.hot:
        return "hot"
    return "" if column else "origin"


def _depth(node: TraceNode) -> int:
    return 1 + max((_depth(child) for child in node.children), default=0)


def _leaves(node: TraceNode) -> int:
    return sum(_leaves(child) for child in node.children) or 1


def _fit(name: str, room: float) -> str:
    """Cut a name to a width in pixels at 12 px; the list beside the picture has it whole."""
    used = 0.0
    for place, letter in enumerate(name):
        used += 12.0 if ord(letter) >= _FULL_WIDTH_FROM else 6.9
        if used > room:
            return name[: max(1, place - 1)] + "…"
    return name
