"""Reads of people, grants and keys."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select

from service.accounts.people import Contact, GrantRow, KeyRow, PersonRow
from service.accounts.rules import fold_email
from service.accounts.tables import ApiKey, Person, RoleGrant
from service.core.actor import Actor, Role
from service.core.errors import NotFound
from service.db.session import Tx

KEYS_SHOWN_MAX = 200
GRANTS_SHOWN_MAX = 500


async def own_profile(tx: Tx, actor: Actor) -> PersonRow:
    """Return the signed-in person. With an API key, the grants are those that the key has."""
    person = await _person(tx, actor.person_id)
    held = {(grant.role, grant.tenant_id, grant.seller_id) for grant in actor.grants}
    grants = [each for each in await _live_grants(tx, person.id) if (each.role, each.tenant_id, each.seller_id) in held]
    return PersonRow(person.id, person.name, person.email, person.phone, person.language, tuple(grants))


async def grants_of(tx: Tx, actor: Actor, person_id: UUID) -> list[GrantRow]:
    """Return a person's live grants: all to operators, those in their own tenants to supervisors.

    Raises `NotFound` ("person_not_found").
    """
    person = await _person(tx, person_id)
    tenants = actor.tenants(Role.SUPERVISOR)
    sees_all = actor.has(Role.OPERATOR)
    return [each for each in await _live_grants(tx, person.id) if sees_all or each.tenant_id in tenants]


async def own_keys(tx: Tx, actor: Actor) -> list[KeyRow]:
    """Return the actor's API keys, newest first, revoked ones too."""
    found = await tx.scalars(
        select(ApiKey).where(ApiKey.person_id == actor.person_id).order_by(ApiKey.id.desc()).limit(KEYS_SHOWN_MAX)
    )
    return [key_row(key) for key in found]


async def person_by_email(tx: Tx, email: str) -> Contact:
    """Return the person with exactly this address; raises `NotFound` ("person_not_found"), `Invalid`."""
    person = await tx.scalar(select(Person).where(Person.email == fold_email(email)))
    if person is None:
        raise NotFound("person_not_found", "nobody has this address")
    return _contact(person)


async def person_names(tx: Tx, person_ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Return the names of people; unknown ids are left out."""
    found = await tx.execute(select(Person.id, Person.name).where(Person.id.in_(list(person_ids))))
    return {row.id: row.name for row in found}


async def contacts(tx: Tx, person_ids: Collection[UUID]) -> Mapping[UUID, Contact]:
    """Return where to write to people; for notices, which check that the person may get them."""
    found = await tx.scalars(select(Person).where(Person.id.in_(list(person_ids))))
    return {person.id: _contact(person) for person in found}


async def people_with_role(tx: Tx, role: Role, tenant_ids: Collection[UUID]) -> list[UUID]:
    """Return who holds a role in any of the tenants, longest first."""
    found = await tx.execute(
        select(RoleGrant.person_id)
        .where(RoleGrant.role == role, RoleGrant.tenant_id.in_(list(tenant_ids)), RoleGrant.revoked_at.is_(None))
        .order_by(RoleGrant.granted_at, RoleGrant.id)
    )
    return list(dict.fromkeys(row.person_id for row in found))


async def people_of_seller(tx: Tx, seller_id: UUID) -> list[UUID]:
    """Return who acts for a seller, longest first."""
    found = await tx.execute(
        select(RoleGrant.person_id)
        .where(RoleGrant.seller_id == seller_id, RoleGrant.revoked_at.is_(None))
        .order_by(RoleGrant.granted_at, RoleGrant.id)
    )
    return list(dict.fromkeys(row.person_id for row in found))


async def people_of_sellers(tx: Tx, seller_ids: Collection[UUID]) -> list[UUID]:
    """Return who acts for any of the sellers, sorted."""
    found = await tx.scalars(
        select(RoleGrant.person_id)
        .where(RoleGrant.seller_id.in_(list(seller_ids)), RoleGrant.revoked_at.is_(None))
        .distinct()
        .order_by(RoleGrant.person_id)
    )
    return list(found)


def key_row(key: ApiKey) -> KeyRow:
    """Return a key as it may be shown."""
    return KeyRow(key.id, key.tenant_id, key.label, key.prefix, key.created_at, key.revoked_at, key.last_used_on)


def grant_row(grant: RoleGrant) -> GrantRow:
    """Return a grant as it may be shown."""
    return GrantRow(grant.id, Role(grant.role), grant.tenant_id, grant.seller_id, grant.granted_at)


async def _person(tx: Tx, person_id: UUID | None) -> Person:
    person = await tx.get(Person, person_id) if person_id is not None else None
    if person is None:
        raise NotFound("person_not_found", "there is no such person")
    return person


async def _live_grants(tx: Tx, person_id: UUID) -> list[GrantRow]:
    found = await tx.scalars(
        select(RoleGrant)
        .where(RoleGrant.person_id == person_id, RoleGrant.revoked_at.is_(None))
        .order_by(RoleGrant.granted_at, RoleGrant.id)
        .limit(GRANTS_SHOWN_MAX)
    )
    return [grant_row(grant) for grant in found]


def _contact(person: Person) -> Contact:
    return Contact(person.id, person.email, person.phone, person.name, person.language)
