"""Tables of sellers and of who sells for whom."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base


class Seller(Base):
    """A shop, person or company. Common to all tenants: the same seller sells on many platforms."""

    __tablename__ = "seller"
    __table_args__ = (
        CheckConstraint("kind IN ('shop', 'person', 'company', 'brand', 'factory')", name="kind"),
        CheckConstraint("status IN ('active', 'suspended')", name="status"),
        CheckConstraint("verification IN ('none', 'basic', 'verified')", name="verification"),
        Index(
            "seller_registration_key", "country", "registration_number", unique=True,
            postgresql_where="registration_number IS NOT NULL",
        ),
        Index("seller_name_begins_idx", "name_key"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_zh: Mapped[str]
    name_key: Mapped[str]
    kind: Mapped[str]
    country: Mapped[str]
    registration_number: Mapped[str | None]
    status: Mapped[str]
    verification: Mapped[str]
    registered_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    registered_at: Mapped[datetime]


class AgentLink(Base):
    """`agent_id` sells goods of `principal_id`. Links form a tree under a brand owner."""

    __tablename__ = "agent_link"
    __table_args__ = (
        UniqueConstraint("agent_id", "principal_id"),
        CheckConstraint("agent_id <> principal_id", name="not_itself"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("seller.id"))
    principal_id: Mapped[UUID] = mapped_column(ForeignKey("seller.id"), index=True)
    since: Mapped[datetime]
