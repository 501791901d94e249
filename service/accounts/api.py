"""JSON handlers of accounts: sessions, oneself, keys, people and their grants.

Answers that hold a secret (a session, a new key) are never stored under an idempotency key: those handlers do not take
the claim, so a retry makes another session or key.
"""

from typing import Annotated, Any, cast
from uuid import UUID

from litestar import Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET

from service.accounts import actions, passwords, queries
from service.accounts import sign_in as signing
from service.accounts.devices import client_address
from service.accounts.guards import SESSION_COOKIE, session_cookie
from service.accounts.queries import key_row
from service.accounts.rules import EMAIL_LENGTH_MAX, REGISTRATIONS_BY_ADDRESS, check_password
from service.accounts.schemas import (
    FoundPerson,
    GrantRequest,
    GrantView,
    HeldGrant,
    KeyRequest,
    KeyView,
    NewKey,
    PersonView,
    ProfileChange,
    Registration,
    SessionView,
    SignInRequest,
)
from service.core.actor import Actor
from service.core.errors import ensure
from service.db.pages import whole_list
from service.db.requests import LATE_CLAIM, Claim
from service.db.schemas import PageOf
from service.db.session import Database, Tx
from service.db.throttle import count_attempt
from service.settings import Settings

ME = "/api/v1/me"
KEYS = "/api/v1/api-keys"


@post(
    "/sessions",
    summary="Sign in",
    description="Sets the cookie `fairhold_session` (14 days, 2 days unused). Tries are counted by e-mail and address.",
    opt={"allow": "accounts.sign_in", LATE_CLAIM: True},
    tags=["Accounts"],
)
async def sign_in(
    request: Request[Actor, Any, Any],
    tx: NamedDependency[Tx],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
    data: JSONBody[SignInRequest],
) -> Response[SessionView]:
    """Check the password, start a session."""
    signed = await signing.sign_in(
        tx, database, email=data.email, password=data.password, address=client_address(request), salt=settings.secret
    )
    person = signed.actor
    view = SessionView(signed.person_id, person.name, person.language, HeldGrant.all_of(person), signed.expires_at)
    return Response(view, headers={"Location": ME}, cookies=[session_cookie(signed.token, settings)])


@delete(
    "/sessions/current",
    summary="Sign out",
    description="Ends the session of the cookie, and removes the cookie.",
    opt={"allow": "accounts.sign_out"},
    tags=["Accounts"],
)
async def sign_out(
    request: Request[Actor, Any, Any],
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    settings: NamedDependency[Settings],
) -> Response[None]:
    """End the session of the cookie."""
    await signing.sign_out(tx, actor, request.cookies.get(SESSION_COOKIE, ""), now=await tx.now())
    return Response(None, cookies=[session_cookie("", settings)])


