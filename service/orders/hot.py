"""Delivery and receipt as one prepared statement each: the window starts, and the order is delivered.

The statements do what `proofs.deliver_by_record` and `actions.confirm_receipt` do, row by row; tests/orders/test_hot.py
compares them. They know the plain case alone: one undivided payment without a freeze, a record of the very parcel, no
waiver. Everything else, and every refusal, is left to the general way.
"""

from datetime import datetime
from typing import Any

import msgspec

from service.accounts.hot import BY_KEY, signing_in
from service.core.wire import ParcelStatus, SignedDelivery, parse_instant
from service.db.hot import Answered, Asked, answer_by
from service.deadlines.queries import value_sql
from service.escrow.hot import HELD, HOLD_COLUMNS, WINDOW_SECONDS_MAX, WINDOW_TOLD, hold_view, window_started
from service.orders.carriers import Carriers
from service.orders.queries import view_of
from service.orders.schemas import NewDelivery, NewReceipt, SignedRecord

_TERMS = {"at": "a.now", "category": "p.category", "jurisdiction": "a.jurisdiction"}
_WINDOW_LENGTH = f"""
    SELECT greatest({value_sql("window", **_TERMS)}, {value_sql("window_floor", **_TERMS)}) AS seconds
    FROM asked a JOIN product p ON p.id = a.product_id
"""  # noqa: S608 - made of constants
_READY = f"""
    SELECT a.*, h.id AS hold_id, l.seconds, a.status = 'shipped' AS starts
    FROM asked a CROSS JOIN held h CROSS JOIN window_length l
    WHERE h.state = CASE a.status WHEN 'shipped' THEN 'awaiting_delivery' ELSE 'in_window' END
      AND l.seconds BETWEEN 1 AND {WINDOW_SECONDS_MAX}
"""  # noqa: S608 - made of constants
"""One row where all is as it should be, with everything locked; every write starts from it."""
_TOLD = f"""
    INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, actor_id, at, facts)
    SELECT uuidv7(), name, subject_kind, subject_id, tenant_id, actor_id, at, facts
    FROM ({WINDOW_TOLD} UNION ALL
        SELECT 2, {{name}}, 'order', id, tenant_id, actor_id, now, {{facts}}::jsonb FROM written) told ORDER BY place
"""  # noqa: S608 - made of constants
_ANSWER = f"""
SELECT o.*, {HOLD_COLUMNS} FROM written o
JOIN (SELECT * FROM started UNION ALL SELECT x.* FROM held x JOIN ready r ON NOT r.starts) h ON true
"""  # noqa: S608 - made of constants


def receive_sql(who: str) -> str:
    """Return the statement of a receipt by the buyer that the query `who` finds. Locks the order, then the hold."""
    told = _TOLD.replace("{name}", "'order.received'").replace("{facts}", "'{}'")
    return f"""
WITH who AS MATERIALIZED ({who}), asked AS MATERIALIZED (
    SELECT o.*, fairhold_now() AS now, o.buyer_id AS actor_id FROM "order" o
    WHERE o.id = %(order_id)s AND o.buyer_id = (SELECT w.person_id FROM who w LIMIT 1)
      AND (o.status = 'shipped' OR (o.status = 'delivered' AND o.received_at IS NULL))
    FOR NO KEY UPDATE OF o
), held AS MATERIALIZED ({HELD}), window_length AS ({_WINDOW_LENGTH}), ready AS MATERIALIZED ({_READY}),
started AS ({window_started(kind="receipt", proof_id="r.id")}), written AS (
    UPDATE "order" o SET status = 'delivered', delivered_at = CASE WHEN r.starts THEN r.now ELSE o.delivered_at END,
        received_at = r.now
    FROM ready r WHERE o.id = (SELECT id FROM ready)
    RETURNING o.*, r.now, r.actor_id
), told AS ({told})
{_ANSWER}
"""  # noqa: S608 - made of constants


