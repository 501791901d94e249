"""JSON routes about orders, and the carriers' notices."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter

from service.core.actor import Actor
from service.core.errors import Conflict, Invalid, TooMany
from service.core.wire import SignedDelivery
from service.db.hot import HOT
from service.db.pages import LIMIT_DEFAULT
from service.db.query_parameters import After, Limit, Status
from service.db.requests import LATE_CLAIM, Claim
from service.db.schemas import MoneyView, PageOf
from service.db.session import Database, Tx
from service.orders import actions, hot, overdue, proofs, queries, rules
from service.orders.carriers import Carriers
from service.orders.packing_api import PackingPhotos
from service.orders.schemas import (
    ArrivalAnswer,
    ClaimCodeView,
    NewClaim,
    NewDelivery,
    NewOrder,
    NewReceipt,
    NewShipment,
    OrderView,
    PaymentView,
    SignedRecord,
)
from service.settings import Settings


class Orders(Controller):
    """Orders and what happens to them."""

    path = "/orders"
    tags = ("Orders",)

    @post("/", opt={"allow": "orders.place"}, summary="Place an order")
    async def place(
        self,
        data: JSONBody[NewOrder],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        settings: NamedDependency[Settings],
    ) -> Response[OrderView]:
        """Push an order of your platform; its batch may be named now or when it ships."""
        order = await actions.place_order(tx, actor, data, secret=settings.secret, now=await tx.now())
        return Response(
            queries.view_of(order, None), status_code=201, headers={"Location": f"/api/v1/orders/{order.id}"}
        )

    @get("/", opt={"allow": "orders.read"}, summary="List orders")
    async def listing(
        self,
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        status: Status = None,
        seller_id: FromQuery[UUID | None] = None,
        batch_id: FromQuery[UUID | None] = None,
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[OrderView]:
        """List the orders that you may see, the newest first."""
        page = await queries.orders_page(
            tx, actor, status=status, seller_id=seller_id, batch_id=batch_id, after=after, limit=limit
        )
        return page.answer()

    @get("/{order_id:uuid}", opt={"allow": "orders.read"}, summary="Get an order")
    async def one(
        self,
        order_id: FromPath[UUID],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        settings: NamedDependency[Settings],
    ) -> OrderView:
        """Get one order with its held payment; its buyer also sees the hand-over code."""
        view = await queries.get_order(tx, actor, order_id)
        row = await queries.get_row(tx, actor, order_id)
        if row.buyer_id is None or row.buyer_id != actor.person_id:
            return view
        return msgspec.structs.replace(view, hand_over_code=rules.hand_over_code(settings.secret, order_id))

    @post("/{order_id:uuid}/payment", opt={"allow": "orders.pay"}, summary="Capture the payment", status_code=202)
    async def pay(
        self, order_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> PaymentView:
        """Ask the provider to capture the order's amount into a hold. The order turns "paid" when that is done."""
        payment = await actions.request_payment(tx, actor, order_id, now=await tx.now())
        return PaymentView(
            payment.id, order_id, payment.state or "requested", MoneyView(payment.amount_minor, payment.currency)
        )

    @post("/{order_id:uuid}/shipment", opt={"allow": "orders.ship"}, summary="Ship")
    async def ship(
        self,
        order_id: FromPath[UUID],
        data: JSONBody[NewShipment],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> OrderView:
        """Record the parcel's carrier and number. The batch must be named by now."""
        await actions.ship_order(tx, actor, order_id, data, now=await tx.now())
        return await _seen(tx, actor, order_id)

    @post(
        "/{order_id:uuid}/delivery",
        opt={"allow": "orders.deliver", LATE_CLAIM: True, HOT: hot.deliver},
        summary="Bring proof of delivery",
    )
    async def deliver(
        self,
        order_id: FromPath[UUID],
        data: JSONBody[NewDelivery],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        claim: NamedDependency[Claim],
        carriers: NamedDependency[Carriers],
        database: NamedDependency[Database],
        settings: NamedDependency[Settings],
    ) -> OrderView:
        """Bring the carrier's signed record or the buyer's hand-over code: the window starts."""
        if (data.proof is None) == (data.hand_over_code is None):
            raise Invalid("proof_missing", "exactly one of proof and hand_over_code", field="proof")
        if data.proof is not None:
            record = await carriers.verify(msgspec.convert(msgspec.to_builtins(data.proof), SignedDelivery))
            await claim.take()
            await proofs.deliver_by_record(tx, actor, order_id, data.proof, record)
        else:
            await _count_try(claim, database, actor, order_id)
            await claim.take()
            await proofs.deliver_by_code(tx, actor, order_id, data.hand_over_code or "", secret=settings.secret)
        return await _seen(tx, actor, order_id)

    @post(
        "/{order_id:uuid}/receipt",
        opt={"allow": "orders.confirm_receipt", HOT: hot.receive},
        summary="Confirm receipt",
    )
    async def receive(
        self,
        order_id: FromPath[UUID],
        data: JSONBody[NewReceipt],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> OrderView:
        """Say that you have the goods. `waive` (from your own session only) releases the payment at once."""
        await actions.confirm_receipt(tx, actor, order_id, waive=data.waive, now=await tx.now())
        return await _seen(tx, actor, order_id)

    @post("/{order_id:uuid}/arrival", opt={"allow": "orders.answer_arrival"}, summary="Say whether the order has come")
    async def answer_arrival(
        self,
        order_id: FromPath[UUID],
        data: JSONBody[ArrivalAnswer],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> OrderView:
        """Answer the question that comes when an order is late: a yes is a receipt.

        After a no, an order without proof of its delivery within 48 hours is refunded.
        """
        now = await tx.now()
        if data.arrived:
            await actions.confirm_receipt(tx, actor, order_id, waive=False, now=now)
        else:
            await overdue.deny_arrival(tx, actor, order_id, now=now)
        return await _seen(tx, actor, order_id)

    @post("/{order_id:uuid}/claim-code", opt={"allow": "orders.issue_claim_code"}, summary="Issue a claim code")
    async def issue(
        self, order_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> ClaimCodeView:
        """Get a code, shown once, with which the buyer makes the order theirs."""
        return ClaimCodeView(*await actions.issue_claim_code(tx, actor, order_id, now=await tx.now()))

    @post("/claims", opt={"allow": "orders.claim"}, summary="Claim an order with a code", status_code=200)
    async def claim_with_code(
        self, data: JSONBody[NewClaim], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> OrderView:
        """Make an order yours with the code that the platform gave you."""
        order = await actions.claim_order(tx, actor, data.code, now=await tx.now())
        return await _seen(tx, actor, order.id)


@post(
    "/inbound/carriers/{carrier:str}",
    opt={"allow": "orders.receive_notice", LATE_CLAIM: True},
    summary="A carrier's signed record",
    tags=["Inbound"],
    status_code=202,
)
async def carrier_notice(
    carrier: Annotated[str, PathParameter(max_length=40)],
    data: JSONBody[SignedRecord],
    tx: NamedDependency[Tx],
    carriers: NamedDependency[Carriers],
) -> dict[str, str]:
    """Store a carrier's signed record; it is applied after the answer. A forged one is refused and not kept."""
    if data.record.carrier != carrier:
        raise Invalid("carrier_differs", "the record is of another carrier", field="record")
    await carriers.verify(msgspec.convert(msgspec.to_builtins(data), SignedDelivery))
    await proofs.store_notice(tx, data, now=await tx.now())
    return {"status": "stored"}


async def _count_try(claim: Claim, database: Database, actor: Actor, order_id: UUID) -> None:
    """Count a try of a hand-over code, but not a second sending under one key."""
    await claim.replay(database)
    try:
        await proofs.count_try(database, actor, order_id)
    except (Conflict, TooMany):  # perhaps by the first sending, which was under way and has its answer now
        await claim.replay(database)
        raise


async def _seen(tx: Tx, actor: Actor, order_id: UUID) -> OrderView:
    """Return the order as its changer sees it now. The flush: the view is read from the database."""
    await tx.flush()
    return await queries.get_order(tx, actor, order_id)


HANDLERS = [Orders, PackingPhotos, carrier_notice]
