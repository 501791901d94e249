"""The regulator's overview: figures of the week and open signals."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from litestar import get
from litestar.di import NamedDependency

from service.complaints.queries import weekly
from service.core.actor import Actor
from service.core.money import Money
from service.db.session import Tx
from service.escrow.queries import OpenHolds, open_totals
from service.recalls.queries import count_open
from service.recalls.schemas import SignalView
from service.web import paths
from service.web.language import Language
from service.web.pages.mediator.signals import open_signals, signal_rows
from service.web.pages.shell import Page, ShellOf
from service.web.phrase import say
from service.web.views.regulator import Figure, Overview

_WEEKS = 8
_SIGNALS_MAX = 20


@get(paths.REGULATOR, opt={"allow": "web.regulator"})
async def show_overview(shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """Figures and open signals."""
    return await shell.page(await overview(tx, actor, shell.language))


async def overview(tx: Tx, actor: Actor, language: Language) -> Overview:
    """Return the overview as of now."""
    now = await tx.now()
    weeks = await weekly(tx, until=now, weeks=_WEEKS)
    signals = await open_signals(tx, actor, limit=_SIGNALS_MAX)
    return Overview(
        as_of=now,
        figures=(
            week_figure("figure.linked", [week.linked for week in weeks]),
            week_figure("figure.injuries", [week.hurt for week in weeks]),
            Figure(say("figure.signals"), await count_open(tx, actor), say("figure.new_signals", n=_new(signals, now))),
            frozen_figure(await open_totals(tx)),
        ),
        signals=await signal_rows(tx, signals, language),
        chart=None,
        finding=None,
        categories=(),
    )


def week_figure(label: str, counts: Sequence[int]) -> Figure:
    """Return this week's count beside the mean of the weeks before it, with the line of all."""
    before = counts[:-1]
    usual = round(sum(before) / max(1, len(before)))
    return Figure(
        say(label), counts[-1], say("figure.week_usual", usual=usual), tuple(float(count) for count in counts)
    )


def frozen_figure(totals: Sequence[OpenHolds]) -> Figure:
    """Return the money that is frozen, in the currency that most is held in."""
    if not totals:
        return Figure(say("figure.frozen"), Money(0, "CNY"), say("figure.payments", n=0))
    return Figure(say("figure.frozen"), totals[0].frozen, say("figure.payments", n=totals[0].frozen_count))


def _new(signals: Sequence[SignalView], now: datetime) -> int:
    return sum(signal.opened_at > now - timedelta(days=7) for signal in signals)


HANDLERS = [show_overview]
