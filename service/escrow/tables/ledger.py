"""Accounts, transfers, and the one end of a hold."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Xid8
from service.db.words import one_of
from service.escrow.rules import CAUSES


def _fee_of(gross: str) -> str:
    """Return SQL for the fee, rounded down; in two steps, because amount times basis points can pass bigint."""
    return f"({gross} / 10000 * fee_bps + mod({gross}, 10000) * fee_bps / 10000)"


MOVES_OF_HOLDS = (
    "release held payable",
    "fee held fees",
    "fund gateway held",
    "fund dividing held",
    "refund held refunds",
    "divide held dividing",
    "charge_back held gateway",
)
MOVES = (
    "refund_paid refunds gateway",
    "net payable receivable",
    "payout payable payouts",
    "payout_paid payouts gateway",
    "payout_returned payouts payable",
    "deposit_in gateway deposit",
    "deposit_out deposit payouts",
    "deposit_returned payouts deposit",
    "chargeback receivable gateway",
)
"""Which code moves money from which kind of account to which: with a hold, and without one."""


def _texts(words: tuple[str, ...]) -> str:
    return "ARRAY[" + ", ".join(f"'{each}'" for each in words) + "]"


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
        CheckConstraint(
            "split_part(debit_account, ':', -1) = currency AND split_part(credit_account, ':', -1) = currency",
            name="currency",
        ),
        CheckConstraint(
            "code || ' ' || split_part(debit_account, ':', 1) || ' ' || split_part(credit_account, ':', 1)"
            f" = ANY (CASE WHEN hold_id IS NULL THEN {_texts(MOVES)} ELSE {_texts(MOVES_OF_HOLDS)} END)",
            name="code",
        ),
        CheckConstraint("code <> 'net' OR substr(debit_account, 9) = substr(credit_account, 12)", name="net"),
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
