"""A batch as regulators see it: its rate by day, where it went, its money, its signal and its reports."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.batches.queries import batch_scope, get_batch
from service.batches.schemas import BatchView
from service.complaints.queries import linked_complaints
from service.core.actor import Actor
from service.core.money import Money
from service.db.session import Tx
from service.escrow.queries import SellerMoney, money_by_seller
from service.orders.queries import Sold, sold_of_batches
from service.recalls.counting import Counted, count_scope
from service.recalls.queries import signals_page
from service.recalls.rules import day_of
from service.recalls.schemas import SignalView
from service.reporting.queries import reports_page
from service.sellers.queries import get_seller
from service.web import formats
from service.web.charts import RateChart, RatePoint
from service.web.language import Language
from service.web.pages.casework import name_of
from service.web.pages.mediator.signals import signal_clock
from service.web.pages.regulator.reports import report_rows
from service.web.pages.regulator.trace import trace
from service.web.pages.shell import Page, ShellOf
from service.web.phrase import Lot, Phrase, say
from service.web.views.parts import Reason, Row
from service.web.views.regulator import BatchMoney, RegulatorBatch, SignalBox, Stage

_REPORTS_MAX = 10


@get("/regulator/batches/{batch_id:uuid}", opt={"allow": "web.regulator"})
async def show_batch(
    batch_id: FromPath[UUID], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """One batch with all that shares its fate."""
    return await shell.page(await batch_page(tx, actor, batch_id, shell.language))


async def batch_page(tx: Tx, actor: Actor, batch_id: UUID, language: Language) -> RegulatorBatch:
    """Return the page of a batch, counted over its scope as signals and reports count; raises `NotFound`."""
    batch, now = await get_batch(tx, batch_id), await tx.now()
    scope = await batch_scope(tx, batch_id)
    counted = await count_scope(tx, batch_id, scope, now=now)
    found = await signals_page(tx, actor, state=None, is_open=False, batch_id=batch_id, after=None, limit=1)
    signal = next(iter(found.rows), None)
    linked = await linked_complaints(tx, scope)
    reports = await reports_page(tx, actor, subject_id=batch_id, state=None, after=None, limit=_REPORTS_MAX)
    seller = await get_seller(tx, batch.seller_id)
    return RegulatorBatch(
        id=str(batch.id),
        lot=batch.lot_code,
        product=name_of(batch, language),
        category=f"category.{batch.category}",
        maker=(seller.name_zh if language == "zh" else "") or seller.name,
        made_on=batch.made_on,
        as_of=now,
        state=f"batch.{batch.status}",
        finding=finding(counted) if counted.sold else None,
        chart=chart(counted, now, signal),
        trace=await trace(tx, scope, counted, batch.lot_code, language),
        signal=None if signal is None else signal_box(signal, now),
        money=money_of(await money_by_seller(tx, scope, as_of=now)),
        problems=problems([case.kind for case in linked if case.kind]),
        facts=facts(batch, await sold_of_batches(tx, scope), scope),
        reports=await report_rows(tx, reports.rows),
    )


def chart(counted: Counted, now: datetime, signal: SignalView | None) -> RateChart | None:
    """Return the rate by day against base and limit, with the day on which the payments were frozen."""
    days = counted.days(day_of(now))
    if not days:
        return None
    frozen_on = day_of(signal.frozen_at) if signal and signal.frozen_at else None
    return RateChart(
        points=tuple(RatePoint(each.day, each.rate.estimate, each.rate.low, each.rate.high) for each in days),
        base=counted.base.rate,
        limit=counted.base.limit,
        event_on=frozen_on,
        event=say("chart.held") if frozen_on else None,
    )


def finding(counted: Counted) -> Phrase:
    """Return whether the lower bound of the rate is above the action limit."""
    code = "signal.above_limit" if counted.rate.low > counted.base.limit else "signal.below_limit"
    return say(code, low=formats.number(counted.rate.low, 2), limit=formats.number(counted.base.limit, 2))


def signal_box(signal: SignalView, now: datetime) -> SignalBox:
    """Return where a signal stands, stage by stage."""
    at = {
        "screening": signal.opened_at,
        "preliminary": signal.frozen_at,
        "analysis": signal.confirmed_at,
        "action": signal.closed_at,
    }
    current = "action" if signal.state == "closed" else signal.state
    stages = tuple(
        Stage(f"stage.{name}", "now" if name == current else "done" if when else "", day_of(when) if when else None)
        for name, when in at.items()
    )
    reasons = [Reason(say("signal.buyers", n=signal.numbers.buyers))]
    if signal.left_count:
        reasons.append(Reason(say("signal.left", n=signal.left_count), fits=False))
    if signal.reason is not None:
        reasons.append(Reason(say(f"lift.{signal.reason}"), fits=False))
    return SignalBox(stages, signal_clock(signal, now), tuple(reasons))


def money_of(found: Sequence[SellerMoney]) -> tuple[BatchMoney, ...]:
    """Return the money of a batch, one box a currency, all its sellers together."""
    boxes = []
    for currency in sorted({each.currency for each in found}):
        mine = [each for each in found if each.currency == currency]
        held = sum(each.held_minor for each in mine)
        released = sum(each.released_minor + each.fee_minor for each in mine)
        refunded = sum(each.refunded_minor for each in mine)
        rows = (
            Row("fact.paid_by_buyers", Money(held + released + refunded, currency)),
            Row("fact.released", Money(released, currency)),
            Row("fact.refunded", Money(refunded, currency)),
            Row("fact.frozen", Money(sum(each.frozen_minor for each in mine), currency)),
        )
        boxes.append(BatchMoney(Money(held, currency), sum(each.open_hold_count for each in mine), rows))
    return tuple(boxes)


def problems(kinds: Collection[str]) -> tuple[tuple[Phrase, int], ...]:
    """Return how often each kind was reported, the most frequent first."""
    ordered = sorted(Counter(kinds).items(), key=lambda each: (-each[1], each[0]))
    return tuple((say(f"kind.{kind}"), count) for kind, count in ordered)


def facts(batch: BatchView, sold: Sold, scope: Collection[UUID]) -> tuple[Row, ...]:
    """Return what is registered of a batch; what nobody said is left out."""
    rows = [
        Row("fact.lot_maker", Lot(batch.maker_lot_code)) if batch.maker_lot_code else None,
        Row("fact.gtin", Lot(batch.gtin)) if batch.gtin else None,
        Row("fact.units", batch.units_made) if batch.units_made is not None else None,
        Row("fact.units_sold", sold.units),
        Row("fact.expires_on", batch.expires_on) if batch.expires_on else None,
        Row("fact.scope", len(scope)) if len(scope) > 1 else None,
    ]
    return tuple(row for row in rows if row is not None)


HANDLERS = [show_batch]
