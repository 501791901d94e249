"""Reads of held payments and of the scopes that freezes cover."""

from service.escrow.queries.chain import SealView, last_checks, newest_seal
from service.escrow.queries.exposure import OpenHolds, Sweeping, money_by_seller, open_totals, scope_state, sweeping
from service.escrow.queries.holds import get_hold, hold_by_reference, hold_ledger, holds_by_references, holds_page
from service.escrow.queries.moves import (
    are_payouts_blocked,
    balances_of,
    blocks_of,
    deposits_page,
    get_deposit,
    get_payment,
    get_payout,
    payments_page,
    payouts_page,
)
from service.escrow.views import (
    BalanceView,
    BlockView,
    FreezeView,
    HoldView,
    LedgerLine,
    OperationView,
    ScopeFreezeView,
    ScopeState,
    SellerMoney,
)

__all__ = [
    "BalanceView",
    "BlockView",
    "FreezeView",
    "HoldView",
    "LedgerLine",
    "OpenHolds",
    "OperationView",
    "ScopeFreezeView",
    "ScopeState",
    "SealView",
    "SellerMoney",
    "Sweeping",
    "are_payouts_blocked",
    "balances_of",
    "blocks_of",
    "deposits_page",
    "get_deposit",
    "get_hold",
    "get_payment",
    "get_payout",
    "hold_by_reference",
    "hold_ledger",
    "holds_by_references",
    "holds_page",
    "last_checks",
    "money_by_seller",
    "newest_seal",
    "open_totals",
    "payments_page",
    "payouts_page",
    "scope_state",
    "sweeping",
]
