"""The floor of `commands.py`: a Litestar handler that runs a command's statements, with no sign-in and no signature.

No middleware, no queue, no ORM: one pooled psycopg connection, one transaction, prepared statements, the same tables
with all their constraints and triggers. Served by granian as the service is.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from litestar import Litestar, Request, post
from psycopg_pool import AsyncConnectionPool
from uuid_utils.compat import uuid7

DATABASE_URL = "BENCH_DATABASE_URL"
CONNECTIONS = 10
EVENT = (
    "INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, at, facts)"
    " VALUES (%s, %s, 'hold', %s, %s, fairhold_now(), %s::jsonb)"
)


class Fund(msgspec.Struct):
    """The provider has captured a payment."""

    payment_id: UUID


class Deliver(msgspec.Struct):
    """The carrier has delivered an order."""

    order_id: UUID
    signature: str
    record: dict[str, Any]


def pool_of(request: Request[Any, Any, Any]) -> AsyncConnectionPool:
    """The connections."""
    pool: AsyncConnectionPool = request.app.state.pool
    return pool


@post("/fund", status_code=202)
async def fund(request: Request[Any, Any, Any]) -> dict[str, bool]:
    """Store the notice, end the payment, make the hold (whose trigger writes the funding), tell of both."""
    body = await request.body()
    asked = msgspec.json.decode(body, type=Fund)
    hold_id = uuid7()
    async with pool_of(request).connection() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO gateway_notice (id, body, received_at, applied_at, outcome)"
            " VALUES (%s, %s::jsonb, fairhold_now(), fairhold_now(), 'applied')",
            (str(hold_id), body.decode()),
        )
        changed = await connection.execute(
            "UPDATE payment SET state = 'done', ended_at = fairhold_now() WHERE id = %s AND ended_at IS NULL"
            " RETURNING tenant_id",
            (asked.payment_id,),
        )
        tenant_id = _only(await changed.fetchone())
        await connection.execute(EVENT, (uuid7(), "bench.captured", asked.payment_id, tenant_id, "{}"))
        await connection.execute(
            "INSERT INTO hold (id, tenant_id, reference_id, payment_id, seller_id, buyer_id, product_id, batch_id,"
            " currency, amount_minor, fee_bps, funded_at) SELECT %s, tenant_id, reference_id, id, seller_id, buyer_id,"
            " product_id, batch_id, currency, amount_minor, fee_bps, fairhold_now() FROM payment WHERE id = %s",
            (hold_id, asked.payment_id),
        )
        await connection.execute(EVENT, (uuid7(), "bench.funded", hold_id, tenant_id, "{}"))
        await connection.execute(
            """UPDATE "order" SET status = 'paid', paid_at = fairhold_now() FROM payment p"""
            """ WHERE p.id = %s AND "order".id = p.reference_id""",
            (asked.payment_id,),
        )
    return {"is_new": True}


@post("/deliver", status_code=201)
async def deliver(request: Request[Any, Any, Any]) -> dict[str, UUID]:
    """Lock order and hold, store the record, start the window, tell of both."""
    asked = msgspec.json.decode(await request.body(), type=Deliver)
    async with pool_of(request).connection() as connection, connection.transaction():
        locked = await connection.execute(
            """SELECT tenant_id FROM "order" WHERE id = %s AND status = 'shipped' FOR UPDATE""", (asked.order_id,)
        )
        tenant_id = _only(await locked.fetchone())
        await connection.execute(
            "INSERT INTO carrier_notice (id, carrier, signature, record, received_at, applied_at, outcome)"
            " VALUES (%s, 'sandbox', %s, %s::jsonb, fairhold_now(), fairhold_now(), 'applied')",
            (uuid7(), asked.signature, msgspec.json.encode(asked.record).decode()),
        )
        started = await connection.execute(
            "UPDATE hold SET state = 'in_window', delivered_at = fairhold_now(), proof_kind = 'carrier', proof_id = %s,"
            " window_ends_at = fairhold_now() + interval '7 days' WHERE reference_id = %s AND ended_at IS NULL"
            " RETURNING id",
            (asked.order_id, asked.order_id),
        )
        hold_id = _only(await started.fetchone())
        await connection.execute(EVENT, (uuid7(), "bench.window_started", hold_id, tenant_id, "{}"))
        await connection.execute(
            """UPDATE "order" SET status = 'delivered', delivered_at = fairhold_now() WHERE id = %s""",
            (asked.order_id,),
        )
        await connection.execute(EVENT, (uuid7(), "bench.delivered", hold_id, tenant_id, "{}"))
    return {"id": asked.order_id}


def _only(row: psycopg.rows.TupleRow | None) -> UUID:
    assert row is not None, "what a command changes is there"
    found: UUID = row[0]
    return found


@asynccontextmanager
async def _connected(app: Litestar) -> AsyncIterator[None]:
    async with AsyncConnectionPool(os.environ[DATABASE_URL], min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        app.state.pool = pool
        yield


def application() -> Litestar:
    """Return the application that granian serves."""
    return Litestar([fund, deliver], lifespan=[_connected], openapi_config=None, logging_config=None)
