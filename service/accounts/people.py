"""People, grants and keys as they are read; pure."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from service.core.actor import Role


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A live grant."""

    id: UUID
    role: Role
    tenant_id: UUID
    seller_id: UUID | None
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as they see themselves, with live grants."""

    id: UUID
    name: str
    email: str | None
    phone: str | None
    language: str
    grants: tuple[GrantRow, ...]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An API key without its secret."""

    id: UUID
    tenant_id: UUID
    label: str
    prefix: str
    created_at: datetime
    revoked_at: datetime | None
    last_used_on: date | None


@dataclass(frozen=True, slots=True)
class Contact:
    """Where to write to a person, and in which language."""

    person_id: UUID
    email: str | None
    phone: str | None
    name: str
    language: str
