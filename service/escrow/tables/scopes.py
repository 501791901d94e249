"""Scopes, and the freezes of whole scopes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base
from service.db.words import one_of
from service.escrow.rules import SCOPE_KINDS

IN_SCOPE = {
    "batch": "h.batch_id = CAST(:key AS uuid)",
    "seller": "h.seller_id = CAST(:key AS uuid)",
    "seller_product": "h.batch_id IS NULL AND h.seller_id = CAST(split_part(:key, ':', 1) AS uuid)"
    " AND h.product_id = CAST(split_part(:key, ':', 2) AS uuid)",
}
"""SQL that says whether hold `h` lies in the scope of a kind and `:key`; `fairhold_scopes` is its inverse."""


class Scope(Base):
    """A batch, a seller, or a seller's goods of unknown batch. Freezing locks the row FOR UPDATE, paying FOR SHARE."""

    __tablename__ = "scope"
    __table_args__ = (
        CheckConstraint(one_of("kind", SCOPE_KINDS), name="kind"),
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
