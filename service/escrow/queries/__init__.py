"""Reads of held payments and of the scopes that freezes cover."""

from service.escrow.queries.exposure import OpenHolds, Sweeping, money_by_seller, open_totals, scope_state, sweeping
from service.escrow.queries.holds import get_hold, hold_by_reference, hold_ledger, holds_by_references, holds_page
from service.escrow.views import FreezeView, HoldView, LedgerLine, ScopeFreezeView, ScopeState, SellerMoney

__all__ = [
    "FreezeView",
    "HoldView",
    "LedgerLine",
    "OpenHolds",
    "ScopeFreezeView",
    "ScopeState",
    "SellerMoney",
    "Sweeping",
    "get_hold",
    "hold_by_reference",
    "hold_ledger",
    "holds_by_references",
    "holds_page",
    "money_by_seller",
    "open_totals",
    "scope_state",
    "sweeping",
]
