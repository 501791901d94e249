"""The requests of `commands.py`: of each command as a client of Fairhold sends it, and as the bare handler takes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from _load import request
from _shop import AREA, Shop

from service.core.ids import new_id
from service.core.signatures import sign_message, sign_record
from service.core.wire import DeliveryRecord, Kind, MoneyNotice, ParcelStatus, SignedDelivery, State, encode
from service.core.wire import format_instant as written

Make = Callable[[Shop, int, str], Sequence[bytes]]


@dataclass(frozen=True)
class Command:
    """What is measured: makes orders in the right state, and the requests that move them on."""

    ours: Make
    bare: Make
    moved: str
    """Counts what the command has changed, for the orders whose reference begins with `tag`."""


def _fund(shop: Shop, count: int, tag: str) -> list[bytes]:
    """The provider's signed notices."""
    now, secret = current(shop), shop.settings.gateway_secret
    bodies = [(notice.id, encode(notice)) for notice in _notices(shop, count, tag, now)]
    return [
        request("POST", "/api/v1/inbound/gateway", sign_message(secret, notice_id, body, now=now), body)
        for notice_id, body in bodies
    ]


def _bare_fund(shop: Shop, count: int, tag: str) -> list[bytes]:
    now = current(shop)
    return [
        _bare(
            "/fund",
            notice_id=notice.id,
            payment_id=notice.client_id,
            amount_minor=notice.amount_minor,
            currency=notice.currency,
            signed_at=int(now.timestamp()),
            body=encode(notice).decode(),
        )
        for notice in _notices(shop, count, tag, now)
    ]


def _notices(shop: Shop, count: int, tag: str, now: datetime) -> list[MoneyNotice]:
    return [
        MoneyNotice(
            id=f"nt_{new_id().hex}",
            kind=Kind.CAPTURE,
            client_id=str(payment),
            state=State.DONE,
            amount_minor=48_000,
            currency="CNY",
            at=written(now),
        )
        for payment, _ in shop.orders(count, tag)
    ]


def _deliver(shop: Shop, count: int, tag: str) -> list[bytes]:
    """The carrier's signed records, brought by the platform."""
    headers = {"authorization": f"Bearer {shop.platform_key}"}
    return [
        request("POST", f"/api/v1/orders/{order}/delivery", headers, msgspec.json.encode({"proof": signed}))
        for order, signed in _records(shop, count, tag)
    ]


def _bare_deliver(shop: Shop, count: int, tag: str) -> list[bytes]:
    return [
        _bare(
            "/deliver",
            order_id=order,
            tenant_id=shop.tenant_id,
            signature=signed.signature,
            record=encode(signed.record).decode(),
            carrier=signed.record.carrier,
            tracking_number=signed.record.tracking_number,
            destination_area=AREA,
            created_at=signed.record.created_at,
            delivered_at=signed.record.delivered_at,
        )
        for order, signed in _records(shop, count, tag)
    ]


def _records(shop: Shop, count: int, tag: str) -> list[tuple[UUID, SignedDelivery]]:
    orders, now = shop.shipped(count, tag), written(current(shop))
    return [
        (
            order,
            sign_record(
                shop.carrier,
                DeliveryRecord("sandbox", f"BN-{order.hex}", ParcelStatus.DELIVERED, now, now, AREA),
            ),
        )
        for order in orders
    ]


def _receive(shop: Shop, count: int, tag: str) -> list[bytes]:
    """The buyer's word that the goods have come."""
    return [
        request("POST", f"/api/v1/orders/{order}/receipt", _buyers(shop), b"{}") for order in shop.shipped(count, tag)
    ]


def _bare_receive(shop: Shop, count: int, tag: str) -> list[bytes]:
    return [_bare("/receive", order_id=order, person_id=shop.buyer_id) for order in shop.shipped(count, tag)]


def _claim(shop: Shop, count: int, tag: str) -> list[bytes]:
    """Complaints to send, each of which claims its order's whole payment."""
    return [
        request("POST", f"/api/v1/complaints/{case}/submission", _buyers(shop), b"") for case in shop.drafts(count, tag)
    ]


def _bare_claim(shop: Shop, count: int, tag: str) -> list[bytes]:
    return [_bare("/claim", complaint_id=case, person_id=shop.buyer_id) for case in shop.drafts(count, tag)]


def _buyers(shop: Shop) -> dict[str, str]:
    """The headers of a buyer's request: a key to sign in, and a key of its own to repeat it by."""
    return {"authorization": f"Bearer {shop.buyer_key}", "idempotency-key": new_id().hex}


def _bare(path: str, **values: Any) -> bytes:
    return request("POST", path, {}, msgspec.json.encode(values))


def current(shop: Shop) -> datetime:
    """Return the database's time."""
    now = shop.rows("SELECT fairhold_now()")[0][0]
    assert isinstance(now, datetime)
    return now


_OF_TAG = 'FROM "order" o JOIN hold h ON h.reference_id = o.id WHERE starts_with(o.platform_ref, %(tag)s)'
_RUNS = f"SELECT count(*) {_OF_TAG} AND h.state = 'in_window'"
COMMANDS = {
    "fund": Command(_fund, _bare_fund, f"SELECT count(*) {_OF_TAG}"),
    "deliver": Command(_deliver, _bare_deliver, _RUNS),
    "receive": Command(_receive, _bare_receive, _RUNS),
    "claim": Command(_claim, _bare_claim, f"SELECT count(*) {_OF_TAG} AND h.freeze_count = 1"),
}
