"""The steps of an order's life over HTTP, each with the one who takes it."""

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from service.core.actor import Role
from tests.accounts.asking import csrf
from tests.complaints.conftest import STORY, Cases
from tests.trade import AREA, CARRIER, pay
from tests.world import PASSWORD, Account, Whose


class Life:
    """One order after the other, in any currency."""

    def __init__(self, cases: Cases) -> None:
        self.cases = cases
        self.platform = cases.who(Role.PLATFORM)

    async def post(self, who: Account, path: str, body: Any = None) -> httpx.Response:
        return await self.cases.client.post(f"/api/v1{path}", json=body, headers=who.by_key)

    async def ok(self, who: Account, path: str, body: Any = None) -> dict[str, Any]:
        answer = await self.post(who, path, body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def new_order(self, amount: dict[str, Any], ref: str = "WX-1") -> dict[str, Any]:
        return {
            "tenant_id": str(self.cases.world.tenant_ids[Whose.OWN]), "platform_ref": ref,
            "seller_id": str(self.cases.seller_id), "product_id": str(self.cases.goods.product_id),
            "amount": amount, "destination_area": AREA,
        }  # fmt: skip

    async def placed(self, amount_minor: int = 48_000, currency: str = "CNY", ref: str = "WX-1") -> str:
        """An order that its buyer has made theirs."""
        amount = {"amount_minor": amount_minor, "currency": currency}
        order_id = str((await self.ok(self.platform, "/orders", self.new_order(amount, ref)))["id"])
        code = (await self.ok(self.platform, f"/orders/{order_id}/claim-code"))["code"]
        await self.ok(self.cases.buyer, "/orders/claims", {"code": code})
        return order_id

    async def shipped(self, amount_minor: int = 48_000, currency: str = "CNY", ref: str = "WX-1") -> str:
        """An order that is paid for and on its way."""
        order_id = await self.placed(amount_minor, currency, ref)
        await pay(self.cases.database, await self.cases.actor(self.platform), UUID(order_id))
        await self.ok(
            self.cases.seller,
            f"/orders/{order_id}/shipment",
            {"carrier": "sandbox", "tracking_number": f"SB-{ref}", "batch_id": str(self.cases.goods.batch_id)},
        )
        return order_id

    async def delivered(self, amount_minor: int = 48_000, currency: str = "CNY", ref: str = "WX-1") -> str:
        """An order whose window runs."""
        order_id = await self.shipped(amount_minor, currency, ref)
        await self.ok(self.cases.seller, f"/orders/{order_id}/delivery", {"proof": await self.proof(order_id, ref)})
        return order_id

    async def proof(self, order_id: str, ref: str = "WX-1") -> dict[str, Any]:
        """The carrier's signed record that it was delivered now."""
        (row,) = await self.cases.sql('SELECT paid_at, fairhold_now() AS now FROM "order" WHERE id = :id', id=order_id)
        return CARRIER.record(f"SB-{ref}", created_at=row.paid_at, delivered_at=row.now)

    def complaint(self, order_id: str, claim: dict[str, Any] | None) -> dict[str, Any]:
        wanted = {} if claim is None else {"claim": claim}
        kind = {"kind": "not_as_described", "harm": "none", "narrative": STORY, "wanted": "refund"}
        return {"order_id": order_id, **kind, **wanted}

    async def claimed(self, order_id: str, amount_minor: int, currency: str = "CNY") -> str:
        """A complaint that has frozen so much."""
        claim = {"amount_minor": amount_minor, "currency": currency}
        case_id = str((await self.ok(self.cases.buyer, "/complaints", self.complaint(order_id, claim)))["id"])
        await self.ok(self.cases.buyer, f"/complaints/{case_id}/submission")
        return case_id

    async def disputed(self, case_id: str) -> str:
        """The seller refuses, the buyer asks a mediator, who takes it."""
        refusal = {"decision": "refuse", "text": "Our stock is another lot."}
        await self.ok(self.cases.seller, f"/complaints/{case_id}/answer", refusal)
        dispute_id = str((await self.ok(self.cases.buyer, f"/complaints/{case_id}/escalation"))["id"])
        await self.ok(self.cases.mediator, f"/disputes/{dispute_id}/assignment", {})
        return dispute_id

    async def ruled(self, dispute_id: str, buyer_minor: int, currency: str) -> None:
        """A ruling that both accept."""
        buyer = {"amount_minor": buyer_minor, "currency": currency}
        ruling = {"buyer": buyer, "reasons": "The photo shows the lot."}
        await self.ok(self.cases.mediator, f"/disputes/{dispute_id}/ruling", ruling)
        await self.ok(self.cases.buyer, f"/disputes/{dispute_id}/acceptance")
        await self.ok(self.cases.seller, f"/disputes/{dispute_id}/acceptance")

    async def waive(self, order_id: str) -> httpx.Response:
        """The buyer gives the window up, signed in as on a page."""
        client = self.cases.client
        if "fairhold_csrf" not in client.cookies:
            signing_in = {"email": self.cases.buyer.email, "password": PASSWORD}
            assert (await client.post("/api/v1/sessions", json=signing_in)).is_success
        return await client.post(f"/api/v1/orders/{order_id}/receipt", json={"waive": True}, headers=csrf(client))

    async def moved(self, order_id: str) -> list[tuple[str, int, str]]:
        """Every transfer of an order's payment: code, amount, currency."""
        async with self.cases.database.begin() as tx:
            found = await tx.execute(
                text(
                    "SELECT code, amount_minor, currency FROM transfer WHERE hold_id IN ("
                    " SELECT id FROM hold WHERE reference_id = :id) ORDER BY code, amount_minor"
                ),
                {"id": order_id},
            )
            return [tuple(row) for row in found]
