"""What the accounts API takes and gives."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.accounts.people import Contact, GrantRow, KeyRow, PersonRow
from service.accounts.rules import (
    EMAIL_LENGTH_MAX,
    LABEL_LENGTH_MAX,
    NAME_LENGTH_MAX,
    PASSWORD_LENGTH_MAX,
    PASSWORD_LENGTH_MIN,
)
from service.core.actor import Actor, Role

Email = Annotated[str, Meta(min_length=3, max_length=EMAIL_LENGTH_MAX, examples=["mei.lin@example.com"])]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX, examples=["林美"])]
Phone = Annotated[str, Meta(max_length=16, pattern=r"^\+[1-9][0-9]{6,14}(?!\n)$", examples=["+8613800138000"])]
Label = Annotated[str, Meta(min_length=1, max_length=LABEL_LENGTH_MAX, examples=["Order feed"])]
Language = Annotated[Literal["en", "zh"], Meta(examples=["zh"])]
TypedPassword = Annotated[
    str, Meta(min_length=1, max_length=PASSWORD_LENGTH_MAX, examples=["a long phrase nobody else uses"])
]
NewPassword = Annotated[
    str, Meta(min_length=PASSWORD_LENGTH_MIN, max_length=PASSWORD_LENGTH_MAX, examples=["a long phrase of your own"])
]


class SignInRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """E-mail and password."""

    email: Email
    password: TypedPassword


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A buyer's new account."""

    email: Email
    password: NewPassword
    name: Name
    language: Language = "en"
    phone: Phone | None = None


class ProfileChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change about oneself; a field left out stays."""

    name: Name | UnsetType = UNSET
    language: Language | UnsetType = UNSET


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new API key, for one tenant in which the person has a role, and the commons."""

    label: Label
    tenant_id: UUID


class GrantRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role within a tenant; `seller_id` for the role seller, and only for it."""

    role: Role
    tenant_id: UUID
    seller_id: UUID | None = None


class HeldGrant(msgspec.Struct, frozen=True):
    """A role that one has."""

    role: Role
    tenant_id: UUID
    seller_id: UUID | None

    @classmethod
    def all_of(cls, actor: Actor) -> "list[HeldGrant]":
        """Return the actor's grants in a steady order."""
        held = sorted(actor.grants, key=lambda grant: (grant.role, grant.tenant_id, str(grant.seller_id)))
        return [cls(grant.role, grant.tenant_id, grant.seller_id) for grant in held]


class GrantView(msgspec.Struct, frozen=True):
    """A role that somebody has, and since when."""

    id: UUID
    role: Role
    tenant_id: UUID
    seller_id: UUID | None
    granted_at: datetime

    @classmethod
    def of(cls, row: GrantRow) -> "GrantView":
        """Return the view of a grant."""
        return cls(row.id, row.role, row.tenant_id, row.seller_id, row.granted_at)


class SessionView(msgspec.Struct, frozen=True):
    """Who is signed in, until when at the latest. The session itself is the cookie `fairhold_session`."""

    person_id: UUID
    name: str
    language: str
    grants: list[HeldGrant]
    expires_at: datetime


class PersonView(msgspec.Struct, frozen=True):
    """Oneself."""

    id: UUID
    name: str
    email: str | None
    phone: str | None
    language: str
    grants: list[GrantView]

    @classmethod
    def of(cls, row: PersonRow) -> "PersonView":
        """Return the view of a person."""
        grants = [GrantView.of(grant) for grant in row.grants]
        return cls(row.id, row.name, row.email, row.phone, row.language, grants)


class FoundPerson(msgspec.Struct, frozen=True):
    """Somebody found by their exact address."""

    id: UUID
    name: str

    @classmethod
    def of(cls, contact: Contact) -> "FoundPerson":
        """Return the view of a person whom others may give roles."""
        return cls(contact.person_id, contact.name)


class KeyView(msgspec.Struct, frozen=True):
    """An API key; its secret part is not kept and cannot be shown again."""

    id: UUID
    tenant_id: UUID
    label: str
    prefix: str
    created_at: datetime
    revoked_at: datetime | None
    last_used_on: date | None

    @classmethod
    def of(cls, row: KeyRow) -> "KeyView":
        """Return the view of a key."""
        return cls(row.id, row.tenant_id, row.label, row.prefix, row.created_at, row.revoked_at, row.last_used_on)


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made, with the secret, this once."""

    id: UUID
    tenant_id: UUID
    label: str
    prefix: str
    created_at: datetime
    key: Annotated[str, Meta(examples=["fh_rT3…"])]
