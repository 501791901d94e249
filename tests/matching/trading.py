"""Two sellers with the very same product and lot, for tests of who sold the goods and where."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from service.batches.actions import record_custody, register_batch, register_product
from service.batches.schemas import NewBatch, NewCustody, NewProduct
from service.complaints.matching.calibrate import shipped_model
from service.complaints.matching.facts import Decision, Outcome, Query, Scored
from service.complaints.matching.match import match
from service.core.actor import Actor, Role
from service.core.ids import new_id
from service.db.session import Database
from service.sellers.actions import add_agent, register_seller
from service.sellers.schemas import NewSeller
from tests.complaints.conftest import Cases
from tests.world import Whose, person_actor

MADE, BOUGHT = datetime(2026, 3, 1, tzinfo=UTC), date(2026, 6, 10)
TOLD = Query(product_text="Lanqi Night Repair Cream", lot_text="LQ774410", purchase_date=BOUGHT)


@dataclass(slots=True)
class Trade:
    """Two sellers with the very same product and lot, and what the tests write of the goods' way."""

    cases: Cases
    database: Database
    people: dict[UUID, Actor]
    first: UUID
    """The sellers of the twins, and their batches; the first is who comes first where nothing else is known."""
    second: UUID
    batches: dict[UUID, UUID]

    async def seller(self, name: str, name_zh: str = "", country: str = "CN") -> UUID:
        async with self.database.begin() as tx:
            someone = await person_actor(tx, self.cases.who(Role.SELLER, Whose.FOREIGN).person_id)
            data = NewSeller(name=name, kind="shop", country=country, name_zh=name_zh)
            seller = await register_seller(tx, someone, data, now=await tx.now())
        async with self.database.begin() as tx:
            self.people[seller.id] = await person_actor(tx, someone.person_id or seller.id)
        return seller.id

    async def hand(self, batch_id: UUID, giver: UUID, taker: UUID, *, at: datetime = MADE) -> None:
        async with self.database.begin() as tx:
            data = NewCustody(from_seller_id=giver, to_seller_id=taker, units=10, at=at)
            await record_custody(tx, self.people[giver], batch_id, data, now=await tx.now())

    async def agent(self, principal: UUID, agent: UUID) -> None:
        async with self.database.begin() as tx:
            await add_agent(tx, self.people[principal], principal, agent, now=await tx.now())

    async def sell(self, batch_id: UUID, count: int, *, area: str = "", country: str = "CN") -> None:
        """Orders that name the batch."""
        for _ in range(count):
            await self.cases.sql(
                'INSERT INTO "order" (id, tenant_id, platform_ref, seller_id, product_id, batch_id, amount_minor,'
                " currency, units, jurisdiction, destination_area, status, hand_over_failures, placed_at)"
                " SELECT :id, :tenant_id, :ref, seller_id, product_id, id, 100, 'CNY', 1, :country, :area, 'placed', 0,"
                " now() FROM batch WHERE id = :batch_id",
                id=new_id(), tenant_id=self.cases.world.tenant_ids[Whose.OWN], ref=str(new_id()), country=country,
                area=area, batch_id=batch_id,
            )  # fmt: skip

    async def ask(self, query: Query) -> Decision:
        async with self.database.begin() as tx:
            return await match(tx, query, model=shipped_model())

    async def picks(self, query: Query) -> list[tuple[UUID, str, str]]:
        """The twins as they are suggested, each with what agent and region say."""
        found = suggested(await self.ask(query))
        twins = [(one, seller) for one, seller in found if seller in self.batches]
        return [(seller, said(one, "agent"), said(one, "region")) for one, seller in twins]


def suggested(decision: Decision) -> list[tuple[Scored, Any]]:
    assert decision.best is not None
    found = [decision.best, *(each.scored for each in decision.runners_up)]
    return [(one, one.candidate.seller_id) for one in found]


def said(one: Scored, field: str) -> str:
    return next((each.reason.removeprefix(f"{field}_") for each in one.fields if each.field == field), "")


def outcomes(decision: Decision) -> tuple[Any, ...]:
    return (decision.outcome, decision.strict, decision.best and decision.best.candidate.batch_id)


async def twins_of(cases: Cases) -> Trade:
    """Register the twins with two new sellers; with what was told alone people are asked which it is."""
    own = cases.seller_id
    people = {own: await cases.actor(cases.seller)}
    made = Trade(cases, cases.database, people, own, own, {})
    for seller_id in [await made.seller("Dawn shop"), await made.seller("Dusk shop")]:
        async with cases.database.begin() as tx:
            now = await tx.now()
            names = {"brand": "Lanqi", "name_en": "Lanqi Night Repair Cream", "name_zh": ""}
            data = NewProduct(seller_id=seller_id, category="cosmetics", **names)
            product = await register_product(tx, people[seller_id], data, now=now)
            await tx.flush()
            lot = NewBatch(product_id=product.id, lot_code="LQ774410")
            made.batches[seller_id] = (await register_batch(tx, people[seller_id], lot, now=now)).id
    plain = await made.ask(TOLD)
    assert plain.outcome is Outcome.SUGGESTED
    made.first, made.second = [seller for _, seller in suggested(plain)][:2]
    assert {made.first, made.second} == set(made.batches)
    return made
