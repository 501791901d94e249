"""The floor of `commands.py`: a Litestar handler that runs a command's statements, with no sign-in and no signature.

The statements are the product's own, imported from it, on connections made as the product makes them: the same tables
with all their constraints and triggers. Only who asks is a value here, where the product looks up an API key. No
middleware, no idempotency key, and the answer is one id. Served by granian as the service is.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
from litestar import Litestar, Request, post

from service.complaints.hot import WITHIN, claimable_sql, sending
from service.db.hot import Connections
from service.escrow.hot import FUND
from service.orders.hot import deliver_sql, receive_sql

DATABASE_URL = "BENCH_DATABASE_URL"
DELIVER = deliver_sql(
    "SELECT NULL::uuid AS person_id, 'platform' AS role, %(tenant_id)s::uuid AS tenant_id, NULL::uuid AS seller_id"
)
RECEIVE = receive_sql("SELECT %(person_id)s::uuid AS person_id")
CLAIMABLE = claimable_sql("SELECT %(person_id)s::uuid AS person_id, 'Buyer' AS name")


class Fund(msgspec.Struct):
    """The provider has captured a payment."""

    notice_id: str
    payment_id: UUID
    amount_minor: int
    currency: str
    signed_at: int
    body: str
    reason: str | None = None
    tolerance: int = 300


class Deliver(msgspec.Struct):
    """The carrier has delivered an order."""

    order_id: UUID
    tenant_id: UUID
    signature: str
    record: str
    carrier: str
    tracking_number: str
    destination_area: str
    created_at: str
    delivered_at: str


class Receive(msgspec.Struct):
    """The buyer has the goods."""

    order_id: UUID
    person_id: UUID


class Claim(msgspec.Struct):
    """The buyer claims all that is held."""

    complaint_id: UUID
    person_id: UUID


async def _run(request: Request[Any, Any, Any], statement: str, values: Mapping[str, object]) -> Any:
    connections: Connections = request.app.state.connections
    row = await connections.first_row(statement, values)
    assert row is not None, "what a command changes is there"
    return row


@post("/fund", status_code=202)
async def fund(request: Request[Any, Any, Any]) -> dict[str, bool]:
    """Fund a hold."""
    asked = msgspec.json.decode(await request.body(), type=Fund)
    row = await _run(request, FUND, msgspec.structs.asdict(asked))
    return {"is_new": row.outcome == "applied"}


@post("/deliver", status_code=201)
async def deliver(request: Request[Any, Any, Any]) -> dict[str, UUID]:
    """Start a window by a record."""
    asked = msgspec.json.decode(await request.body(), type=Deliver)
    return {"id": (await _run(request, DELIVER, msgspec.structs.asdict(asked))).id}


@post("/receive", status_code=201)
async def receive(request: Request[Any, Any, Any]) -> dict[str, UUID]:
    """Start a window by the buyer's word."""
    asked = msgspec.json.decode(await request.body(), type=Receive)
    return {"id": (await _run(request, RECEIVE, msgspec.structs.asdict(asked))).id}


@post("/claim")
async def claim(request: Request[Any, Any, Any]) -> dict[str, UUID]:
    """Freeze a hold by a complaint."""
    asked = msgspec.json.decode(await request.body(), type=Claim)
    connections: Connections = request.app.state.connections
    values = {**WITHIN, **msgspec.structs.asdict(asked)}
    async with connections.transaction(CLAIMABLE, values) as (connection, row):
        assert row is not None, "what a command changes is there"
        sent, writes = sending(row)
        for statement, given in writes:
            await connection.execute(statement, given)
    return {"id": sent.id}


@asynccontextmanager
async def _connected(app: Litestar) -> AsyncIterator[None]:
    app.state.connections = Connections(os.environ[DATABASE_URL])
    yield
    await app.state.connections.close()


def application() -> Litestar:
    """Return the application that granian serves."""
    return Litestar([fund, deliver, receive, claim], lifespan=[_connected], openapi_config=None, logging_config=None)
