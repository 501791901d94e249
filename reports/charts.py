"""Charts drawn on the server as SVG: the rate by day, the rate by shop, the trace, the QR code.

Drawn by hand, not by altair: the look asks for the same marks as on the pages (classes for pages, the same token
values as attributes for paper, because WeasyPrint sees no page style inside an SVG), the trace is no chart that Vega
knows, and nothing of 95 MB need be loaded. Geometry is worked out here; the templates `*.svg` only draw it.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import zxingcpp
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.facts import Rate, RateDay, ShopRate, Trace
from reports.tracing import lay_out
from reports.words import Speech, fit

TEMPLATES: Final = Path(__file__).with_name("templates")
SHOPS_CHARTED_MAX: Final = 12
POINTS_MARKED_MAX: Final = 31
TICKS_X_MAX: Final = 10
TICKS_X_WITH_YEAR_MAX: Final = 6
FONT: Final = {
    "en": "Noto Sans, DejaVu Sans, Noto Sans CJK SC, Fairhold Han",
    "zh": "Noto Sans CJK SC, Noto Sans, Fairhold Han, DejaVu Sans",
}
_ALT_ITEMS_MAX: Final = 40
_TEXT_PX: Final = 12
_LABEL_PITCH_PX: Final = 13.0
_SMALLEST_SHOWN: Final = 0.001


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what stands beside it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from 0 to `top` on pixels from `start` to `end`, with a tick each `step`."""

    top: float
    step: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value, rounded to a tenth."""
        return round(self.start + (self.end - self.start) * min(value / self.top, 1.0), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Return the ticks from 0 to the top."""
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        values = [self.step * number for number in range(round(self.top / self.step) + 1)]
        return tuple(Tick(self.at(value), f"{value:,.{decimals}f}") for value in values)


def scale_for(values: Iterable[float], start: float, end: float, ticks_max: int) -> Scale:
    """Choose a scale from 0 that holds all values, its step 1, 2, 4 or 5 times a power of ten."""
    most = max(values, default=0.0)
    most = max(most, _SMALLEST_SHOWN) if most else 1.0
    power = 10.0 ** math.floor(math.log10(most / ticks_max))
    step = next(power * part for part in (1, 2, 4, 5, 10, 20) if power * part * ticks_max >= most * (1 - 1e-9))
    return Scale(step * math.ceil(most / step - 1e-9), step, start, end)


def spread(places: Sequence[float], pitch: float = _LABEL_PITCH_PX) -> list[float]:
    """Push labels apart, downwards, so that none covers another; the order stays."""
    moved = list(places)
    last = -math.inf
    for index in sorted(range(len(moved)), key=moved.__getitem__):
        moved[index] = last = max(moved[index], round(last + pitch, 1))
    return moved


@cache
def tokens() -> dict[str, str]:
    """Return the colours of the stylesheet's token block, by name."""
    block = (TEMPLATES / "fairhold.css").read_text(encoding="utf-8").partition("@")[0]
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", block))


