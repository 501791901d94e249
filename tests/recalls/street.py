"""A street of buyers of one batch, who order, get their goods and complain, for tests of signals and dossiers."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from service.complaints.actions import create_draft, submit
from service.complaints.schemas import NewComplaint
from service.core.actor import COMMONS, Actor, Role
from service.db.session import Database
from service.escrow.queries import HoldView, hold_by_reference
from service.recalls.actions import evaluate_batch
from tests.trade import Goods, claim, deliver, make_goods, pay, place, ship
from tests.world import Account, Whose, World, make_account, person_actor


@dataclass(slots=True)
class Street:
    """One seller with one batch, and as many buyers as a test asks for."""

    database: Database
    world: World
    goods: Goods
    count: int = 0
    judges: dict[Role, Account] = field(default_factory=dict)

    @classmethod
    async def build(cls, database: Database, world: World) -> "Street":
        async with database.begin() as tx:
            seller = await person_actor(tx, world.account(Role.SELLER).person_id)
            goods = await make_goods(tx, seller, world.things["seller", Whose.OWN], now=await tx.now())
        street = cls(database, world, goods)
        for role in (Role.MEDIATOR, Role.SUPERVISOR):
            street.judges[role] = await make_account(database, f"commons-{role}", role, tenant_id=COMMONS)
        return street

    @property
    def seller_id(self) -> UUID:
        return self.world.things["seller", Whose.OWN]

    async def actor(self, account: Account) -> Actor:
        async with self.database.begin() as tx:
            return await person_actor(tx, account.person_id)

    async def order(
        self,
        buyer: Account | None = None,
        *,
        ships: bool = True,
        seller: Account | None = None,
        seller_id: UUID | None = None,
        goods: Goods | None = None,
        **more: Any,
    ) -> tuple[UUID, Account]:
        """A paid order of a buyer, a new one unless told otherwise, delivered if it `ships`."""
        self.count += 1
        ref = f"ST-{self.count}"
        buyer = buyer or await make_account(self.database, f"buyer-{self.count}", Role.BUYER)
        goods = goods or self.goods
        platform = await self.actor(self.world.account(Role.PLATFORM))
        async with self.database.begin() as tx:
            tenant_id = self.world.tenant_ids[Whose.OWN]
            order_id = await place(tx, platform, tenant_id, seller_id or self.seller_id, goods, ref, **more)
        await claim(self.database, platform, await self.actor(buyer), order_id)
        await pay(self.database, platform, order_id)
        if ships:
            shop = await self.actor(seller or self.world.account(Role.SELLER))
            await ship(self.database, shop, order_id, goods.batch_id, f"TR-{self.count}")
            await deliver(self.database, order_id)
        return order_id, buyer

    async def complain(
        self,
        order_id: UUID,
        buyer: Account,
        *,
        by: str = "automatic",
        is_strict: bool = True,
        batch_id: UUID | None = None,
    ) -> UUID:
        """A safety complaint about an order, linked to the batch."""
        async with self.database.begin() as tx:
            now = await tx.now()
            actor = await person_actor(tx, buyer.person_id)
            data = NewComplaint(
                order_id=order_id,
                kind="unsafe",
                harm="discomfort",
                narrative="It burns.",
                wanted="none",
                purpose="safety",
            )
            complaint = await create_draft(tx, actor, data, now=now)
            await tx.flush()
            await submit(tx, actor, complaint.id, now=now)
            await tx.flush()
            await tx.execute(
                text(
                    "UPDATE complaint SET match_status = 'linked', batch_id = :batch_id, product_id = :product_id,"
                    " link_by = :by, link_is_strict = :is_strict WHERE id = :id"
                ),
                {
                    "id": complaint.id,
                    "batch_id": batch_id or self.goods.batch_id,
                    "product_id": self.goods.product_id,
                    "by": by,
                    "is_strict": is_strict,
                },
            )
        return complaint.id

    async def complains(self, **more: Any) -> UUID:
        """A new buyer orders, gets the goods and complains; `payer`, `device` and so on go with the order."""
        order_id, buyer = await self.order(**more)
        return await self.complain(order_id, buyer)

    async def evaluate(self, batch_id: UUID | None = None) -> str | None:
        """Count again; the state of the open signal."""

        async def work(tx: Any) -> str | None:
            signal = await evaluate_batch(tx, batch_id or self.goods.batch_id, now=await tx.now())
            return None if signal is None else signal.state

        return await self.database.run(work)

    async def hold(self, order_id: UUID) -> HoldView:
        async with self.database.begin() as tx:
            found = await hold_by_reference(tx, order_id)
        assert found is not None
        return found

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.begin() as tx:
            return list(await tx.execute(text(statement), values))

    async def signals(self) -> list[tuple[str, str | None]]:
        """State and reason of every signal, oldest first."""
        return [tuple(row) for row in await self.sql("SELECT state, reason_code FROM signal ORDER BY id")]

    async def events(self) -> list[str]:
        rows = await self.sql("SELECT name FROM event WHERE subject_kind = 'signal' ORDER BY seq")
        return [row.name for row in rows]

    async def statuses(self) -> list[str]:
        rows = await self.sql(
            "SELECT status FROM batch_status WHERE batch_id = :id ORDER BY id", id=self.goods.batch_id
        )
        return [row.status for row in rows]
