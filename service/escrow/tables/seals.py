"""The seal's chain, its locked heads, the provider's statement, and how far the checks came."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Xid8
from service.db.words import one_of

CHECKS = ("reconcile", "statement", "verify")


class Seal(Base):
    """A block of the chain: all rows of transactions from `from_xid` to before `to_xid`; append-only.

    `row_marks` are the first 4 bytes of each row's hash, in order: they say which row is wrong, when one is.
    """

    __tablename__ = "seal"
    __table_args__ = (
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("from_xid < to_xid", name="range"),
        CheckConstraint("transfer_count >= 0 AND resolution_count >= 0 AND event_count >= 0", name="counts"),
        CheckConstraint("octet_length(previous_hash) = 32 AND octet_length(block_hash) = 32", name="hashes"),
        CheckConstraint("chain_hash = sha256(previous_hash || block_hash)", name="chain"),
        CheckConstraint(
            "octet_length(row_marks) = 4 * (transfer_count + resolution_count + event_count)", name="marks"
        ),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ledger_id: Mapped[UUID]
    format_version: Mapped[int]
    from_xid: Mapped[str] = mapped_column(Xid8)
    to_xid: Mapped[str] = mapped_column(Xid8)
    transfer_count: Mapped[int]
    resolution_count: Mapped[int]
    event_count: Mapped[int]
    at: Mapped[datetime]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    block_hash: Mapped[bytes] = mapped_column(LargeBinary)
    chain_hash: Mapped[bytes] = mapped_column(LargeBinary)
    row_marks: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class SealHead(Base):
    """A head of the chain that lies locked in the object store; append-only."""

    __tablename__ = "seal_head"

    seal_number: Mapped[int] = mapped_column(ForeignKey("seal.number"), primary_key=True, autoincrement=False)
    object_name: Mapped[str]
    locked_at: Mapped[datetime]
    locked_until: Mapped[datetime]


class StatementLine(Base):
    """A line of the provider's statement, as it came: an operation that ended, or a chargeback. Append-only.

    A chargeback's `client_id` is its capture's and `provider_id` the provider's name for it; its state is "done".
    """

    __tablename__ = "statement_line"
    __table_args__ = (Index("statement_line_client_id_idx", "client_id"),)

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    client_id: Mapped[str]
    provider_id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    ended_at: Mapped[datetime]
    read_at: Mapped[datetime]


class LedgerCheck(Base):
    """A check that runs again and again: when it last started and ended, where it goes on, and what it said."""

    __tablename__ = "ledger_check"
    __table_args__ = (CheckConstraint(one_of("name", CHECKS), name="name"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    mark: Mapped[int]
    facts: Mapped[dict[str, Any]]
