"""The use cases of held payments, one function each."""

from service.escrow.actions.blocks import block_payouts, keep_suspension, lift_block
from service.escrow.actions.freezing import freeze_hold, lift_freeze
from service.escrow.actions.holds import claim_hold, refund_hold, settle_hold, start_window, waive_window
from service.escrow.actions.notices import store_notice
from service.escrow.actions.payments import name_batch, record_outcome, request_payment, set_buyer
from service.escrow.actions.payouts import request_deposit, request_payout, withdraw_deposit
from service.escrow.actions.retrying import retry_refund
from service.escrow.actions.scopes import freeze_scopes, lift_scope_freeze
from service.escrow.tables import Payment

__all__ = [
    "Payment",
    "block_payouts",
    "claim_hold",
    "freeze_hold",
    "freeze_scopes",
    "keep_suspension",
    "lift_block",
    "lift_freeze",
    "lift_scope_freeze",
    "name_batch",
    "record_outcome",
    "refund_hold",
    "request_deposit",
    "request_payment",
    "request_payout",
    "retry_refund",
    "set_buyer",
    "settle_hold",
    "start_window",
    "store_notice",
    "waive_window",
    "withdraw_deposit",
]
