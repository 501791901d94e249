"""Steps with a seller's money beyond its holds: outcomes, deposits, payouts, what is owed, chargebacks, blocks."""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from service.core.ids import new_id
from service.core.money import AMOUNT_MINOR_MAX, Money
from service.core.wire import ChargebackNotice
from service.escrow import actions
from service.escrow.actions.chargebacks import apply_chargeback
from service.escrow.rules import BLOCK_REASONS
from tests.escrow.machine import AMOUNTS, CURRENCIES, PICKS, SELLERS, HoldSteps, pick_one
from tests.escrow.model_moves import OPEN, Operation
from tests.escrow.moves import OPERATOR

SAID = st.sampled_from([None, "done", "failed"])
"""What the provider says at once; None: later."""


class Machine(HoldSteps):
    """Everything that can happen to held payments and to what sellers have and owe."""

    @rule(pick=PICKS, state=st.sampled_from(["done", "failed", "unknown", "pending"]))
    def the_provider_says(self, pick: int, state: str) -> None:
        """Most often of an operation that waits for it, and then often of a refund."""
        every = list(self.model.operations.values())
        waiting = [each for each in every if each.state in OPEN]
        refunds = [each for each in waiting if each.kind == "refund"]
        self._say(pick_one((every, waiting, refunds, refunds)[pick % 4] or waiting or every, pick // 4), state)

    @precondition(
        lambda self: any(each.kind == "refund" and each.state in OPEN for each in self.model.operations.values())
    )
    @rule(pick=PICKS)
    def the_provider_pays_a_refund(self, pick: int) -> None:
        """Among all that it may say of anything, chance left refunds unpaid in 200 walks once."""
        every = self.model.operations.values()
        self._say(pick_one([each for each in every if each.kind == "refund" and each.state in OPEN], pick), "done")

    def _say(self, operation: Operation, state: str) -> None:
        async def work(tx: Any, now: Any) -> bool:
            return await actions.record_outcome(tx, operation.id, state=state, now=now)

        is_news = operation.state in OPEN and state not in {"pending", operation.state}
        assert self.ground.attempt(work).value is is_news
        self.model.outcome(operation, state)

    @precondition(lambda self: any(each.kind == "refund" for each in self.model.operations.values()))
    @rule(pick=PICKS)
    def ask_for_a_refund_again(self, pick: int) -> None:
        refunds = [each for each in self.model.operations.values() if each.kind == "refund"]
        failed = [each for each in refunds if each.state == "failed"]
        again = [each for each in failed if self.model.retry_refused(each) == "refund_exists"]
        operation = pick_one((refunds, failed, failed, again)[pick % 4] or refunds, pick // 4)

        async def work(tx: Any, now: Any) -> UUID:
            return (await actions.retry_refund(tx, OPERATOR, operation.id, now=now)).id

        asked = self.ground.attempt(work)
        if self.agree(asked, self.model.retry_refused(operation)):
            self.model.retry(asked.made, operation)

    @rule(
        way=st.sampled_from(["deposit", "withdraw", "payout"]), pick=PICKS, share=st.integers(1, 110), said=SAID,
        amount_minor=AMOUNTS, currency=CURRENCIES, seller=SELLERS,
    )  # fmt: skip
    def move_money_of_a_seller(
        self, way: str, pick: int, share: int, said: str | None, amount_minor: int, currency: str, seller: int
    ) -> None:
        if way == "withdraw" and self.has_any("deposit"):
            self.withdraw_a_deposit(pick, share, said)
        elif way == "payout" and self.has_any("payable"):
            self.pay_out(pick, share, said)
        else:
            self.deposit(self.seller_ids[seller], Money(amount_minor, currency), said)

    def deposit(self, seller_id: UUID, amount: Money, said: str | None) -> None:
        async def work(tx: Any, now: Any) -> UUID:
            return (await actions.request_deposit(tx, OPERATOR, seller_id, amount, now=now)).id

        deposit_id = self.ground.attempt(work).made
        self.model.operations[deposit_id] = Operation(deposit_id, "deposit", seller_id, amount)
        self._say_at_once(deposit_id, said)

    def withdraw_a_deposit(self, pick: int, share: int, said: str | None) -> None:
        seller_id, amount = self._share_of("deposit", pick, share)

        async def work(tx: Any, now: Any) -> UUID:
            return (await actions.withdraw_deposit(tx, OPERATOR, seller_id, amount, now=now)).id

        asked = self.ground.attempt(work)
        if self.agree(asked, self.model.withdrawal_refused(seller_id, amount)):
            self.model.withdraw(asked.made, seller_id, amount)
            self._say_at_once(asked.made, said)

    def pay_out(self, pick: int, share: int, said: str | None) -> None:
        seller_id, amount = self._share_of("payable", pick, share)

        async def work(tx: Any, now: Any) -> tuple[UUID, int]:
            payout = await actions.request_payout(tx, OPERATOR, seller_id, amount, now=now)
            return payout.id, payout.amount_minor

        asked = self.ground.attempt(work)
        if self.agree(asked, self.model.payout_refused(seller_id, amount)):
            payout_id, sent_minor = asked.made
            assert self.model.pay_out(payout_id, seller_id, amount).amount_minor == sent_minor
            self._say_at_once(payout_id, said)

    @rule(pick=PICKS, share=st.integers(1, 100), again=st.booleans())
    def charge_back(self, pick: int, share: int, again: bool) -> None:
        capture = self._capture(pick)
        minor = max(1, capture.amount.amount_minor * share // 100)
        notice = ChargebackNotice(
            id=f"nt_{new_id()}", kind="chargeback", chargeback=f"cb_{new_id()}", client_id=str(capture.id),
            amount_minor=minor, currency=capture.amount.currency, reason="fraud", at="2026-11-22T08:00:00.000000Z",
        )  # fmt: skip

        async def work(tx: Any, now: Any) -> str | None:
            return await apply_chargeback(tx, notice, now=now)

        taken = self.ground.attempt(work)
        assert taken.value == "applied"
        (found,) = self.ground.rows("SELECT id FROM chargeback WHERE provider_id = %s", notice.chargeback)
        self.model.take_back(found.id, capture, minor, taken.now)
        if again:
            assert self.ground.attempt(work).value == "no_change"

    @rule(seller=SELLERS, reason=st.sampled_from(BLOCK_REASONS))
    def block_payouts(self, seller: int, reason: str) -> None:
        seller_id = self.seller_ids[seller]

        async def work(tx: Any, now: Any) -> UUID:
            return await actions.block_payouts(tx, OPERATOR, seller_id, reason=reason, now=now)

        blocked = self.ground.attempt(work)
        exists = (seller_id, reason) in self.model.blocks.values()
        if self.agree(blocked, "block_exists" if exists else None):
            self.model.blocks[blocked.made] = (seller_id, reason)

    @precondition(lambda self: self.model.blocks)
    @rule(pick=PICKS)
    def lift_a_block(self, pick: int) -> None:
        block_id = pick_one(sorted(self.model.blocks), pick)
        seller_id, reason = self.model.blocks[block_id]

        async def work(tx: Any, now: Any) -> None:
            await actions.lift_block(tx, OPERATOR, seller_id, block_id, now=now)

        if self.agree(self.ground.attempt(work), "block_of_suspension" if reason == "suspended" else None):
            del self.model.blocks[block_id]

    @rule(seller=SELLERS)
    def reinstate(self, seller: int) -> None:
        seller_id = self.seller_ids[seller]

        async def work(tx: Any, now: Any) -> None:
            await actions.keep_suspension(tx, OPERATOR, seller_id, is_suspended=False, now=now)

        assert self.agree(self.ground.attempt(work), None)
        kept = self.model.blocks.items()
        self.model.blocks = {block_id: block for block_id, block in kept if block != (seller_id, "suspended")}

    def _capture(self, pick: int) -> Operation:
        """Return a done capture: often one whose refund failed, or whose seller was paid."""
        every = [
            each
            for each in self.model.operations.values()
            if each.kind in {"capture", "deposit"} and each.state == "done"
        ]
        failed = {each.original_id for each in self.model.operations.values() if each.state == "failed"}
        paid = {hold.payment_id for hold in self.model.holds.values() if hold.state in {"released", "split"}}
        wanted = [each for each in every if each.id in (failed, paid, ())[pick % 3]]
        return pick_one(wanted or every, pick // 3)

    def _say_at_once(self, operation_id: UUID, state: str | None) -> None:
        if state is not None:
            self._say(self.model.operations[operation_id], state)

    def has_any(self, kind: str) -> bool:
        return any(account.startswith(kind) for account in self.model.balances)

    def _share_of(self, kind: str, pick: int, share: int) -> tuple[UUID, Money]:
        """Return a seller, and per cent of a balance that it has."""
        found = [account.split(":") for account in sorted(self.model.balances) if account.startswith(kind)]
        owing = [each for each in found if self.model.balance("receivable", UUID(each[1]), each[2])]
        _, owner, currency = pick_one(owing if owing and pick % 2 else found, pick // 2)
        balance = self.model.balance(kind, UUID(owner), currency)
        return UUID(owner), Money(min(max(1, balance * share // 100), AMOUNT_MINOR_MAX), currency)
