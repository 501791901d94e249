"""Orders and the money held for them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from service.core.actor import Role
from tests.permissions_table.rows import (
    ALL_SEEN,
    BLOCKERS,
    BUYER,
    EVERY_ROLE,
    LET_IN,
    MEDIATOR,
    OPERATOR,
    OWN,
    OWN_SEEN,
    PARTIES,
    PLATFORM,
    SELLER,
    SUPERVISOR,
    TENANT_SEEN,
    Outcome,
    Row,
    party_row,
)
from tests.world import World, new_order


def _order_row(*roles: Role, body: Callable[[World], Any] | None = None, **things: str) -> Row:
    return party_row(*roles, body=body, order_id="order", **things)


def _forged_record(_: World) -> dict[str, Any]:
    at = "2026-01-01T00:00:00.000000Z"
    record = {
        "carrier": "sandbox",
        "tracking_number": "SB-1234",
        "status": "delivered",
        "created_at": at,
        "delivered_at": at,
        "destination_area": "330100",
    }
    return {"record": record, "signature": "AA==", "key_id": "unknown"}


_PACKING_READERS = (SELLER, MEDIATOR, SUPERVISOR)  # its buyer sees it in a case alone
_PACKING_PHOTO = _order_row(*_PACKING_READERS, file_id="packing_photo")
ORDERS = {
    "GET /orders": Row(may=EVERY_ROLE),
    "POST /orders": Row(
        may=frozenset({PLATFORM}), body=lambda world: msgspec.to_builtins(new_order(world, OWN, "REF-2"))
    ),
    "GET /orders/{order_id}": _order_row(*Role),
    "POST /orders/{order_id}/payment": _order_row(PLATFORM),
    "POST /orders/{order_id}/packing-photos": replace(_order_row(SELLER), files={"files": b"a photo"}),
    "GET /orders/{order_id}/packing-photos": _order_row(*_PACKING_READERS),
    "GET /orders/{order_id}/packing-photos/{file_id}/view": _PACKING_PHOTO,
    "GET /orders/{order_id}/packing-photos/{file_id}/thumbnail": _PACKING_PHOTO,
    "GET /orders/{order_id}/packing-photos/{file_id}/original": _PACKING_PHOTO,
    "POST /orders/{order_id}/shipment": _order_row(
        SELLER, PLATFORM, body=lambda _: {"carrier": "sandbox", "tracking_number": "SB-1234"}
    ),
    "POST /orders/{order_id}/delivery": _order_row(*Role, body=lambda _: {"hand_over_code": "000000"}),
    "POST /orders/{order_id}/receipt": _order_row(BUYER, body=lambda _: {}),
    "POST /orders/{order_id}/arrival": _order_row(BUYER, body=lambda _: {"arrived": True}),
    "POST /orders/{order_id}/claim-code": _order_row(PLATFORM),
    "POST /orders/claims": Row(may=frozenset({BUYER}), body=lambda _: {"code": "7K3M-9QXT-42AB"}),
    "POST /inbound/carriers/{carrier}": Row(  # a carrier is no secret; another carrier's record is refused as content
        anyone=True, body=_forged_record, things={"carrier": "carrier"}, guessed=LET_IN
    ),
}


_PAYMENT_READERS = {OPERATOR: ALL_SEEN, PLATFORM: TENANT_SEEN, SUPERVISOR: TENANT_SEEN}

ESCROW = {
    "GET /holds": Row(may=EVERY_ROLE),
    "GET /holds/{hold_id}": Row(may=EVERY_ROLE, things={"hold_id": "hold"}, reaches=PARTIES),
    "GET /alerts": Row(may=frozenset({OPERATOR, SUPERVISOR})),
    "GET /payments": Row(may=frozenset(_PAYMENT_READERS)),
    "GET /payments/{payment_id}": Row(
        may=frozenset(_PAYMENT_READERS), things={"payment_id": "payment"}, reaches=_PAYMENT_READERS
    ),
    "POST /payments/{payment_id}/retry": Row(
        may=BLOCKERS,
        things={"payment_id": "payment"},
        reaches={OPERATOR: ALL_SEEN, SUPERVISOR: TENANT_SEEN},
    ),
    "GET /payouts": Row(may=frozenset({SELLER, OPERATOR})),
    "GET /payouts/{payout_id}": Row(
        may=frozenset({SELLER, OPERATOR}),
        things={"payout_id": "payout"},
        reaches={SELLER: OWN_SEEN, OPERATOR: ALL_SEEN},
    ),
    "POST /inbound/gateway": Row(anyone=True, allowed=Outcome.UNAUTHENTICATED),  # unsigned
}
