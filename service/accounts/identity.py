"""Who stands behind a session token or an API key."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, and_, delete, select, update

from service.accounts.rules import KEY_START, PASS_LASTS, PASS_START, SESSION_IDLE_MAX, SESSION_SEEN_EVERY
from service.accounts.tables import ApiKey, CasePass, Person, RoleGrant, SignInSession
from service.core.actor import COMMONS, Actor, Grant, Role, SignIn
from service.db.session import Tx

_TOKEN_LENGTH_MAX = 100
_SECRET_BYTES = 32
_PERSON = (Person.id, Person.name, Person.language, RoleGrant.role, RoleGrant.tenant_id, RoleGrant.seller_id)
_LIVE_GRANT = and_(RoleGrant.person_id == Person.id, RoleGrant.revoked_at.is_(None))


def new_secret() -> str:
    """Return 256 random bits as URL-safe text: a session token, or the rest of an API key."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def secret_digest(secret: str) -> bytes:
    """Return the SHA-256 that is stored in place of a random secret; it needs no salt, having 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


async def actor_for_token(tx: Tx, token: str, *, now: datetime) -> Actor | None:
    """Return who a session token signs in, or None if it is unknown, ended, past 14 days or idle for 2 days.

    Notes that the session was seen, at most every 10 minutes.
    """
    if len(token) > _TOKEN_LENGTH_MAX:
        return None
    token_hash = secret_digest(token)
    found = await _rows(
        tx,
        select(*_PERSON, SignInSession.last_seen_at)
        .join(SignInSession, SignInSession.person_id == Person.id)
        .outerjoin(RoleGrant, _LIVE_GRANT)
        .where(
            SignInSession.token_hash == token_hash,
            SignInSession.ended_at.is_(None),
            SignInSession.expires_at > now,
            SignInSession.last_seen_at > now - SESSION_IDLE_MAX,
        ),
    )
    if not found:
        return None
    if found[0].last_seen_at <= now - SESSION_SEEN_EVERY:
        await tx.execute(update(SignInSession).where(SignInSession.token_hash == token_hash).values(last_seen_at=now))
    return _actor(found, SignIn.SESSION)


async def actor_for_key(tx: Tx, key: str, *, now: datetime) -> Actor | None:
    """Return whose API key it is, with their grants in the key's tenant and the commons only; None if it is not good.

    Notes the day of its last use.
    """
    if not key.startswith(KEY_START) or len(key) > _TOKEN_LENGTH_MAX:
        return None
    key_hash = secret_digest(key)
    found = await _rows(
        tx,
        select(*_PERSON, ApiKey.last_used_on)
        .join(ApiKey, ApiKey.person_id == Person.id)
        .outerjoin(RoleGrant, and_(_LIVE_GRANT, RoleGrant.tenant_id.in_([ApiKey.tenant_id, COMMONS])))
        .where(ApiKey.key_hash == key_hash, ApiKey.revoked_at.is_(None)),
    )
    if not found:
        return None
    if found[0].last_used_on != now.date():
        await tx.execute(update(ApiKey).where(ApiKey.key_hash == key_hash).values(last_used_on=now.date()))
    return _actor(found, SignIn.API_KEY)


async def give_pass(tx: Tx, case_id: UUID, *, language: str, now: datetime) -> tuple[str, datetime]:
    """Return a token that opens one case for an hour, and when it ends; the caller has checked the receipt."""
    token, expires_at = PASS_START + new_secret(), now + PASS_LASTS
    tx.add(CasePass(token_hash=secret_digest(token), case_id=case_id, language=language, expires_at=expires_at))
    return token, expires_at


async def actor_for_pass(tx: Tx, token: str, *, now: datetime) -> Actor | None:
    """Return who holds the receipt of a case, by the token that it gave; None if it is unknown or over."""
    if len(token) > _TOKEN_LENGTH_MAX:
        return None
    held = await tx.get(CasePass, secret_digest(token))
    return None if held is None or held.expires_at <= now else reporter(held.case_id, language=held.language)


def reporter(case_id: UUID, *, language: str) -> Actor:
    """Return the anonymous reporter of a case, whose receipt was right."""
    return Actor(None, sign_in=SignIn.RECEIPT, language=language, case_id=case_id)


async def prune_passes(tx: Tx, *, now: datetime) -> None:
    """Forget the tokens that are over."""
    await tx.execute(delete(CasePass).where(CasePass.expires_at <= now))


async def actor_for_person(tx: Tx, person_id: UUID, *, sign_in: SignIn) -> Actor | None:
    """Return a person as an actor with all live grants, or None if there is no such person."""
    found = await _rows(tx, select(*_PERSON).outerjoin(RoleGrant, _LIVE_GRANT).where(Person.id == person_id))
    return _actor(found, sign_in) if found else None


async def _rows(tx: Tx, statement: Executable) -> Sequence[Any]:
    return (await tx.execute(statement)).all()


def _actor(found: Sequence[Any], sign_in: SignIn) -> Actor:
    """One row a grant; a person without grants has one row without a role."""
    first = found[0]
    grants = frozenset(Grant(Role(row.role), row.tenant_id, row.seller_id) for row in found if row.role is not None)
    return Actor(first.id, grants, sign_in, first.name, first.language)
