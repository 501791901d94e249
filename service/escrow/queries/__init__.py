"""Reads of held payments and of the scopes that freezes cover."""

from service.escrow.queries.exposure import money_by_seller, scope_state
from service.escrow.queries.holds import get_hold, hold_by_reference, hold_ledger, holds_page
from service.escrow.views import FreezeView, HoldView, LedgerLine, ScopeFreezeView, ScopeState, SellerMoney

__all__ = [
    "FreezeView",
    "HoldView",
    "LedgerLine",
    "ScopeFreezeView",
    "ScopeState",
    "SellerMoney",
    "get_hold",
    "hold_by_reference",
    "hold_ledger",
    "holds_page",
    "money_by_seller",
    "scope_state",
]
