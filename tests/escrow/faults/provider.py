"""The whole service against a provider that is a process of its own; the test carries the notices between them."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from tests.conftest import Clock
from tests.escrow.world import World
from tests.sandbox.running import Heard, Listener, Sandbox

INBOUND = "/api/v1/inbound/gateway"
_SENT = ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type")
LONGEST_PAUSE = timedelta(minutes=10, seconds=1)


@dataclass
class Provider:
    """Both sides of the wire, and the ledger behind it."""

    world: World
    sandbox: Sandbox
    listener: Listener
    client: httpx.AsyncClient
    drain: Callable[[], Awaitable[None]]
    clock: Clock
    carried: int = field(default=0)

    async def switch(self, **switches: Any) -> None:
        """Turn the provider's switches; what is not named is off."""
        body = json.dumps(switches).encode()
        answer = self.sandbox.call("PUT", "/provider/v1/switches", body, now=await self.now())
        assert answer.status_code == 200, answer.text

    async def now(self) -> Any:
        """Return Fairhold's time."""
        return await self.world.value("SELECT fairhold_now()")

    async def work(self) -> None:
        """Let the worker do what there is to do now."""
        await self.drain()

    async def ask_again(self) -> None:
        """Let the longest pause pass, and everything unknown be asked for again."""
        self.clock.forward(LONGEST_PAUSE)
        await self.drain()

    def told(self, count: int) -> list[Heard]:
        """Return the notices that the provider sent and nobody has carried to us yet; waits until there are `count`."""
        new = self.listener.wait_for(self.carried + count)[self.carried :]
        self.carried += len(new)
        return new

    async def carry(self, notice: Heard) -> httpx.Response:
        """Bring a notice to us exactly as the provider sent it."""
        headers = {name: notice.headers[name] for name in _SENT}
        return await self.client.post(INBOUND, content=notice.body, headers=headers)

    async def state(self, payment_id: UUID) -> str:
        """Return the state of a payment."""
        return str(await self.world.value("SELECT state FROM payment WHERE id = :id", id=payment_id))

    async def outcomes(self) -> list[str | None]:
        """Return what became of the stored notices, in the order in which they came."""
        found = await self.world.value(
            "SELECT coalesce(array_agg(outcome ORDER BY received_at), '{}') FROM gateway_notice"
        )
        return list(found)

    async def books(self) -> list[tuple[str, str, int]]:
        """Return the provider's ended operations as it lists them."""
        lines: list[tuple[str, str, int]] = []
        after = 0
        while True:
            page = self.sandbox.call("GET", f"/provider/v1/lines?after={after}", now=await self.now()).json()
            lines += [
                (line["kind"], line["client_id"], line["amount_minor"])
                for line in page["lines"]
                if line["state"] == "done"
            ]
            if page["next"] is None:
                return lines
            after = page["next"]
