"""Tables of tenants, people, grants, keys and sessions."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.core.actor import Role
from service.db.base import Base

_ROLES = ", ".join(f"'{role}'" for role in Role)


class Tenant(Base):
    """A platform, or `commons` for anonymous and off-platform cases."""

    __tablename__ = "tenant"
    __table_args__ = (CheckConstraint("kind IN ('commons', 'platform')", name="kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    created_at: Mapped[datetime | None]


class Person(Base):
    """A global account. Contact data can be erased; ids and grants stay."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("language IN ('en', 'zh')", name="language"),
        CheckConstraint("password_hash LIKE '$argon2id$%'", name="password_hash"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    phone: Mapped[str | None]
    name: Mapped[str]
    language: Mapped[str]
    password_hash: Mapped[str | None]
    email_verified_at: Mapped[datetime | None]
    phone_verified_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class RoleGrant(Base):
    """What a person may be, within a tenant; live until revoked, and kept."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint(f"role IN ({_ROLES})", name="role"),
        CheckConstraint("(role = 'seller') = (seller_id IS NOT NULL)", name="seller"),
        CheckConstraint("revoked_at >= granted_at", name="revoked"),
        Index(
            "role_grant_live_key",
            "person_id",
            "role",
            "tenant_id",
            "seller_id",
            unique=True,
            postgresql_where="revoked_at IS NULL",
            postgresql_nulls_not_distinct=True,
        ),
        Index("role_grant_seller_idx", "seller_id", postgresql_where="seller_id IS NOT NULL AND revoked_at IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    role: Mapped[str]
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    seller_id: Mapped[UUID | None] = mapped_column(ForeignKey("seller.id"))
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    granted_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ApiKey(Base):
    """A bearer key of a person, good for one tenant and the commons. Only its SHA-256 is kept."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("octet_length(key_hash) = 32", name="key_hash"),
        Index("api_key_person_idx", "person_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    label: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_on: Mapped[date | None]


class SignInSession(Base):
    """A signed-in browser. The cookie holds the token; only its SHA-256 is kept."""

    __tablename__ = "sign_in_session"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
        CheckConstraint("expires_at > created_at", name="expires"),
        Index("sign_in_session_person_idx", "person_id", postgresql_where="ended_at IS NULL"),
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class CasePass(Base):
    """What a receipt gives for an hour: a token that opens one case, for whoever holds it. Only its SHA-256 is kept."""

    __tablename__ = "case_pass"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
        Index("case_pass_expires_idx", "expires_at"),
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("complaint.id"))
    language: Mapped[str]
    expires_at: Mapped[datetime]
