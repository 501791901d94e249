"""States of sellers, and why one may not sell; pure."""

from typing import Final, Literal, get_args

from service.core.lifecycle import Lifecycle, row

SELLER: Final = Lifecycle(
    "seller",
    "active",
    [
        row("active", "suspend", "suspended", "operator", "seller.suspended"),
        row("suspended", "reinstate", "active", "operator", "seller.reinstated"),
    ],
)
"""`active` sells. A suspended seller takes no orders and is paid nothing out; what it sold before goes its way."""

SuspensionReason = Literal[
    "authority_order", "identity_unproved", "rules_broken", "suspected_fraud", "unreachable", "unsafe_goods"
]
SUSPENSION_REASONS: Final[tuple[str, ...]] = get_args(SuspensionReason)