@delete(
    "/sessions",
    summary="Sign out everywhere",
    description="Ends every session of one's own, on every device.",
    opt={"allow": "accounts.sign_out"},
    tags=["Accounts"],
)
async def sign_out_everywhere(tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> None:
    """End all of one's sessions."""
    await signing.end_all_sessions(tx, actor, person_id_of(actor), now=await tx.now())


@get("/me", summary="Read oneself", opt={"allow": "accounts.read_self"}, tags=["Accounts"])
async def read_me(tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> PersonView:
    """Return the signed-in person with roles; with an API key, the roles that the key has."""
    return PersonView.of(await queries.own_profile(tx, actor))


@patch(
    "/me",
    summary="Change one's name or language",
    opt={"allow": "accounts.change_self"},
    tags=["Accounts"],
)
async def change_me(
    tx: NamedDependency[Tx], actor: NamedDependency[Actor], data: JSONBody[ProfileChange]
) -> PersonView:
    """Change the fields that are given."""
    name = None if data.name is UNSET else data.name
    language = None if data.language is UNSET else data.language
    await actions.change_profile(tx, actor, name=name, language=language, now=await tx.now())
    return PersonView.of(await queries.own_profile(tx, actor))


@get("/api-keys", summary="List one's API keys", opt={"allow": "accounts.manage_keys"}, tags=["Accounts"])
async def list_keys(tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> PageOf[KeyView]:
    """Return one's keys, newest first, revoked ones too, without their secrets."""
    return whole_list(KeyView.of(row) for row in await queries.own_keys(tx, actor))


@post(
    "/api-keys",
    summary="Make an API key",
    description="The key is in this answer and nowhere else. It wants a session: a key cannot make keys.",
    opt={"allow": "accounts.manage_keys", LATE_CLAIM: True},
    tags=["Accounts"],
)
async def create_key(
    tx: NamedDependency[Tx], actor: NamedDependency[Actor], data: JSONBody[KeyRequest]
) -> Response[NewKey]:
    """Make a key for oneself."""
    key, secret = await actions.create_api_key(
        tx, person_id_of(actor), data.tenant_id, data.label, now=await tx.now(), actor=actor
    )
    row = key_row(key)
    view = NewKey(row.id, row.tenant_id, row.label, row.prefix, row.created_at, secret)
    return Response(view, headers={"Location": f"{KEYS}/{row.id}", "Cache-Control": "no-store"})


@delete(
    "/api-keys/{key_id:uuid}", summary="Revoke an API key", opt={"allow": "accounts.manage_keys"}, tags=["Accounts"]
)
async def revoke_key(tx: NamedDependency[Tx], actor: NamedDependency[Actor], key_id: FromPath[UUID]) -> None:
    """Make a key useless from the next request on."""
    await actions.revoke_api_key(tx, actor, key_id, now=await tx.now())


@post(
    "/people",
    summary="Register as a buyer",
    description="Makes an account with the role buyer. Sign in with it afterwards.",
    opt={"allow": "accounts.register", LATE_CLAIM: True},
    tags=["Accounts"],
)
async def register(
    request: Request[Actor, Any, Any],
    tx: NamedDependency[Tx],
    claim: NamedDependency[Claim],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
    data: JSONBody[Registration],
) -> Response[FoundPerson]:
    """Count the try, hash the password, then make the account."""
    await count_attempt(database, {REGISTRATIONS_BY_ADDRESS: client_address(request)}, salt=settings.secret)
    password = check_password(data.password, not_like=(data.email, data.name))
    password_hash = await passwords.hash_password(password)
    await claim.take()
    person = await actions.register_buyer(
        tx,
        email=data.email,
        password_hash=password_hash,
        name=data.name,
        language=data.language,
        phone=data.phone,
        now=await tx.now(),
    )
    return Response(FoundPerson(person.id, person.name), headers={"Location": ME})


@get("/people", summary="Find a person by e-mail", opt={"allow": "accounts.manage_grants"}, tags=["Accounts"])
async def find_person(
    tx: NamedDependency[Tx], email: Annotated[str, QueryParameter(min_length=3, max_length=EMAIL_LENGTH_MAX)]
) -> FoundPerson:
    """Return who has exactly this address, so that a role can be given."""
    return FoundPerson.of(await queries.person_by_email(tx, email))


@get(
    "/people/{person_id:uuid}/grants",
    summary="List a person's roles",
    description="All to operators; to supervisors those in their own tenants.",
    opt={"allow": "accounts.manage_grants"},
    tags=["Accounts"],
)
async def list_grants(
    tx: NamedDependency[Tx], actor: NamedDependency[Actor], person_id: FromPath[UUID]
) -> PageOf[GrantView]:
    """Return the live grants that the actor may see."""
    return whole_list(GrantView.of(row) for row in await queries.grants_of(tx, actor, person_id))


@post(
    "/people/{person_id:uuid}/grants",
    summary="Give a role",
    description="Operators give every role, supervisors make mediators in their own tenants; nobody to themselves.",
    opt={"allow": "accounts.manage_grants"},
    tags=["Accounts"],
)
async def give_role(
    tx: NamedDependency[Tx], actor: NamedDependency[Actor], person_id: FromPath[UUID], data: JSONBody[GrantRequest]
) -> Response[GrantView]:
    """Give a person a role within a tenant."""
    grant = await actions.appoint(tx, actor, person_id, data.role, data.tenant_id, data.seller_id, now=await tx.now())
    view = GrantView.of(queries.grant_row(grant))
    return Response(view, headers={"Location": f"/api/v1/people/{person_id}/grants"})


@delete(
    "/people/{person_id:uuid}/grants/{grant_id:uuid}",
    summary="Take a role away",
    opt={"allow": "accounts.manage_grants"},
    tags=["Accounts"],
)
async def take_role(
    tx: NamedDependency[Tx], actor: NamedDependency[Actor], person_id: FromPath[UUID], grant_id: FromPath[UUID]
) -> None:
    """Revoke a grant; it works at the person's next request."""
    await actions.revoke_grant(tx, actor, person_id, grant_id, now=await tx.now())


def person_id_of(actor: Actor) -> UUID:
    """Return who is signed in; the policy table has made sure that somebody is."""
    ensure(actor.person_id is not None, "the guard lets only people pass")
    return cast("UUID", actor.person_id)


HANDLERS = [
    sign_in,
    sign_out,
    sign_out_everywhere,
    read_me,
    change_me,
    list_keys,
    create_key,
    revoke_key,
    register,
    find_person,
    list_grants,
    give_role,
    take_role,
]