def deliver_sql(who: str) -> str:
    """Return the statement of a carrier's verified record, brought by one of those that the query `who` finds.

    Locks the order, then the hold. No row where the record was brought before.
    """
    told = _TOLD.replace("{name}", "'order.delivered'").replace("{facts}", """'{"proof": "carrier"}'""")
    return f"""
WITH who AS MATERIALIZED ({who}), asked AS MATERIALIZED (
    SELECT o.*, fairhold_now() AS now, (SELECT w.person_id FROM who w LIMIT 1) AS actor_id FROM "order" o
    WHERE o.id = %(order_id)s AND o.status = 'shipped'
      AND o.carrier = %(carrier)s AND o.tracking_number = %(tracking_number)s
      AND o.destination_area IN ('', %(destination_area)s)
      AND o.paid_at <= %(created_at)s AND %(created_at)s <= %(delivered_at)s AND %(delivered_at)s <= fairhold_now()
      AND EXISTS (SELECT FROM who w WHERE CASE w.role
            WHEN 'platform' THEN w.tenant_id = o.tenant_id
            WHEN 'seller' THEN w.seller_id = o.seller_id
            WHEN 'buyer' THEN w.person_id = o.buyer_id END)
    FOR NO KEY UPDATE OF o
), held AS MATERIALIZED ({HELD}), window_length AS ({_WINDOW_LENGTH}), kept AS (
    INSERT INTO carrier_notice (id, carrier, signature, record, received_at, applied_at, outcome)
    SELECT uuidv7(), r.carrier, %(signature)s, %(record)s::jsonb, r.now, r.now, 'applied' FROM ({_READY}) r
    ON CONFLICT (signature) DO NOTHING RETURNING id
), ready AS MATERIALIZED (SELECT r.*, k.id AS notice_id FROM ({_READY}) r CROSS JOIN kept k),
started AS ({window_started(kind="carrier", proof_id="r.notice_id")}), written AS (
    UPDATE "order" o SET status = 'delivered', delivered_at = r.now
    FROM ready r WHERE o.id = (SELECT id FROM ready)
    RETURNING o.*, r.now, r.actor_id
), told AS ({told})
{_ANSWER}
"""  # noqa: S608 - made of constants


RECEIVE = receive_sql(BY_KEY)
DELIVER = deliver_sql(BY_KEY)


async def receive(asked: Asked) -> Answered | None:
    """The buyer has the goods."""
    values = signing_in(asked, "orders.confirm_receipt")
    if values is None or _decoded(asked.body, NewReceipt) != NewReceipt(waive=False):
        return None
    return await answer_by(asked, RECEIVE, {**values, "order_id": asked.path["order_id"]}, _render)


async def deliver(asked: Asked, *, carriers: Carriers) -> Answered | None:
    """Somebody brings the carrier's signed record. Raises what `Carriers.verify` raises."""
    values, given = signing_in(asked, "orders.deliver"), _decoded(asked.body, NewDelivery)
    if values is None or given is None or given.proof is None or given.hand_over_code is not None:
        return None
    record = await _proved(given.proof, carriers)
    if record is None:
        return None
    values |= record | {"order_id": asked.path["order_id"], "signature": given.proof.signature}
    return await answer_by(asked, DELIVER, values, _render)


async def _proved(proof: SignedRecord, carriers: Carriers) -> dict[str, object] | None:
    """Return the values of a record whose signature was verified, None if it does not say "delivered"."""
    kept = msgspec.to_builtins(proof.record)
    record = await carriers.verify(msgspec.convert(msgspec.to_builtins(proof), SignedDelivery))
    if record.status != ParcelStatus.DELIVERED or record.delivered_at is None:
        return None
    return {
        "carrier": record.carrier,
        "tracking_number": record.tracking_number,
        "destination_area": record.destination_area,
        "created_at": parse_instant(record.created_at),
        "delivered_at": parse_instant(record.delivered_at),
        "record": msgspec.json.encode(kept).decode(),
    }


def _render(row: Any) -> Answered:
    now: datetime = row.now
    return Answered(201, msgspec.json.encode(view_of(row, hold_view(row))), now)


def _decoded(body: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the general way refuses it
        return None
