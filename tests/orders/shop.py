"""One shop with its platform and its buyer, over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from service.core.actor import Role
from service.db.session import Database
from tests.trade import AREA, CARRIER, Goods, make_goods, pay
from tests.world import Account, Whose, World, person_actor


class Shop:
    """The world's own seller with goods, its platform and its buyer, over HTTP."""

    def __init__(self, client: httpx.AsyncClient, database: Database, world: World, goods: Goods) -> None:
        self.client, self.database, self.world, self.goods = client, database, world, goods
        self.platform, self.seller, self.buyer = (world.account(r) for r in (Role.PLATFORM, Role.SELLER, Role.BUYER))
        self.seller_id = str(world.things["seller", Whose.OWN])
        self.tenant_id = str(world.tenant_ids[Whose.OWN])

    async def post(self, who: Account, path: str, body: Any = None) -> httpx.Response:
        return await self.client.post(f"/api/v1{path}", json=body, headers=who.by_key)

    async def place(self, ref: str = "WX-1", **more: Any) -> httpx.Response:
        body = {
            "tenant_id": self.tenant_id, "platform_ref": ref, "seller_id": self.seller_id,
            "product_id": str(self.goods.product_id), "amount": {"amount_minor": 48_000, "currency": "CNY"},
            "destination_area": AREA, **more,
        }  # fmt: skip
        return await self.post(self.platform, "/orders", body)

    async def paid(self, ref: str = "WX-1") -> str:
        order_id = str((await self.place(ref)).json()["id"])
        code = (await self.post(self.platform, f"/orders/{order_id}/claim-code")).json()["code"]
        assert (
            await self.post(self.buyer, "/orders/claims", {"code": code.lower().replace("-", " ")})
        ).status_code == 200
        async with self.database.begin() as tx:
            platform = await person_actor(tx, self.platform.person_id)
        await pay(self.database, platform, UUID(order_id))
        return order_id

    async def shipped(self, ref: str = "WX-1") -> str:
        order_id = await self.paid(ref)
        body = {"carrier": "sandbox", "tracking_number": f"SB-{ref}", "batch_id": str(self.goods.batch_id)}
        answer = await self.post(self.seller, f"/orders/{order_id}/shipment", body)
        assert answer.status_code == 201, answer.text
        return order_id

    async def order(self, order_id: str, who: Account | None = None) -> dict[str, Any]:
        answer = await self.client.get(f"/api/v1/orders/{order_id}", headers=(who or self.buyer).by_key)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def proof(
        self, order_id: str, *, area: str = AREA, before_payment: bool = False, ref: str = "WX-1"
    ) -> dict[str, Any]:
        async with self.database.begin() as tx:
            paid_at = (
                await tx.execute(text('SELECT paid_at FROM "order" WHERE id = :id'), {"id": order_id})
            ).scalar_one()
            now = await tx.now()
        created = paid_at - timedelta(seconds=1) if before_payment else paid_at
        return CARRIER.record(f"SB-{ref}", created_at=created, delivered_at=now, area=area)

    async def sql(self, query: str, **parameters: Any) -> list[Any]:
        async with self.database.begin() as tx:
            return list(await tx.execute(text(query), parameters))

    async def balances(self) -> dict[str, int]:
        """Return what this shop's orders came to in every kind of account, credits less debits, if not zero."""
        found = await self.sql(
            "WITH mine AS (SELECT id FROM \"order\" WHERE platform_ref LIKE 'WX-%'), moved AS (SELECT * FROM transfer"
            " WHERE subject_id IN (SELECT id FROM hold WHERE reference_id IN (SELECT id FROM mine)"
            "  UNION ALL SELECT id FROM payment WHERE reference_id IN (SELECT id FROM mine)))"
            " SELECT split_part(account, ':', 1) AS kind, sum(signed)::bigint AS balance FROM ("
            " SELECT credit_account AS account, amount_minor AS signed FROM moved"
            " UNION ALL SELECT debit_account, -amount_minor FROM moved) s GROUP BY 1 HAVING sum(signed) <> 0"
        )
        return {row.kind: row.balance for row in found}


async def open_shop(client: httpx.AsyncClient, database: Database, world: World) -> Shop:
    """Give the world's own seller a product and a batch."""
    async with database.begin() as tx:
        seller = await person_actor(tx, world.account(Role.SELLER).person_id)
        goods = await make_goods(tx, seller, world.things["seller", Whose.OWN], now=await tx.now())
    return Shop(client, database, world, goods)
