"""What tests of deposits, payouts and chargebacks share."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from service.core.actor import COMMONS, Actor, Grant, Role, SignIn
from service.core.ids import new_id
from service.core.money import Money
from service.core.wire import ChargebackNotice
from service.escrow import actions
from service.escrow.actions.chargebacks import apply_chargeback
from tests.escrow.world import World

OPERATOR = Actor(new_id(), frozenset({Grant(Role.OPERATOR, COMMONS)}), SignIn.SESSION)


def seller_of(world: World) -> Actor:
    """Somebody who acts for the world's seller."""
    return Actor(new_id(), frozenset({Grant(Role.SELLER, COMMONS, world.seller_id)}), SignIn.SESSION)


@dataclass(frozen=True, slots=True)
class Moves:
    """A world's seller and its money beyond the hold."""

    world: World

    async def earn(self, amount_minor: int, currency: str = "CNY") -> UUID:
        """Release a hold to the seller: the payable gets `amount_minor` less 3 % fee. Return the capture's id."""
        hold = await self.world.fund(amount_minor, currency)
        await self.world.deliver(hold.id)
        await self.world.waive(hold.id)
        return await self.world.capture_of(hold.id)

    async def pay_out(
        self, amount_minor: int, currency: str = "CNY", *, actor: Actor | None = None, key: str | None = None
    ) -> UUID:
        """Ask for a payout; return the operation's id."""
        return await self._ask(actions.request_payout, amount_minor, currency, actor, key)

    async def deposit(self, amount_minor: int, currency: str = "CNY", *, actor: Actor | None = None) -> UUID:
        """Ask for a deposit and let the provider capture it; return the operation's id."""
        payment_id = await self._ask(actions.request_deposit, amount_minor, currency, actor, None)
        await self.world.record(payment_id, "done")
        return payment_id

    async def withdraw(self, amount_minor: int, currency: str = "CNY", *, actor: Actor | None = None) -> UUID:
        """Ask for a part of the deposit back; return the operation's id."""
        return await self._ask(actions.withdraw_deposit, amount_minor, currency, actor, None)

    async def charge_back(
        self, payment_id: UUID | str, amount_minor: int, currency: str = "CNY", *, name: str | None = None
    ) -> str | None:
        """Apply a chargeback; return the notice's outcome."""
        async with self.world.database.begin() as tx:
            now = await tx.now()
            notice = ChargebackNotice(
                id=f"nt_{new_id()}",
                kind="chargeback",
                chargeback=name or f"cb_{new_id()}",
                client_id=str(payment_id),
                amount_minor=amount_minor,
                currency=currency,
                reason="not_received",
                at="2026-11-22T08:00:00.000000Z",
            )
            return await apply_chargeback(tx, notice, now=now)

    async def block(self, reason: str = "review") -> UUID:
        """Block the seller's payouts."""
        async with self.world.database.begin() as tx:
            return await actions.block_payouts(tx, OPERATOR, self.world.seller_id, reason=reason, now=await tx.now())

    async def lift(self, block_id: UUID) -> None:
        """Lift a block."""
        async with self.world.database.begin() as tx:
            await actions.lift_block(tx, OPERATOR, self.world.seller_id, block_id, now=await tx.now())

    async def balance(self, kind: str, currency: str = "CNY") -> int:
        """Return a locked balance of the seller; 0 if the account was never opened."""
        query = "SELECT coalesce((SELECT balance_minor FROM account WHERE id = :id), 0)"
        return int(await self.world.value(query, id=f"{kind}:{self.world.seller_id}:{currency}"))

    async def alerts(self) -> list[str]:
        """Return the kinds of live alerts."""
        found = await self.world.value(
            "SELECT coalesce(array_agg(kind ORDER BY kind), '{}') FROM alert WHERE cleared_at IS NULL"
        )
        return list(found)

    async def _ask(self, use_case: Any, amount_minor: int, currency: str, actor: Actor | None, key: str | None) -> UUID:
        async with self.world.database.begin() as tx:
            amount = Money(amount_minor, currency)
            who = actor or seller_of(self.world)
            payment = await use_case(tx, who, self.world.seller_id, amount, key=key, now=await tx.now())
            return UUID(str(payment.id))
