"""A seller's money beyond its holds, in memory: operations of the provider, what is owed, blocks, alerts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.core.money import Money
from service.escrow.rules import ScopeKey
from tests.escrow.model import HoldLedger, ModelHold, Names

OPEN = ("requested", "unknown")
_ENDS = {
    ("refund", "done"): ("refund_paid", "refunds", "gateway"),
    ("payout", "done"): ("payout_paid", "payouts", "gateway"),
    ("payout", "failed"): ("payout_returned", "payouts", "payable:{}"),
    ("deposit", "done"): ("deposit_in", "gateway", "deposit:{}"),
    ("deposit_return", "done"): ("payout_paid", "payouts", "gateway"),
    ("deposit_return", "failed"): ("deposit_returned", "payouts", "deposit:{}"),
}


@dataclass
class Operation:
    """What the provider was asked for, as the table `payment` has it. A refund has its hold and its capture."""

    id: UUID
    kind: str
    seller_id: UUID
    amount: Money
    state: str = "requested"
    hold_id: UUID | None = None
    original_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a chargeback did."""

    capture_id: UUID
    amount_minor: int
    owed_minor: int
    unmoved_minor: int


class Ledger(HoldLedger):
    """The whole ledger."""

    def __init__(self, children_of: Names) -> None:
        super().__init__(children_of)
        self.operations: dict[UUID, Operation] = {}
        self.chargebacks: dict[UUID, Taken] = {}
        self.blocks: dict[UUID, tuple[UUID, str]] = {}
        self.alerts: set[tuple[str, str]] = set()

    def balance(self, kind: str, seller_id: UUID, currency: str) -> int:
        return self.balances.get(f"{kind}:{seller_id}:{currency}", 0)

    def name_refund(self, refund_id: UUID, hold_id: UUID) -> None:
        """Take up a refund whose id the database chose; it must be one that is due."""
        hold, amount = self.holds[hold_id], self.refunds_to_come.pop(hold_id)
        self.operations[refund_id] = Operation(
            refund_id, "refund", hold.seller_id, amount, hold_id=hold_id, original_id=hold.payment_id
        )

    def outcome(self, operation: Operation, state: str) -> None:
        """The provider has said how it went; what has ended stays as it ended."""
        if operation.state not in OPEN or state == "pending":
            return
        operation.state = state
        if way := _ENDS.get((operation.kind, state)):
            code, debit, credit = (each.format(operation.seller_id) for each in way)
            self.move(operation.id, code, debit, credit, operation.amount)
        if (operation.kind, state) == ("refund", "failed"):
            self.alerts.add(("refund_failed", str(operation.id)))

    # What is refused, and with which code ---------------------------------------------------------------------------

    def payouts_refused(self, seller_id: UUID) -> str | None:
        is_frozen = ScopeKey.seller(seller_id) in self.scope_counts
        is_blocked = any(seller_id == blocked for blocked, _ in self.blocks.values())
        return "payouts_blocked" if is_frozen or is_blocked else None

    def payout_refused(self, seller_id: UUID, amount: Money) -> str | None:
        if refused := self.payouts_refused(seller_id):
            return refused
        if amount.amount_minor > self.balance("payable", seller_id, amount.currency):
            return "amount_above_balance"
        owed_minor = -self.balance("receivable", seller_id, amount.currency)
        return "payout_is_owed" if amount.amount_minor <= owed_minor else None

    def withdrawal_refused(self, seller_id: UUID, amount: Money) -> str | None:
        if refused := self.payouts_refused(seller_id):
            return refused
        if amount.amount_minor > self.balance("deposit", seller_id, amount.currency):
            return "amount_above_balance"
        owes = any(account.startswith(f"receivable:{seller_id}:") for account in self.balances)
        has_frozen = any(h.seller_id == seller_id and h.is_open and h.freezes for h in self.holds.values())
        return "deposit_locked" if owes or has_frozen else None

    def retry_refused(self, failed: Operation) -> str | None:
        if (failed.kind, failed.state) != ("refund", "failed"):
            return "payment_not_retryable"
        alive = [each for each in self.operations.values() if each.kind == "refund" and each.state != "failed"]
        if any(each.hold_id == failed.hold_id for each in alive):
            return "refund_exists"
        assert failed.original_id is not None
        back = sum(each.amount.amount_minor for each in alive if each.original_id == failed.original_id)
        back += sum(c.amount_minor for c in self.chargebacks.values() if c.capture_id == failed.original_id)
        captured = self.operations[failed.original_id].amount.amount_minor
        return "refund_charged_back" if back + failed.amount.amount_minor > captured else None

    # What moves -----------------------------------------------------------------------------------------------------

    def pay_out(self, payout_id: UUID, seller_id: UUID, asked: Money) -> Money:
        """Net what is owed, send the rest, and return that."""
        owed_minor = -self.balance("receivable", seller_id, asked.currency)
        net = Money(min(owed_minor, asked.amount_minor), asked.currency)
        sent = asked - net
        self.move(payout_id, "net", f"payable:{seller_id}", f"receivable:{seller_id}", net)
        self.move(payout_id, "payout", f"payable:{seller_id}", "payouts", sent)
        self.operations[payout_id] = Operation(payout_id, "payout", seller_id, sent)
        return sent

    def withdraw(self, payout_id: UUID, seller_id: UUID, amount: Money) -> None:
        self.move(payout_id, "deposit_out", f"deposit:{seller_id}", "payouts", amount)
        self.operations[payout_id] = Operation(payout_id, "deposit_return", seller_id, amount)

    def retry(self, refund_id: UUID, failed: Operation) -> None:
        self.alerts.discard(("refund_failed", str(failed.id)))
        self.operations[refund_id] = Operation(
            refund_id, "refund", failed.seller_id, failed.amount, "requested", failed.hold_id, failed.original_id
        )

    def take_back(self, chargeback_id: UUID, capture: Operation, minor: int, now: datetime) -> None:
        """Take from open holds, frozen ones first, then of what was paid out; the buyer has had the rest already."""
        left = minor
        for hold in self._open_of(capture):
            if not left:
                break
            part = hold
            taken = min(left, hold.amount.amount_minor)
            if taken < hold.amount.amount_minor:
                part, _ = self.divide(hold, taken, now)
            self.charge_back(part)
            left -= taken
        owed = Money(min(left, max(0, self._paid_of(capture))), capture.amount.currency)
        self.move(chargeback_id, "chargeback", f"receivable:{capture.seller_id}", "gateway", owed)
        left -= owed.amount_minor
        self.chargebacks[chargeback_id] = Taken(capture.id, minor, owed.amount_minor, left)
        if left:
            self.alerts.add(("chargeback_of_refund", str(chargeback_id)))

    def _open_of(self, capture: Operation) -> list[ModelHold]:
        mine = [hold for hold in self.holds.values() if hold.payment_id == capture.id and hold.is_open]
        return sorted(mine, key=lambda hold: (not hold.freezes, hold.id))

    def _paid_of(self, capture: Operation) -> int:
        """What sellers and fees have had of a capture, less what is owed for it already."""
        owed = sum(taken.owed_minor for taken in self.chargebacks.values() if taken.capture_id == capture.id)
        if capture.kind == "deposit":
            return capture.amount.amount_minor - owed
        shares = [hold.parts for hold in self.holds.values() if hold.payment_id == capture.id and hold.parts]
        return sum(parts.seller.amount_minor + parts.fee.amount_minor for parts in shares) - owed
