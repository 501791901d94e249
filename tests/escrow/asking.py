"""What tests with the sandbox provider share: our side asks it, it is told to misbehave, and what it knows."""

import json
from typing import Any
from uuid import UUID

from service.escrow import jobs
from service.escrow.gateway import HttpGateway
from tests.escrow.world import World
from tests.sandbox.running import Sandbox


async def carry_out(world: World, gateway: HttpGateway, payment_id: UUID) -> str:
    """Run the payment's job once; return its state then."""
    await jobs.carry_out({"payment_id": str(payment_id)}, database=world.database, gateway=gateway)
    return str(await world.value("SELECT state FROM payment WHERE id = :id", id=payment_id))


async def provider_knows(world: World, sandbox: Sandbox) -> list[tuple[str, str, int]]:
    """Return the provider's ended operations as it lists them; it must have heard the time first."""
    found = sandbox.call("GET", "/provider/v1/lines", now=await world.value("SELECT fairhold_now()"))
    return [(line["kind"], line["state"], line["amount_minor"]) for line in found.json()["lines"]]


async def switch(world: World, sandbox: Sandbox, **switches: Any) -> None:
    """Turn the provider's switches."""
    answer = sandbox.call(
        "PUT", "/provider/v1/switches", json.dumps(switches).encode(), now=await world.value("SELECT fairhold_now()")
    )
    assert answer.status_code == 200, answer.text
