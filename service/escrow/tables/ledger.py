"""Accounts, transfers, and the one end of a hold."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Xid8
from service.escrow.rules import CAUSES
from service.escrow.tables.words import one_of


def _fee_of(gross: str) -> str:
    """Return SQL for the fee, rounded down; in two steps, because amount times basis points can pass bigint."""
    return f"({gross} / 10000 * fee_bps + mod({gross}, 10000) * fee_bps / 10000)"


class Account(Base):
    """A ledger account. Its id ends with its currency ("held:CNY", "payable:SELLER:CNY"), which transfers check.

    Balances are credits less debits. Only `locked` accounts carry one: never below zero, or never above it
    for a receivable (what a seller owes us). That of `derived` ones is the sum of their transfers.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("id", "currency"),
        CheckConstraint("right(id, 4) = ':' || currency AND currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("split_part(id, ':', 1) = kind", name="kind"),
        CheckConstraint("balance_mode IN ('locked', 'derived')", name="balance_mode"),
        CheckConstraint(
            "(balance_mode = 'locked') = (kind IN ('payable', 'deposit', 'receivable'))", name="locked_kinds"
        ),
        CheckConstraint(
            "CASE kind WHEN 'receivable' THEN balance_minor <= 0 ELSE balance_minor >= 0 END", name="balance"
        ),
        CheckConstraint("balance_mode = 'locked' OR balance_minor = 0", name="derived_balance"),
        Index("account_owner_idx", "owner_id", postgresql_where=text("owner_id IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    owner_id: Mapped[UUID | None]
    currency: Mapped[str]
    balance_mode: Mapped[str]
    balance_minor: Mapped[int] = mapped_column(server_default=text("0"))


class Transfer(Base):
    """One debit and one credit of one amount; append-only. The subject is a hold, an operation or a chargeback."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("right(debit_account, 4) = ':' || currency", name="debit_currency"),
        CheckConstraint("right(credit_account, 4) = ':' || currency", name="credit_currency"),
        CheckConstraint(
            "CASE code"
            " WHEN 'fund' THEN (debit_account LIKE 'gateway:%' OR debit_account LIKE 'dividing:%')"
            "  AND credit_account LIKE 'held:%'"
            " WHEN 'divide' THEN debit_account LIKE 'held:%' AND credit_account LIKE 'dividing:%'"
            " WHEN 'release' THEN debit_account LIKE 'held:%' AND credit_account LIKE 'payable:%'"
            " WHEN 'fee' THEN debit_account LIKE 'held:%' AND credit_account LIKE 'fees:%'"
            " WHEN 'refund' THEN debit_account LIKE 'held:%' AND credit_account LIKE 'refunds:%'"
            " WHEN 'charge_back' THEN debit_account LIKE 'held:%' AND credit_account LIKE 'gateway:%'"
            " WHEN 'refund_paid' THEN debit_account LIKE 'refunds:%' AND credit_account LIKE 'gateway:%'"
            " WHEN 'net' THEN debit_account LIKE 'payable:%'"
            "  AND credit_account = 'receivable' || substr(debit_account, 8)"
            " WHEN 'payout' THEN debit_account LIKE 'payable:%' AND credit_account LIKE 'payouts:%'"
            " WHEN 'payout_paid' THEN debit_account LIKE 'payouts:%' AND credit_account LIKE 'gateway:%'"
            " WHEN 'payout_returned' THEN debit_account LIKE 'payouts:%' AND credit_account LIKE 'payable:%'"
            " WHEN 'deposit_in' THEN debit_account LIKE 'gateway:%' AND credit_account LIKE 'deposit:%'"
            " WHEN 'deposit_out' THEN debit_account LIKE 'deposit:%' AND credit_account LIKE 'payouts:%'"
            " WHEN 'deposit_returned' THEN debit_account LIKE 'payouts:%' AND credit_account LIKE 'deposit:%'"
            " WHEN 'chargeback' THEN debit_account LIKE 'receivable:%' AND credit_account LIKE 'gateway:%'"
            " ELSE false END",
            name="code",
        ),
        CheckConstraint(
            "(code IN ('release', 'fee', 'fund', 'refund', 'divide', 'charge_back')) = (hold_id IS NOT NULL)",
            name="hold",
        ),
        Index("transfer_hold_idx", "hold_id", postgresql_where=text("hold_id IS NOT NULL AND hold_id <> subject_id")),
    )

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    hold_id: Mapped[UUID | None]
    debit_account: Mapped[str]
    credit_account: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    at: Mapped[datetime]


class Resolution(Base):
    """The one and only end of a hold; append-only. Its trigger does the rest, or fails whole.

    The parts are CHECKed to make up the amount, and the trigger that amount, currency, fee, seller and tenant are the
    hold's.
    """

    __tablename__ = "resolution"
    __table_args__ = (
        CheckConstraint(one_of("cause", CAUSES), name="cause"),
        CheckConstraint(
            "buyer_minor >= 0 AND seller_minor >= 0 AND fee_minor >= 0 AND claimed_minor >= 0 AND rest_minor >= 0",
            name="parts_sign",
        ),
        CheckConstraint(
            "buyer_minor + seller_minor + fee_minor + claimed_minor + rest_minor = amount_minor", name="parts"
        ),
        CheckConstraint(f"fee_minor = {_fee_of('(seller_minor + fee_minor)')}", name="fee"),
        CheckConstraint(
            "CASE outcome"
            " WHEN 'released' THEN seller_minor + fee_minor = amount_minor"
            " WHEN 'refunded' THEN buyer_minor = amount_minor"
            " WHEN 'charged_back' THEN buyer_minor = amount_minor"
            " WHEN 'split' THEN buyer_minor > 0 AND seller_minor + fee_minor > 0 AND claimed_minor + rest_minor = 0"
            " WHEN 'divided' THEN claimed_minor > 0 AND rest_minor > 0 AND claimed_minor + rest_minor = amount_minor"
            " ELSE false END",
            name="outcome",
        ),
        CheckConstraint(
            "(outcome = 'divided') = (claimed_hold_id IS NOT NULL)"
            " AND (outcome = 'divided') = (rest_hold_id IS NOT NULL) AND claimed_hold_id <> rest_hold_id",
            name="children",
        ),
    )

    hold_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    seller_id: Mapped[UUID]
    outcome: Mapped[str]
    cause: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    fee_bps: Mapped[int]
    buyer_minor: Mapped[int]
    seller_minor: Mapped[int]
    fee_minor: Mapped[int]
    claimed_minor: Mapped[int] = mapped_column(server_default=text("0"))
    rest_minor: Mapped[int] = mapped_column(server_default=text("0"))
    claimed_hold_id: Mapped[UUID | None]
    rest_hold_id: Mapped[UUID | None]
    decision_id: Mapped[UUID | None]
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime]
    xid: Mapped[str] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
