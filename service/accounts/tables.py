"""Tables of tenants, people, grants, keys and sessions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base


class Tenant(Base):
    """A platform, or `commons` for anonymous and off-platform cases."""

    __tablename__ = "tenant"
    __table_args__ = (CheckConstraint("kind IN ('commons', 'platform')", name="kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    created_at: Mapped[datetime | None]
