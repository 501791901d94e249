"""Tables of the ledger, held payments, freezes and the provider's operations.

What must never happen is refused here or in the migrations' SQL (`30_escrow.sql` and later), which holds the triggers
and privileges: only the trigger of `resolution` ends a hold, only triggers write a hold's transfers and count its
freezes.
"""

from service.escrow.tables.alerts import Alert
from service.escrow.tables.holds import Hold, HoldDue, HoldFreeze
from service.escrow.tables.ledger import Account, Resolution, Transfer
from service.escrow.tables.moves import Chargeback, HoldNearLimit, LimitWatch, PayoutBlock
from service.escrow.tables.payments import GatewayNotice, Payment
from service.escrow.tables.scopes import IN_SCOPE, Scope, ScopeFreeze, ScopeFreezeMember
from service.escrow.tables.seals import LedgerCheck, Seal, SealHead, StatementLine

__all__ = [
    "IN_SCOPE",
    "Account",
    "Alert",
    "Chargeback",
    "GatewayNotice",
    "Hold",
    "HoldDue",
    "HoldFreeze",
    "HoldNearLimit",
    "LedgerCheck",
    "LimitWatch",
    "Payment",
    "PayoutBlock",
    "Resolution",
    "Scope",
    "ScopeFreeze",
    "ScopeFreezeMember",
    "Seal",
    "SealHead",
    "StatementLine",
    "Transfer",
]
