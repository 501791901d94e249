"""A delivered order with 480.00 CNY held, and its buyer, seller, mediator and others, who talk over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from service.app import Service
from service.complaints.recognise.reader import Limits, Recogniser
from service.core.actor import Actor, Role
from service.db.session import Database
from tests.trade import Goods, claim, deliver, make_goods, pay, place, ship
from tests.world import Account, Whose, World, person_actor

STORY = "The mask smells sour and left my face red."


@dataclass(slots=True)
class Cases:
    """What the tests of complaints do again and again."""

    client: httpx.AsyncClient
    database: Database
    world: World
    goods: Goods
    orders: list[UUID] = field(default_factory=list)

    def who(self, role: Role, whose: Whose = Whose.OWN) -> Account:
        return self.world.account(role, whose)

    @property
    def buyer(self) -> Account:
        return self.who(Role.BUYER)

    @property
    def seller(self) -> Account:
        return self.who(Role.SELLER)

    @property
    def mediator(self) -> Account:
        return self.who(Role.MEDIATOR)

    @property
    def seller_id(self) -> UUID:
        return self.world.things["seller", Whose.OWN]

    async def actor(self, account: Account) -> Actor:
        async with self.database.begin() as tx:
            return await person_actor(tx, account.person_id)

    async def order(self, ref: str = "WX-1", *, batch: bool = True, delivered: bool = True) -> UUID:
        """An order of our buyer that is paid, and shipped and delivered unless told otherwise."""
        platform, seller, buyer = [
            await self.actor(each) for each in (self.who(Role.PLATFORM), self.seller, self.buyer)
        ]
        tenant_id = self.world.tenant_ids[Whose.OWN]
        async with self.database.begin() as tx:
            order_id = await place(tx, platform, tenant_id, self.seller_id, self.goods, ref)
        self.orders.append(order_id)
        await claim(self.database, platform, buyer, order_id)
        await pay(self.database, platform, order_id)
        if batch:
            await ship(self.database, seller, order_id, self.goods.batch_id, f"SB-{ref}")
        if batch and delivered:
            await deliver(self.database, order_id)
        return order_id

    async def send(
        self, path: str, body: Any = None, *, by: Account | None = None, method: str = "POST", **more: Any
    ) -> httpx.Response:
        return await self.client.request(
            method, f"/api/v1/complaints{path}", json=body, headers=(by or self.buyer).by_key, **more
        )

    async def ok(
        self, path: str, body: Any = None, *, by: Account | None = None, method: str = "POST"
    ) -> dict[str, Any]:
        answer = await self.send(path, body, by=by, method=method)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def get(self, path: str, *, by: Account | None = None) -> Any:
        answer = await self.send(path, by=by, method="GET")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def draft(self, order_id: UUID | None = None, **told: Any) -> str:
        body: dict[str, Any] = {
            "order_id": None if order_id is None else str(order_id),
            "kind": "not_as_described", "harm": "none", "narrative": STORY, "wanted": "refund", **told,
        }  # fmt: skip
        return str((await self.ok("", body))["id"])

    async def filed(self, order_id: UUID | None = None, **told: Any) -> dict[str, Any]:
        """A complaint that was sent."""
        return await self.ok(f"/{await self.draft(order_id, **told)}/submission")

    async def case(self, case_id: str, by: Account | None = None) -> dict[str, Any]:
        return dict(await self.get(f"/{case_id}", by=by))

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.begin() as tx:
            found = await tx.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    async def frozen(self) -> int:
        """How many live freezes lie on the holds of our orders."""
        found = await self.sql(
            "SELECT count(*) FROM hold_freeze f JOIN hold h ON h.id = f.hold_id"
            " WHERE f.lifted_at IS NULL AND h.reference_id = ANY(:orders)",
            orders=self.orders,
        )
        return int(found[0][0])

    async def ends(self) -> list[tuple[Any, ...]]:
        """How the holds of our orders ended: outcome, buyer's part, seller's part, fee; divisions left out."""
        found = await self.sql(
            "SELECT r.outcome, r.buyer_minor, r.seller_minor, r.fee_minor FROM resolution r"
            " JOIN hold h ON h.id = r.hold_id"
            " WHERE r.outcome <> 'divided' AND h.reference_id = ANY(:orders) ORDER BY r.at",
            orders=self.orders,
        )
        return [tuple(row) for row in found]

    async def files(self, case_id: str) -> int:
        """How many files were ever stored for a case."""
        found = await self.sql(
            "SELECT count(*) FROM stored_file f JOIN file_key k ON k.id = f.case_key_id WHERE k.case_id = :id",
            id=case_id,
        )
        return int(found[0][0])

    async def events(self, case_id: str) -> list[str]:
        found = await self.sql("SELECT name FROM event WHERE subject_id = :id ORDER BY seq", id=case_id)
        return [row.name for row in found]


@pytest.fixture
async def cases(client: httpx.AsyncClient, database: Database, service: Service, world: World) -> Cases:
    await service.store.ensure_buckets()
    async with database.begin() as tx:
        seller = await person_actor(tx, world.account(Role.SELLER).person_id)
        goods = await make_goods(tx, seller, world.things["seller", Whose.OWN], now=await tx.now())
    return Cases(client, database, world, goods)


@pytest.fixture
async def odd() -> AsyncIterator[Recogniser]:
    """A reader whose process takes every photo for an empty one."""
    recogniser = Recogniser(Limits(), engine="tests.complaints.odd_engine")
    yield recogniser
    await recogniser.close()


@pytest.fixture
async def dying() -> AsyncIterator[Recogniser]:
    """A reader whose process dies of every photo."""
    recogniser = Recogniser(Limits(), engine="tests.complaints.no_such_engine")
    yield recogniser
    await recogniser.close()
