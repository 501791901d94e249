"""Which box of print stands at the right of another, or beneath it, however the photo was turned. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from service.complaints.recognise.reader import Region

_ACROSS_MAX = 0.7  # heights of the line: two boxes on one line
_GAP_MAX = 10.0  # heights between a label and its value at the right
_DOWN_MIN, _DOWN_MAX = 0.6, 2.6  # heights to the line beneath
_ASIDE_MAX = 1.5  # heights that the line beneath may begin or end outside


@dataclass(frozen=True, slots=True)
class _Box:
    """A box in its own directions: from `(x, y)` along the line, and down from it. Lengths in pixels."""

    x: float
    y: float
    right: tuple[float, float]
    down: tuple[float, float]
    width: float
    height: float

    @classmethod
    def of(cls, region: Region) -> "_Box | None":
        (x0, y0), (x1, y1), _, (x3, y3) = region[:4] if len(region) >= 4 else ((0, 0),) * 4
        width, height = math.hypot(x1 - x0, y1 - y0), math.hypot(x3 - x0, y3 - y0)
        if not width or not height:
            return None
        right, down = ((x1 - x0) / width, (y1 - y0) / width), ((x3 - x0) / height, (y3 - y0) / height)
        return cls((x0 + x3) / 2, (y0 + y3) / 2, right, down, width, height)

    def seen(self, other: "_Box") -> tuple[float, float]:
        """Return how far along and down the other's left middle lies, in our directions."""
        dx, dy = other.x - self.x, other.y - self.y
        return dx * self.right[0] + dy * self.right[1], dx * self.down[0] + dy * self.down[1]


def beside(region: Region, others: Sequence[tuple[int, Region]]) -> int | None:
    """Return the number of the nearest box at the right on the same line."""
    return _nearest(region, others, is_beneath=False)


def beneath(region: Region, others: Sequence[tuple[int, Region]]) -> int | None:
    """Return the number of the nearest box on the line beneath."""
    return _nearest(region, others, is_beneath=True)


def _nearest(region: Region, others: Sequence[tuple[int, Region]], *, is_beneath: bool) -> int | None:
    box = _Box.of(region)
    found: list[tuple[float, int]] = []
    for number, other_region in others:
        other = _Box.of(other_region)
        if box is None or other is None:
            continue
        along, down = box.seen(other)
        if is_beneath:
            overlaps = -other.width - _ASIDE_MAX * box.height < along < box.width + _ASIDE_MAX * box.height
            if _DOWN_MIN * box.height <= down <= _DOWN_MAX * box.height and overlaps:
                found.append((down, number))
        elif abs(down) <= _ACROSS_MAX * box.height and 0 <= along - box.width * 0.9 <= _GAP_MAX * box.height:
            found.append((along, number))
    return min(found)[1] if found else None
