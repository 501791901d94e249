"""What counts in a scope: complaints grouped into independent buyers, units sold, the rate.

Signals and reports share it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from service.accounts.queries import people_of_sellers
from service.batches.queries import batches_by_id, custody_of
from service.batches.schemas import BatchView
from service.complaints.queries import linked_complaints
from service.db.session import Tx
from service.deadlines.queries import policy
from service.orders.queries import (
    VerifiedUnits,
    identities_of,
    is_verified,
    order_facts,
    sellers_of_products,
    verified_units,
)
from service.recalls import rules
from service.recalls.rules import Base, Day, Rate, Report

Batches = Sequence[BatchView]


@dataclass(frozen=True, slots=True)
class Counted:
    """The complaints of a scope that count: grouped into independent buyers, beside what was sold to verified ones."""

    batches: Batches
    sellings: Sequence[tuple[UUID, UUID]]
    reports: Sequence[Report]
    grouped: dict[UUID, int]
    sold: Sequence[VerifiedUnits]
    base: Base

    @property
    def buyers(self) -> int:
        """How many independent verified buyers complained."""
        return len(set(self.grouped.values()))

    @property
    def units(self) -> int:
        """How many units verified buyers had."""
        return sum(each.units for each in self.sold)

    @property
    def rate(self) -> Rate:
        """The rate now."""
        return rules.rate_of(self.buyers, self.units, self.base)

    def days(self, until: date) -> list[Day]:
        """Return the rate at the end of each day."""
        by_day = rules.units_by_day((each.day, each.units) for each in self.sold)
        return rules.series(self.reports, self.grouped, by_day, self.base, until=until)

    def buyers_of(self, seller_id: UUID) -> int:
        """How many of the independent buyers bought from this seller."""
        mine = {report.complaint_id for report in self.reports if report.seller_id == seller_id}
        return len({number for complaint_id, number in self.grouped.items() if complaint_id in mine})

    def rate_of_seller(self, seller_id: UUID) -> Rate:
        """Return one seller's own rate."""
        units = sum(each.units for each in self.sold if each.seller_id == seller_id)
        return rules.rate_of(self.buyers_of(seller_id), units, self.base)


async def count_scope(tx: Tx, batch_id: UUID, scope: Collection[UUID], *, now: datetime) -> Counted:
    """Return the counted complaints of the scope of `batch_id`, by the base of its category. No permission filter."""
    batches = list((await batches_by_id(tx, scope)).values())
    category = next(batch.category for batch in batches if batch.id == batch_id)
    sellings = await _sellings(tx, batches)
    reports = await _reports(tx, batches)
    insiders = await people_of_sellers(tx, {seller_id for seller_id, _ in sellings}) if reports else []
    marks = await identities_of(tx, insiders) if insiders else set()
    return Counted(
        batches=batches,
        sellings=sellings,
        reports=reports,
        grouped=rules.groups(reports, insider_ids=insiders, insider_marks=marks),
        sold=await verified_units(tx, scope, as_of=now),
        base=await base_of(tx, category, now=now),
    )


async def base_of(tx: Tx, category: str, *, now: datetime) -> Base:
    """Return what is usual for a category, by the policies in force."""
    rate = await policy(tx, "signal_base", now=now, category=category)
    shape = await policy(tx, "signal_prior_shape", now=now, category=category)
    return Base(rate=rate.value / 1000, shape=shape.value / 1000, version=f"{rate.version}.{shape.version}")


async def _sellings(tx: Tx, batches: Batches) -> list[tuple[UUID, UUID]]:
    """Return who sells or holds which product of the scope: by orders, registration and custody."""
    products = {batch.id: batch.product_id for batch in batches}
    found = set(await sellers_of_products(tx, set(products.values())))
    found |= {(batch.seller_id, batch.product_id) for batch in batches}
    for move in await custody_of(tx, products):
        found |= {(seller_id, products[move.batch_id]) for seller_id in (move.from_seller_id, move.to_seller_id)}
    return sorted(found)


async def _reports(tx: Tx, batches: Batches) -> list[Report]:
    batch_ids, product_ids = {batch.id for batch in batches}, {batch.product_id for batch in batches}
    linked = [case for case in await linked_complaints(tx, batch_ids) if case.order_id and case.buyer_id]
    orders = await order_facts(tx, [case.order_id for case in linked if case.order_id])
    found = []
    for case in linked:
        order = orders.get(case.order_id) if case.order_id else None
        if order is None or case.buyer_id is None or case.submitted_at is None:
            continue
        is_counted = rules.counts(
            is_verified=is_verified(order, case.buyer_id),
            link_by=case.link_by,
            is_strict=case.link_is_strict,
            order_batch_id=order.batch_id,
            order_product_id=order.product_id,
            batch_ids=batch_ids,
            product_ids=product_ids,
        )
        if is_counted:
            found.append(Report(case.id, case.buyer_id, order.seller_id, case.submitted_at, order.identity))
    return found
