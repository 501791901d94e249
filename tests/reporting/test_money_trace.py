"""The trace of a batch's money in its dossier: every kind of line, in time order, and the same sums as by shop."""

import csv
import io
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from pypdf import PdfReader

from reports.facts import DossierFacts, MoneyLine
from service.core.actor import SYSTEM, Role
from service.core.ids import new_id
from service.escrow import actions as escrow
from service.escrow.rules import ScopeKey
from service.reporting.gather import gather_dossier
from tests.recalls.street import Street
from tests.reporting.test_dossiers import Desk
from tests.reports.reading import text_of

Drain = Callable[[], Awaitable[None]]


async def gathered(street: Street, as_of: Any = None) -> DossierFacts:
    async with street.database.begin() as tx:
        regulator = street.world.account(Role.REGULATOR)
        at = as_of or await tx.now()
        found = await gather_dossier(tx, street.goods.batch_id, prepared_for=regulator.person_id, as_of=at)
    return found.facts


def told(lines: tuple[MoneyLine, ...]) -> list[tuple[str, str, int, int, int, str]]:
    return [(each.kind, each.order, each.payments, each.amount_minor, each.fee_minor, each.reason.en) for each in lines]


def summed(facts: DossierFacts, *kinds: str) -> int:
    return sum(line.amount_minor for line in facts.money_lines if line.kind in kinds)


async def settle(street: Street, hold_id: UUID, buyer_minor: int, source_id: UUID) -> None:
    async with street.database.begin() as tx:
        now, decided_by = await tx.now(), new_id()
        await escrow.settle_hold(
            tx, SYSTEM, hold_id, buyer_minor=buyer_minor, decided_by=decided_by, source_id=source_id, now=now
        )


async def claim(street: Street, order_id: UUID, claimed_minor: int) -> tuple[UUID, UUID]:
    source_id = new_id()
    hold = await street.hold(order_id)
    async with street.database.begin() as tx:
        claimed = await escrow.claim_hold(
            tx, SYSTEM, hold.id, claimed_minor=claimed_minor, source_id=source_id, now=await tx.now()
        )
    return claimed.id, source_id


async def busy_street(street: Street, clock: Any) -> None:
    """A release, a split, a division of which one part is refunded, a freeze of the batch, one later hold, its lift."""
    orders = [(await street.order())[0] for _ in range(4)]
    clock.forward(timedelta(minutes=1))
    await ruled_for_the_seller(street, orders[0], clock)
    claimed_id, source_id = await claim(street, orders[1], 48_000)
    clock.forward(timedelta(minutes=1))
    await settle(street, claimed_id, 18_000, source_id)
    clock.forward(timedelta(minutes=1))
    claimed_id, source_id = await claim(street, orders[2], 12_000)
    clock.forward(timedelta(minutes=1))
    await settle(street, claimed_id, 12_000, source_id)
    clock.forward(timedelta(minutes=1))
    async with street.database.begin() as tx:
        freeze_id = await escrow.freeze_scopes(
            tx,
            SYSTEM,
            [ScopeKey.batch(street.goods.batch_id)],
            reason="signal",
            source_id=new_id(),
            expires_at=None,
            now=await tx.now(),
        )
    clock.forward(timedelta(minutes=1))
    await street.order(ships=True)
    clock.forward(timedelta(minutes=1))
    async with street.database.begin() as tx:
        await escrow.lift_scope_freeze(tx, SYSTEM, freeze_id, now=await tx.now())


async def ruled_for_the_seller(street: Street, order_id: UUID, clock: Any) -> None:
    """Release one order as a mediator's ruling for the seller does."""
    claimed_id, source_id = await claim(street, order_id, 48_000)
    clock.forward(timedelta(minutes=1))
    await settle(street, claimed_id, 0, source_id)
    clock.forward(timedelta(minutes=1))


TOLD = [
    *[("funded", f"ST-{number}", 1, 48_000, 0, "Order paid") for number in range(1, 5)],
    ("frozen", "ST-1", 1, 48_000, 0, "A claim"),
    ("lifted", "ST-1", 1, 48_000, 0, "A claim"),
    ("released", "ST-1", 1, 48_000, 1_440, "A ruling"),
    ("frozen", "ST-2", 1, 48_000, 0, "A claim"),
    ("lifted", "ST-2", 1, 48_000, 0, "A claim"),
    ("released", "ST-2", 1, 30_000, 900, "Split between buyer and shop"),
    ("refunded", "ST-2", 1, 18_000, 0, "Split between buyer and shop"),
    ("divided", "ST-3", 1, 12_000, 0, "A claim"),
    ("frozen", "ST-3", 1, 12_000, 0, "A claim"),
    ("lifted", "ST-3", 1, 12_000, 0, "A claim"),
    ("refunded", "ST-3", 1, 12_000, 0, "A ruling"),
    ("scope_frozen", "", 2, 84_000, 0, "Complaints above the limit"),
    ("funded", "ST-5", 1, 48_000, 0, "Order paid"),
    ("inherited", "ST-5", 1, 48_000, 0, "Complaints above the limit"),
    ("scope_lifted", "", 3, 132_000, 0, "Complaints above the limit"),
]


async def test_every_kind_of_line_is_told_in_time_order_with_its_order_amount_and_reason(
    street: Street, clock: Any
) -> None:
    await busy_street(street, clock)
    lines = (await gathered(street)).money_lines
    assert told(lines) == TOLD
    assert {line.reason.zh for line in lines if line.reason.en == "A ruling"} == {"裁定"}  # the pages' word
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert all((line.shop is None) == (line.order == "") for line in lines)


async def test_the_lines_come_to_the_sums_by_shop(street: Street, clock: Any) -> None:
    await busy_street(street, clock)
    facts = await gathered(street)
    (shop,) = facts.shops
    refunded = summed(facts, "refunded", "charged_back")
    sums = (summed(facts, "funded"), summed(facts, "released"), refunded)
    assert sums == (shop.paid_minor, shop.released_minor, shop.refunded_minor) == (240_000, 78_000, 30_000)
    assert summed(facts, "funded") - summed(facts, "released") - refunded == shop.held_minor == 132_000


async def test_a_trace_of_an_earlier_time_has_what_had_happened_by_then(street: Street, clock: Any) -> None:
    await busy_street(street, clock)
    frozen_at = (await gathered(street)).money_lines[15].at
    facts = await gathered(street, as_of=frozen_at - timedelta(seconds=1))
    assert told(facts.money_lines) == TOLD[:15]
    (shop,) = facts.shops
    assert (summed(facts, "funded"), shop.paid_minor) == (192_000, 192_000)


async def test_the_paper_tells_the_trace_and_the_attached_table_has_every_line(
    street: Street, client: httpx.AsyncClient, clock: Any, drain: Drain
) -> None:
    await busy_street(street, clock)
    desk = Desk(street, client)
    report_id = await desk.asked()
    await drain()
    pdf = (await desk.get(f"/{report_id}/pdf")).content
    shown = text_of(pdf)
    for words in (
        "Paid by the buyer",
        "Divided",
        "Batch frozen",
        "Frozen with its batch",
        "Batch freeze lifted",
        "ST-5",
    ):
        assert words in shown
    (table,) = PdfReader(io.BytesIO(pdf)).attachments["money.csv"]
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert [(row["kind"], row["order"], row["amount"], row["fee"]) for row in rows][: len(TOLD)] == [
        (kind, order, f"{amount / 100:.2f}", f"{fee / 100:.2f}") for kind, order, _, amount, fee, _ in TOLD
    ]
