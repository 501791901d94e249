"""Tables of the ledger, held payments, freezes and the provider's operations.

What must never happen is refused here or in `30_escrow.sql`, which holds the triggers and privileges: only the trigger
of `resolution` ends a hold, only triggers write a hold's transfers and count its freezes.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Xid8
from service.escrow.rules import (
    CAUSES,
    FREEZE_KINDS,
    HOLD,
    OPEN_STATES,
    PAYMENT,
    PAYMENT_KINDS,
    PROOF_KINDS,
    SCOPE_KINDS,
)


def _one_of(column: str, words: tuple[str, ...] | frozenset[str]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in sorted(words))})"


def _fee_of(gross: str) -> str:
    """Return SQL for the fee, rounded down; in two steps, because amount times basis points can pass bigint."""
    return f"({gross} / 10000 * fee_bps + mod({gross}, 10000) * fee_bps / 10000)"


_OPEN = _one_of("state", OPEN_STATES)
IN_SCOPE = {
    "batch": "h.batch_id = CAST(:key AS uuid)",
    "seller": "h.seller_id = CAST(:key AS uuid)",
    "seller_product": "h.batch_id IS NULL AND h.seller_id = CAST(split_part(:key, ':', 1) AS uuid)"
    " AND h.product_id = CAST(split_part(:key, ':', 2) AS uuid)",
}
"""SQL that says whether hold `h` lies in the scope of a kind and `:key`; `fairhold_scopes` is its inverse."""


class Account(Base):
    """A ledger account. Its id ends with its currency ("held:CNY", "payable:SELLER:CNY"), which transfers check.

    Only `locked` accounts carry a balance, which may not fall below zero; that of `derived` ones is the sum of their
    transfers.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("id", "currency"),
        CheckConstraint("right(id, 4) = ':' || currency AND currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("split_part(id, ':', 1) = kind", name="kind"),
        CheckConstraint("balance_mode IN ('locked', 'derived')", name="balance_mode"),
        CheckConstraint("(balance_mode = 'locked') = (kind IN ('payable', 'deposit'))", name="locked_kinds"),
        CheckConstraint("balance_minor >= 0", name="balance"),
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
    """One debit and one credit of one amount. The subject is a hold, or the payment that left; append-only."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("right(debit_account, 4) = ':' || currency", name="debit_currency"),
        CheckConstraint("right(credit_account, 4) = ':' || currency", name="credit_currency"),
        CheckConstraint(
            "CASE code"
            " WHEN 'fund' THEN debit_account ~ '^(gateway|dividing):' AND credit_account ~ '^held:'"
            " WHEN 'divide' THEN debit_account ~ '^held:' AND credit_account ~ '^dividing:'"
            " WHEN 'release' THEN debit_account ~ '^held:' AND credit_account ~ '^payable:'"
            " WHEN 'fee' THEN debit_account ~ '^held:' AND credit_account ~ '^fees:'"
            " WHEN 'refund' THEN debit_account ~ '^held:' AND credit_account ~ '^refunds:'"
            " WHEN 'charge_back' THEN debit_account ~ '^held:' AND credit_account ~ '^gateway:'"
            " WHEN 'refund_paid' THEN debit_account ~ '^refunds:' AND credit_account ~ '^gateway:'"
            " ELSE false END",
            name="code",
        ),
        CheckConstraint("(code = 'refund_paid') = (hold_id IS NULL)", name="hold"),
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


class Payment(Base):
    """An operation that the provider is asked for. Its id is the client id that the provider sees, for ever.

    A capture carries the facts of the hold that it will fund. A refund names its hold and the capture.
    """

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "original_id"], ["payment.tenant_id", "payment.id"]),
        CheckConstraint(_one_of("kind", PAYMENT_KINDS), name="kind"),
        CheckConstraint(_one_of("state", PAYMENT.states), name="state"),
        CheckConstraint("(state IN ('done', 'failed')) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("fee_bps BETWEEN 0 AND 10000", name="fee"),
        CheckConstraint("(kind = 'refund') = (hold_id IS NOT NULL)", name="refund_hold"),
        CheckConstraint("(kind = 'refund') = (original_id IS NOT NULL)", name="refund_original"),
        Index(
            "payment_live_capture_key",
            "reference_id",
            unique=True,
            postgresql_where=text("kind = 'capture' AND state <> 'failed'"),
        ),
        Index(
            "payment_live_refund_key",
            "hold_id",
            unique=True,
            postgresql_where=text("kind = 'refund' AND state <> 'failed'"),
        ),
        Index("payment_reference_idx", "reference_id"),
        Index("payment_open_idx", "requested_at", postgresql_where=text("state IN ('requested', 'unknown')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    kind: Mapped[str]
    reference_id: Mapped[UUID]
    hold_id: Mapped[UUID | None]
    original_id: Mapped[UUID | None]
    seller_id: Mapped[UUID]
    buyer_id: Mapped[UUID | None]
    product_id: Mapped[UUID]
    batch_id: Mapped[UUID | None]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    fee_bps: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=text("'requested'"))
    reason: Mapped[str | None]
    asked_count: Mapped[int] = mapped_column(server_default=text("0"))
    requested_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Hold(Base):
    """The held payment of one order (`reference_id`), or a part of one that was divided.

    Inserting a hold writes its funding transfer; inserting a resolution ends it. `window_ends_at` runs only in the
    window with no freeze; `window_left_seconds` is what a frozen window has left. The window's columns are empty before
    delivery and after the end.
    """

    __tablename__ = "hold"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payment.tenant_id", "payment.id"]),
        ForeignKeyConstraint(["tenant_id", "parent_hold_id"], ["hold.tenant_id", "hold.id"]),
        CheckConstraint(_one_of("state", HOLD.states), name="state"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("fee_bps BETWEEN 0 AND 10000", name="fee"),
        CheckConstraint("freeze_count >= 0", name="freeze_count"),
        CheckConstraint(
            "(window_ends_at IS NOT NULL) = (state = 'in_window' AND freeze_count = 0)", name="window_runs"
        ),
        CheckConstraint(
            "(window_left_seconds IS NOT NULL) = (state = 'in_window' AND freeze_count > 0)", name="window_paused"
        ),
        CheckConstraint("window_left_seconds >= 0", name="window_left"),
        CheckConstraint(f"({_OPEN}) = (ended_at IS NULL)", name="ended"),
        CheckConstraint("(delivered_at IS NULL) = (proof_kind IS NULL)", name="proof"),
        CheckConstraint(_one_of("proof_kind", PROOF_KINDS), name="proof_kind"),
        Index("hold_payment_key", "payment_id", unique=True, postgresql_where=text("parent_hold_id IS NULL")),
        Index("hold_due_idx", "window_ends_at", postgresql_where=text("window_ends_at IS NOT NULL")),
        Index("hold_reference_idx", "reference_id"),
        Index("hold_parent_idx", "parent_hold_id", postgresql_where=text("parent_hold_id IS NOT NULL")),
        Index("hold_batch_idx", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
        Index("hold_open_seller_idx", "seller_id", "product_id", postgresql_where=text(_OPEN)),
        Index("hold_tenant_idx", "tenant_id", "id"),
        Index("hold_seller_idx", "seller_id", "id"),
        Index("hold_buyer_idx", "buyer_id", "id", postgresql_where=text("buyer_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    reference_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    parent_hold_id: Mapped[UUID | None]
    seller_id: Mapped[UUID]
    buyer_id: Mapped[UUID | None]
    product_id: Mapped[UUID]
    batch_id: Mapped[UUID | None]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    fee_bps: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=text("'awaiting_delivery'"))
    freeze_count: Mapped[int] = mapped_column(server_default=text("0"))
    window_ends_at: Mapped[datetime | None]
    window_left_seconds: Mapped[int | None]
    has_used_floor: Mapped[bool] = mapped_column(server_default=text("false"))
    funded_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    proof_kind: Mapped[str | None]
    proof_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]


class HoldFreeze(Base):
    """A reason that a hold's seller may not be paid, from `at` until `lifted_at`. One live row per hold and source."""

    __tablename__ = "hold_freeze"
    __table_args__ = (
        CheckConstraint(_one_of("kind", FREEZE_KINDS), name="kind"),
        CheckConstraint("lifted_at >= at", name="lifted"),
        Index("hold_freeze_live_key", "hold_id", "source_id", unique=True, postgresql_where=text("lifted_at IS NULL")),
        Index("hold_freeze_source_idx", "source_id", postgresql_where=text("lifted_at IS NULL")),
        Index("hold_freeze_hold_idx", "hold_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(ForeignKey("hold.id"))
    kind: Mapped[str]
    source_id: Mapped[UUID]
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[UUID | None]


class Resolution(Base):
    """The one and only end of a hold; append-only. Its trigger does the rest, or fails whole.

    The parts are CHECKed to make up the amount, and the trigger that amount, currency, fee, seller and tenant are the
    hold's.
    """

    __tablename__ = "resolution"
    __table_args__ = (
        CheckConstraint(_one_of("cause", CAUSES), name="cause"),
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


class Scope(Base):
    """A batch, a seller, or a seller's goods of unknown batch. Freezing locks the row FOR UPDATE, paying FOR SHARE."""

    __tablename__ = "scope"
    __table_args__ = (
        CheckConstraint(_one_of("kind", SCOPE_KINDS), name="kind"),
        CheckConstraint("freeze_count >= 0", name="freeze_count"),
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    freeze_count: Mapped[int] = mapped_column(server_default=text("0"))


class ScopeFreeze(Base):
    """A freeze of whole scopes, in force from its commit until `lifted_at`. Holds are paused behind it, in chunks."""

    __tablename__ = "scope_freeze"
    __table_args__ = (
        CheckConstraint("lifted_at >= at", name="lifted"),
        Index("scope_freeze_source_idx", "source_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str]
    source_id: Mapped[UUID]
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[UUID | None]


class ScopeFreezeMember(Base):
    """A scope that a freeze covers; inserting it counts on the scope's row."""

    __tablename__ = "scope_freeze_member"
    __table_args__ = (
        ForeignKeyConstraint(["kind", "key"], ["scope.kind", "scope.key"]),
        Index("scope_freeze_member_scope_idx", "kind", "key"),
    )

    freeze_id: Mapped[UUID] = mapped_column(ForeignKey("scope_freeze.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)


class GatewayNotice(Base):
    """A notice of the provider as it came, stored before anything is done with it; the same id is stored once."""

    __tablename__ = "gateway_notice"
    __table_args__ = (
        CheckConstraint("outcome IN ('applied', 'no_change', 'unknown_payment', 'differs')", name="outcome"),
        CheckConstraint("(applied_at IS NULL) = (outcome IS NULL)", name="applied"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
