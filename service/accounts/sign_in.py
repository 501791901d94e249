"""Signing in with a password, and out again. Ranks as `actions`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from service.accounts import passwords
from service.accounts.identity import actor_for_person, new_secret, secret_digest
from service.accounts.rules import (
    SESSION_LASTS,
    SIGN_INS_BY_ADDRESS,
    SIGN_INS_BY_EMAIL,
    fold_email,
)
from service.accounts.tables import Person, SignInSession
from service.core.actor import Actor, Role, SignIn
from service.core.errors import Forbidden, NotFound, Unauthenticated
from service.core.ids import new_id
from service.db.session import Database, Tx
from service.db.throttle import count_attempt, forget_attempts
from service.events.log import emit


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `token` is the cookie's value; it is kept nowhere else."""

    token: str
    person_id: UUID
    actor: Actor
    expires_at: datetime


async def sign_in(tx: Tx, database: Database, *, email: str, password: str, address: str, salt: str) -> SignedIn:
    """Start a session if the password is right; the tries are counted and committed before anything is said.

    `tx` must not have begun, as the password is checked outside any transaction. Raises `Unauthenticated`
    ("sign_in_wrong": unknown address or wrong password, in equal time), `TooMany` ("too_many_attempts"), `Invalid`.
    """
    folded = fold_email(email)
    await count_attempt(database, {SIGN_INS_BY_ADDRESS: address, SIGN_INS_BY_EMAIL: folded}, salt=salt)
    async with database.begin() as short:
        known = (
            await short.execute(select(Person.id, Person.password_hash).where(Person.email == folded))
        ).one_or_none()
    password_hash = known.password_hash if known is not None else None
    if not await passwords.fits(password, password_hash) or known is None:
        raise Unauthenticated("sign_in_wrong", "the address or the password is wrong")
    renewed = await passwords.hash_password(password) if passwords.is_outdated(password_hash or "") else None
    now = await tx.now()
    await forget_attempts(tx, SIGN_INS_BY_EMAIL, folded, salt=salt)
    if renewed is not None:
        await tx.execute(
            update(Person)
            .where(Person.id == known.id, Person.password_hash == password_hash)
            .values(password_hash=renewed)
        )
    return await start_session(tx, known.id, now=now)


async def start_session(tx: Tx, person_id: UUID, *, now: datetime) -> SignedIn:
    """Start a session for somebody who has just proved who they are; raises `NotFound` ("person_not_found")."""
    actor = await actor_for_person(tx, person_id, sign_in=SignIn.SESSION)
    if actor is None:
        raise NotFound("person_not_found", "there is no such person")
    token = new_secret()
    session = SignInSession(
        token_hash=secret_digest(token),
        id=new_id(),
        person_id=person_id,
        created_at=now,
        last_seen_at=now,
        expires_at=now + SESSION_LASTS,
    )
    tx.add(session)
    facts = {"session_id": str(session.id)}
    await emit(tx, "session.started", actor=actor, subject=("person", person_id), now=now, facts=facts)
    return SignedIn(token, person_id, actor, session.expires_at)


async def sign_out(tx: Tx, actor: Actor, token: str, *, now: datetime) -> None:
    """End the session of this token; raises `NotFound` ("session_not_found") if it is not the actor's live one."""
    ended = (
        await tx.execute(
            update(SignInSession)
            .where(
                SignInSession.token_hash == secret_digest(token),
                SignInSession.person_id == actor.person_id,
                SignInSession.ended_at.is_(None),
            )
            .values(ended_at=now)
            .returning(SignInSession.id, SignInSession.person_id)
        )
    ).one_or_none()
    if ended is None:
        raise NotFound("session_not_found", "you are not signed in with a session")
    facts = {"session_id": str(ended.id)}
    await emit(tx, "session.ended", actor=actor, subject=("person", ended.person_id), now=now, facts=facts)


async def end_all_sessions(tx: Tx, actor: Actor, person_id: UUID, *, now: datetime) -> int:
    """End every session of a person and return how many: one's own, or anybody's by an operator.

    Raises `Forbidden` ("not_your_sessions").
    """
    is_own = actor.person_id == person_id
    if not (is_own or actor.is_system or actor.has(Role.OPERATOR)):
        raise Forbidden("not_your_sessions", "only an operator ends the sessions of others")
    ended = (
        await tx.execute(
            update(SignInSession)
            .where(SignInSession.person_id == person_id, SignInSession.ended_at.is_(None))
            .values(ended_at=now)
            .returning(SignInSession.id)
        )
    ).all()
    if ended:
        facts = {"count": len(ended)}
        await emit(tx, "sessions.ended", actor=actor, subject=("person", person_id), now=now, facts=facts)
    return len(ended)
