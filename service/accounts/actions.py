"""People, their roles and their keys: one function a use case."""

from datetime import datetime
from uuid import UUID

import psycopg
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from service.accounts.identity import new_secret, secret_digest
from service.accounts.rules import (
    API_KEYS_MAX,
    KEY_PREFIX_LENGTH,
    KEY_START,
    LABEL_LENGTH_MAX,
    NAME_LENGTH_MAX,
    check_language,
    check_may_grant,
    check_phone,
    check_tenant_of_role,
    check_text,
    fold_email,
)
from service.accounts.tables import ApiKey, Person, RoleGrant, Tenant
from service.core.actor import COMMONS, SYSTEM, Actor, Role, SignIn
from service.core.errors import Conflict, Forbidden, Invalid, NotFound
from service.core.ids import new_id
from service.db.locks import locked
from service.db.session import Tx
from service.events.log import emit


async def create_tenant(tx: Tx, name: str, *, now: datetime, actor: Actor = SYSTEM) -> UUID:
    """Add a platform and return its id; raises `Conflict` ("tenant_exists"), `Invalid` ("name_malformed")."""
    trimmed = check_text("name", name, NAME_LENGTH_MAX)
    tenant_id: UUID | None = await tx.scalar(
        insert(Tenant)
        .values(id=new_id(), name=trimmed, kind="platform", created_at=now)
        .on_conflict_do_nothing()
        .returning(Tenant.id)
    )
    if tenant_id is None:
        raise Conflict("tenant_exists", "there is a platform of this name")
    await emit(tx, "tenant.created", actor=actor, subject=("tenant", tenant_id), tenant_id=tenant_id, now=now)
    return tenant_id


async def create_person(
    tx: Tx,
    *,
    email: str | None,
    name: str,
    language: str,
    now: datetime,
    phone: str | None = None,
    password_hash: str | None = None,
) -> Person:
    """Add a person without any role. `password_hash` is made by `passwords.hash_password`, outside any transaction.

    Raises `Conflict` ("email_taken"), `Invalid` for each malformed field.
    """
    person_id = await tx.scalar(
        insert(Person)
        .values(
            id=new_id(),
            email=None if email is None else fold_email(email),
            phone=check_phone(phone),
            name=check_text("name", name, NAME_LENGTH_MAX),
            language=check_language(language),
            password_hash=password_hash,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Person.email])
        .returning(Person.id)
    )
    if person_id is None:
        raise Conflict("email_taken", "somebody has registered with this address", field="email")
    person = await tx.get_one(Person, person_id)
    creator = Actor(person_id)
    await emit(tx, "person.created", actor=creator, subject=("person", person_id), now=now)
    return person


async def register_buyer(
    tx: Tx, *, email: str, password_hash: str, name: str, language: str, phone: str | None, now: datetime
) -> Person:
    """Add a person who may buy, file and follow complaints: role buyer in the commons. Raises as `create_person`."""
    person = await create_person(
        tx, email=email, password_hash=password_hash, name=name, language=language, phone=phone, now=now
    )
    await grant_role(tx, person.id, Role.BUYER, COMMONS, now=now)
    return person


async def grant_role(
    tx: Tx,
    person_id: UUID,
    role: Role,
    tenant_id: UUID,
    seller_id: UUID | None = None,
    *,
    now: datetime,
    actor: Actor = SYSTEM,
) -> RoleGrant:
    """Give a role without asking whether the actor may: for set-up and for other domains' own rules.

    Raises `NotFound` ("person_not_found"), `Invalid` ("tenant_unknown", "tenant_wrong_for_role", "seller_id_needed",
    "seller_id_unexpected", "seller_unknown"), `Conflict` ("grant_exists").
    """
    if role is Role.SELLER and seller_id is None:
        raise Invalid("seller_id_needed", "a seller's grant names the shop", field="seller_id")
    if role is not Role.SELLER and seller_id is not None:
        raise Invalid("seller_id_unexpected", "only a seller's grant names a shop", field="seller_id")
    if await tx.get(Person, person_id) is None:
        raise NotFound("person_not_found", "there is no such person")
    tenant = await tx.get(Tenant, tenant_id)
    if tenant is None:
        raise Invalid("tenant_unknown", "there is no such tenant", field="tenant_id")
    check_tenant_of_role(role, tenant_id, kind=tenant.kind)
    grant = RoleGrant(
        id=new_id(),
        person_id=person_id,
        role=role,
        tenant_id=tenant_id,
        seller_id=seller_id,
        granted_by=actor.person_id,
        granted_at=now,
    )
    tx.add(grant)
    await _flush_grant(tx)
    await _emit_grant(tx, "role.granted", grant, actor=actor, now=now)
    return grant


async def appoint(
    tx: Tx, actor: Actor, person_id: UUID, role: Role, tenant_id: UUID, seller_id: UUID | None = None, *, now: datetime
) -> RoleGrant:
    """Give a role as an operator or supervisor.

    Raises as `grant_role`, and `Forbidden` ("grant_to_self", "grant_not_allowed").
    """
    check_may_grant(actor, person_id=person_id, role=role, tenant_id=tenant_id)
    return await grant_role(tx, person_id, role, tenant_id, seller_id, now=now, actor=actor)


async def revoke_grant(tx: Tx, actor: Actor, person_id: UUID, grant_id: UUID, *, now: datetime) -> None:
    """Take a role away, as an operator or supervisor; it works at the person's next request.

    Raises `NotFound` ("grant_not_found"), `Forbidden` as `appoint`. Locks the grant.
    """
    sees_all = actor.is_system or actor.has(Role.OPERATOR)
    seen = [] if sees_all else [RoleGrant.tenant_id.in_(actor.tenants(Role.SUPERVISOR))]
    live = (RoleGrant.id == grant_id, RoleGrant.person_id == person_id, RoleGrant.revoked_at.is_(None))
    grant = await tx.scalar(locked(select(RoleGrant).where(*live, *seen)))
    if grant is None:
        raise NotFound("grant_not_found", "there is no such live grant")
    check_may_grant(actor, person_id=person_id, role=Role(grant.role), tenant_id=grant.tenant_id)
    grant.revoked_at = now
    await _emit_grant(tx, "role.revoked", grant, actor=actor, now=now)


