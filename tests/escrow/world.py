"""What escrow tests share: payments that a provider has captured, and exact looks at the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from service.core.actor import COMMONS, SYSTEM, Actor, SignIn
from service.core.ids import new_id
from service.core.money import Money
from service.db.session import Database
from service.escrow import actions, queries
from service.escrow.check import reconcile
from service.escrow.queries import HoldView
from service.escrow.rules import ScopeKey
from service.escrow.sweep import release_due

WINDOW = timedelta(days=10)
FEE_BPS = 300
BUYER = Actor(person_id=new_id(), sign_in=SignIn.SESSION)
MEDIATOR = Actor(person_id=new_id(), sign_in=SignIn.SESSION)


@dataclass(frozen=True, slots=True)
class World:
    """A seller with a product and a batch, and a database to trade in."""

    database: Database
    seller_id: UUID = field(default_factory=new_id)
    product_id: UUID = field(default_factory=new_id)
    batch_id: UUID = field(default_factory=new_id)

    async def request(self, amount: Money, *, batch_id: UUID | None = None, reference_id: UUID | None = None) -> UUID:
        """Ask for a payment and return its id."""
        async with self.database.begin() as tx:
            payment = await actions.request_payment(
                tx,
                tenant_id=COMMONS,
                reference_id=reference_id or new_id(),
                seller_id=self.seller_id,
                buyer_id=BUYER.person_id,
                product_id=self.product_id,
                batch_id=batch_id,
                amount=amount,
                fee_bps=FEE_BPS,
                now=await tx.now(),
            )
        return payment.id

    async def fund(
        self, amount_minor: int = 10_000, currency: str = "CNY", *, batch_id: UUID | None = None
    ) -> HoldView:
        """Return a hold whose capture was done."""
        reference_id = new_id()
        payment_id = await self.request(
            Money(amount_minor, currency), batch_id=batch_id or self.batch_id, reference_id=reference_id
        )
        await self.record(payment_id, "done")
        return await self.hold(reference_id)

    async def record(self, payment_id: UUID, state: str) -> bool:
        """Record what the provider said of a payment."""
        async with self.database.begin() as tx:
            return await actions.record_outcome(tx, payment_id, state=state, now=await tx.now())

    async def delivered(self, amount_minor: int = 10_000, *, batch_id: UUID | None = None) -> HoldView:
        """Return a hold whose window runs."""
        hold = await self.fund(amount_minor, batch_id=batch_id)
        await self.deliver(hold.id)
        return await self.hold(hold.reference_id)

    async def deliver(self, hold_id: UUID, window: timedelta = WINDOW) -> None:
        """Prove the delivery now."""
        async with self.database.begin() as tx:
            await actions.start_window(
                tx, hold_id, window=window, proof_kind="carrier", proof_id=new_id(), now=await tx.now()
            )

    async def claim(self, hold_id: UUID, claimed_minor: int, source_id: UUID) -> UUID:
        """Claim and return the frozen hold's id."""
        async with self.database.begin() as tx:
            hold = await actions.claim_hold(
                tx, BUYER, hold_id, claimed_minor=claimed_minor, source_id=source_id, now=await tx.now()
            )
            return hold.id

    async def settle(self, hold_id: UUID, buyer_minor: int, source_id: UUID) -> None:
        """Carry out a decision."""
        async with self.database.begin() as tx:
            await actions.settle_hold(
                tx,
                MEDIATOR,
                hold_id,
                buyer_minor=buyer_minor,
                decided_by=new_id(),
                source_id=source_id,
                now=await tx.now(),
            )

    async def refund(self, hold_id: UUID) -> None:
        """Refund a whole hold."""
        async with self.database.begin() as tx:
            await actions.refund_hold(tx, SYSTEM, hold_id, decided_by=new_id(), now=await tx.now())

    async def waive(self, hold_id: UUID, actor: Actor = BUYER) -> None:
        """Give the window up."""
        async with self.database.begin() as tx:
            await actions.waive_window(tx, actor, hold_id, now=await tx.now())

    async def freeze(self, hold_id: UUID, source_id: UUID) -> None:
        """Freeze one hold."""
        async with self.database.begin() as tx:
            await actions.freeze_hold(
                tx, SYSTEM, hold_id, kind="unreachable_seller", source_id=source_id, now=await tx.now()
            )

    async def lift(self, source_id: UUID) -> int:
        """Lift a source's freezes."""
        async with self.database.begin() as tx:
            return await actions.lift_freeze(tx, SYSTEM, source_id=source_id, now=await tx.now())

    async def freeze_scopes(self, *scopes: ScopeKey, expires_in: timedelta | None = None) -> UUID:
        """Freeze scopes; the holds are paused by the job."""
        async with self.database.begin() as tx:
            now = await tx.now()
            expires_at = None if expires_in is None else now + expires_in
            return await actions.freeze_scopes(
                tx, MEDIATOR, scopes, reason="signal", source_id=new_id(), expires_at=expires_at, now=now
            )

    async def lift_scopes(self, freeze_id: UUID) -> None:
        """Lift a scope freeze."""
        async with self.database.begin() as tx:
            await actions.lift_scope_freeze(tx, MEDIATOR, freeze_id, now=await tx.now())

    async def sweep(self, limit: int = 500) -> int:
        """Release what is due."""
        async with self.database.begin() as tx:
            return await release_due(tx, now=await tx.now(), limit=limit)

    async def hold(self, reference_id: UUID) -> HoldView:
        """Return a reference's undivided hold with its children."""
        async with self.database.begin() as tx:
            found = await queries.hold_by_reference(tx, reference_id)
        assert found is not None
        return found

    async def lines(self, hold_id: UUID) -> list[tuple[str, str, str, int]]:
        """Return a hold's ledger: code, kinds of the debited and credited account, amount."""
        async with self.database.begin() as tx:
            found = await queries.hold_ledger(tx, hold_id)
        return [
            (line.code, line.debit_account.split(":")[0], line.credit_account.split(":")[0], line.amount.amount_minor)
            for line in found
        ]

    async def balances(self, currency: str = "CNY") -> Mapping[str, int]:
        """Return every account's balance by its kind, credits less debits; those at zero are left out."""
        async with self.database.begin() as tx:
            found = await tx.execute(
                text(
                    "SELECT split_part(account, ':', 1) AS kind, sum(signed)::bigint AS balance FROM ("
                    " SELECT credit_account AS account, amount_minor AS signed FROM transfer WHERE currency = :currency"
                    " UNION ALL SELECT debit_account, -amount_minor FROM transfer WHERE currency = :currency) s"
                    " GROUP BY 1 HAVING sum(signed) <> 0"
                ),
                {"currency": currency},
            )
            return {row.kind: row.balance for row in found}

    async def payable(self, currency: str = "CNY") -> int:
        """Return the seller's locked balance."""
        return int(
            await self.value(
                "SELECT balance_minor FROM account WHERE id = :id", id=f"payable:{self.seller_id}:{currency}"
            )
        )

    async def capture_of(self, hold_id: UUID) -> UUID:
        """Return the payment that funded a hold."""
        return UUID(str(await self.value("SELECT payment_id FROM hold WHERE id = :id", id=hold_id)))

    async def value(self, query: str, **parameters: Any) -> Any:
        """Return one value."""
        async with self.database.begin() as tx:
            return (await tx.execute(text(query), parameters)).scalar_one()

    async def assert_clean(self) -> None:
        """Reconcile."""
        async with self.database.begin() as tx:
            assert await reconcile(tx) == []