@cache
def environment() -> Environment:
    """Return the Jinja environment of all templates: everything is escaped, a missing value is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(token=tokens(), fonts=FONT)
    return made


def _draw(template: str, speech: Speech, **values: object) -> Markup:
    text = environment().get_template(template).render(font=FONT[speech.language], speech=speech, **values)
    return Markup(text)  # noqa: S704 - the template escaped every value


def rate_by_day(rate: Rate, held_on: date | None, speech: Speech) -> Markup:
    """Draw the rate by day with its interval band, base, limit and the day of the hold; needs at least one day."""
    days = rate.days
    right = 642 if speech.language == "en" else 662
    y = scale_for([*(day.high for day in days), rate.limit * 1.1, rate.base * 1.1], 240, 26, 6)
    gap = (right - 38) / max(1, len(days) - 1)
    x = [round(38 + gap * number, 1) for number in range(len(days))] if len(days) > 1 else [340.0]
    lows = [(across, y.at(day.low)) for across, day in zip(x, days, strict=True)]
    highs = [(across, y.at(day.high)) for across, day in zip(x, days, strict=True)]
    held_at = next((across for across, day in zip(x, days, strict=True) if day.day == held_on), None)
    base_at, limit_at, last_at = y.at(rate.base), y.at(rate.limit), y.at(days[-1].estimate)
    base_text, limit_text, last_text = spread([base_at, limit_at, last_at])
    return _draw(
        "rate_by_day.svg",
        speech,
        right=right,
        ticks_y=y.ticks(),
        ticks_x=_day_ticks(x, days, speech),
        band=_points([*highs, *reversed(lows)]) if len(days) > 1 else "",
        bars=() if len(days) > 1 else ((x[0], lows[0][1], highs[0][1]),),
        line=_points(zip(x, (y.at(day.estimate) for day in days), strict=True)),
        points=[(across, y.at(day.estimate)) for across, day in zip(x, days, strict=True)][-POINTS_MARKED_MAX:]
        if len(days) <= POINTS_MARKED_MAX
        else [(x[-1], last_at)],
        base=(base_at, base_text, speech.rate(rate.base)),
        limit=(limit_at, limit_text, speech.rate(rate.limit)),
        last=(x[-1], last_text, speech.rate(days[-1].estimate)),
        held_at=held_at,
        alt=_rate_alt(rate, speech),
    )


def _rate_alt(rate: Rate, speech: Speech) -> Markup:
    first, last = rate.days[0], rate.days[-1]
    return speech.say(
        "alt_rate",
        first=speech.rate(first.estimate),
        first_day=speech.day(first.day),
        last=speech.rate(last.estimate),
        last_day=speech.day(last.day),
        base=speech.rate(rate.base),
        limit=speech.rate(rate.limit),
    )


def _day_ticks(x: Sequence[float], days: Sequence[RateDay], speech: Speech) -> list[Tick]:
    """Name at most ten days (six with their year), always the last one."""
    with_year = days[0].day.year != days[-1].day.year
    most = TICKS_X_WITH_YEAR_MAX if with_year else TICKS_X_MAX
    every = math.ceil(len(days) / most)
    named = sorted(range(len(days) - 1, -1, -every))
    return [Tick(x[index], speech.tick(days[index].day, with_year=with_year)) for index in named]


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{across},{down}" for across, down in pairs)


def rate_by_shop(shops: Sequence[ShopRate], base: float, speech: Speech) -> Markup:
    """Draw each shop's rate with its interval, highest first, twelve at most; needs at least one shop."""
    highest = sorted(shops, key=lambda shop: (-shop.estimate, shop.shop.en, shop.shop.zh))[:SHOPS_CHARTED_MAX]
    x = scale_for([shop.high for shop in highest], 150, 654, 5)
    rows = [
        {
            "y": 22 + 30 * number,
            "name": fit(shop.shop.said(speech.language), 138 / _TEXT_PX),
            "low": x.at(shop.low),
            "high": x.at(shop.high),
            "at": x.at(shop.estimate),
            "text": speech.rate(shop.estimate),
        }
        for number, shop in enumerate(highest)
    ]
    listed = [f"{shop.shop.said(speech.language)} {speech.rate(shop.estimate)}" for shop in highest]
    return _draw(
        "rate_by_shop.svg",
        speech,
        rows=rows,
        ticks=x.ticks(),
        base_at=x.at(base) if base <= x.top else None,
        bottom=30 * len(rows) + 10,
        alt=f"{speech.say('rate_by_shop')}: {fit('; '.join(listed), 600)}",
    )


def trace_tree(trace: Trace, speech: Speech) -> tuple[Markup, bool]:
    """Draw who handed the batch to whom, and say whether smaller holders were drawn together; needs a node."""
    drawing = lay_out(trace, speech)
    roots = [node.name.said(speech.language) for node in trace.nodes if node.role == "factory"]
    listed = [fit(f"{box.title} {box.text}", 60) for box in drawing.boxes[:_ALT_ITEMS_MAX]]
    alt = speech.say(
        "alt_trace",
        roots=fit(speech.say("list_join").join(roots), 60),
        holders=speech.number(len(trace.nodes)),
        list="; ".join(listed),
    )
    return _draw("trace.svg", speech, drawing=drawing, alt=alt), drawing.is_folded


def qr_code(address: str, speech: Speech) -> Markup:
    """Draw the QR code (error correction M) of a web address, without its quiet zone."""
    code = zxingcpp.create_barcode(address, zxingcpp.QRCode, ec_level="M")
    svg = zxingcpp.write_barcode_to_svg(code, add_quiet_zones=False)
    size = re.search(r'<svg width="(\d+)"', svg)
    paths = re.findall(r'<path d="([MmHhVvLlZz0-9 ,.\-]+)"', svg)
    if size is None or not paths:
        raise ValueError("the QR code has an unknown drawing")
    shown = fit(address, 120)
    return _draw("code.svg", speech, size=int(size[1]), paths=paths, alt=speech.say("alt_code", address=shown))