async def create_api_key(
    tx: Tx, person_id: UUID, tenant_id: UUID, label: str, *, now: datetime, actor: Actor = SYSTEM
) -> tuple[ApiKey, str]:
    """Make a key for one tenant and the commons; return its row and, this once, its text (`fh_...`).

    People make keys only for themselves and only signed in with a session, so that a leaked key cannot renew itself:
    `Forbidden` ("key_of_another", "session_needed"). Raises `Invalid` ("tenant_not_granted", "label_malformed"),
    `Conflict` ("api_keys_too_many"), `NotFound` ("person_not_found"). Locks the person.
    """
    if not actor.is_system and actor.person_id != person_id:
        raise Forbidden("key_of_another", "people make keys only for themselves")
    if not actor.is_system and actor.sign_in is not SignIn.SESSION:
        raise Forbidden("session_needed", "sign in with a password to make a key")
    trimmed = check_text("label", label, LABEL_LENGTH_MAX)
    if await tx.scalar(select(Person.id).where(Person.id == person_id).with_for_update()) is None:
        raise NotFound("person_not_found", "there is no such person")
    await _check_new_key(tx, person_id, tenant_id)
    secret = KEY_START + new_secret()
    key = ApiKey(
        id=new_id(),
        person_id=person_id,
        tenant_id=tenant_id,
        label=trimmed,
        prefix=secret[: len(KEY_START) + KEY_PREFIX_LENGTH],
        key_hash=secret_digest(secret),
        created_at=now,
    )
    tx.add(key)
    await _emit_key(tx, "api_key.created", key, actor=actor, now=now)
    return key, secret


async def revoke_api_key(tx: Tx, actor: Actor, key_id: UUID, *, now: datetime) -> None:
    """Make a key useless, from the next request on: one's own, or anybody's by an operator.

    Raises `NotFound` ("api_key_not_found"). Locks the key.
    """
    mine = [] if actor.is_system or actor.has(Role.OPERATOR) else [ApiKey.person_id == actor.person_id]
    key = await tx.scalar(locked(select(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None), *mine)))
    if key is None:
        raise NotFound("api_key_not_found", "there is no such live key of yours")
    key.revoked_at = now
    await _emit_key(tx, "api_key.revoked", key, actor=actor, now=now)


async def change_profile(
    tx: Tx, actor: Actor, *, now: datetime, name: str | None = None, language: str | None = None
) -> None:
    """Change one's own name or language; None leaves it. Raises `Invalid`, `NotFound` ("person_not_found")."""
    changed: dict[str, str] = {}
    if name is not None:
        changed["name"] = check_text("name", name, NAME_LENGTH_MAX)
    if language is not None:
        changed["language"] = check_language(language)
    if not changed:
        return
    person_id = await tx.scalar(
        update(Person).where(Person.id == actor.person_id).values(**changed).returning(Person.id)
    )
    if person_id is None:
        raise NotFound("person_not_found", "nobody is signed in")
    facts = {"fields": sorted(changed)}
    await emit(tx, "person.changed", actor=actor, subject=("person", person_id), now=now, facts=facts)


async def _check_new_key(tx: Tx, person_id: UUID, tenant_id: UUID) -> None:
    granted = await tx.scalar(
        select(RoleGrant.id)
        .where(RoleGrant.person_id == person_id, RoleGrant.tenant_id == tenant_id, RoleGrant.revoked_at.is_(None))
        .limit(1)
    )
    if granted is None and tenant_id != COMMONS:
        raise Invalid("tenant_not_granted", "the person has no role in this tenant", field="tenant_id")
    live = await tx.scalar(
        select(func.count()).select_from(ApiKey).where(ApiKey.person_id == person_id, ApiKey.revoked_at.is_(None))
    )
    if (live or 0) >= API_KEYS_MAX:
        raise Conflict("api_keys_too_many", f"at most {API_KEYS_MAX} live keys", limit=API_KEYS_MAX)


async def _flush_grant(tx: Tx) -> None:
    """Write the grant now, to name what its constraints refuse; the transaction is lost then, as with every refusal."""
    try:
        await tx.flush()
    except IntegrityError as error:
        refused = error.orig.diag.constraint_name if isinstance(error.orig, psycopg.Error) else None
        if refused == "role_grant_live_key":
            raise Conflict("grant_exists", "the person has this role already") from error
        if refused == "role_grant_seller_id_fk":
            raise Invalid("seller_unknown", "there is no such seller", field="seller_id") from error
        raise


async def _emit_grant(tx: Tx, name: str, grant: RoleGrant, *, actor: Actor, now: datetime) -> None:
    facts = {
        "grant_id": str(grant.id),
        "role": grant.role,
        "seller_id": None if grant.seller_id is None else str(grant.seller_id),
    }
    subject = ("person", grant.person_id)
    await emit(tx, name, actor=actor, subject=subject, tenant_id=grant.tenant_id, now=now, facts=facts)


async def _emit_key(tx: Tx, name: str, key: ApiKey, *, actor: Actor, now: datetime) -> None:
    facts = {"api_key_id": str(key.id)}
    subject = ("person", key.person_id)
    await emit(tx, name, actor=actor, subject=subject, tenant_id=key.tenant_id, now=now, facts=facts)
