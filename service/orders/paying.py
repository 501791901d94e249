"""Orders whose payment is held now are paid: any number of them in one statement."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from service.db.session import Tx
from service.deadlines.queries import value_sql
from service.orders import rules

_STEP = rules.ORDER.next("placed", "fund")
_SHIP_WITHIN = value_sql("ship_within", at=":now", category="p.category", jurisdiction="o.jurisdiction")
_MARK_PAID = text(f"""
WITH waiting AS MATERIALIZED (
    SELECT id FROM "order" WHERE id = ANY(:order_ids) AND status = '{_STEP.state}' ORDER BY id FOR UPDATE
), paid AS (
    UPDATE "order" o SET status = '{_STEP.to}', paid_at = h.funded_at
    FROM hold h WHERE o.id = ANY(ARRAY(SELECT id FROM waiting)) AND h.reference_id = o.id AND h.parent_hold_id IS NULL
    RETURNING o.id, o.tenant_id, o.product_id, o.jurisdiction, o.paid_at
), promised AS (
    INSERT INTO deadline (id, name, subject_id, due_at, handler, payload, state, made_at)
    SELECT uuidv7(), '{rules.SHIP}', o.id, o.paid_at + make_interval(secs => {_SHIP_WITHIN}), 'orders.not_shipped',
           '{{}}', 'pending', :now
    FROM paid o JOIN product p ON p.id = o.product_id
), told AS (
    INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, at, facts)
    SELECT uuidv7(), '{_STEP.event}', 'order', id, tenant_id, :now, '{{}}' FROM paid ORDER BY id
)
SELECT count(*) FROM paid
""")  # noqa: S608 - made of the program's words


async def mark_paid(tx: Tx, order_ids: Collection[UUID], *, now: datetime) -> int:
    """Mark those orders paid whose hold was funded, and promise their shipment; return how many were not before.

    Saying it again changes nothing. Locks the orders, by id.
    """
    return int((await tx.execute(_MARK_PAID, {"order_ids": sorted(set(order_ids)), "now": now})).scalar_one())
