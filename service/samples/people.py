"""The demonstration's people: one or more accounts for each role, with passwords and keys of this home alone."""

import secrets
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from service.accounts.actions import create_api_key, create_person, create_tenant, grant_role
from service.accounts.passwords import hash_password
from service.core.actor import COMMONS, Actor, Role, SignIn
from service.db.session import Database, Tx
from service.samples.words import DEMO_PEOPLE, DEMO_SHOP, DEMO_SHOP_ZH, DEMO_TENANT, DemoPerson
from service.sellers.actions import register_seller
from service.sellers.schemas import NewSeller
from service.settings import Settings

PASSWORD_BYTES = 9
KEY_LABEL = "demonstration"


class DemoAccount(msgspec.Struct, frozen=True):
    """Somebody to sign in as. `tenant_id` is where the key works; `seller_id` the shop that a seller acts for."""

    role: str
    name: str
    email: str
    password: str
    api_key: str
    tenant_id: UUID
    seller_id: UUID | None = None


async def demonstration_people(
    settings: Settings, keep: Callable[[list[DemoAccount]], None] | None = None
) -> list[DemoAccount]:
    """Make the demonstration's accounts and its platform; passwords and keys are random and told this once.

    `keep` is called before the commit: whoever is cut off has either what was kept, or nobody in the database.
    Raises `Conflict` ("email_taken") if they were made before.
    """
    passwords = [secrets.token_urlsafe(PASSWORD_BYTES) for _ in DEMO_PEOPLE]
    hashes = [await hash_password(password) for password in passwords]
    database = Database(settings.database_url, pool_max=1)
    try:
        async with database.begin() as tx:
            now = await tx.now()
            tenant_id = await demonstration_tenant(tx, now=now)
            accounts = [
                await _make(tx, person, password, hashed, tenant_id, now=now)
                for person, password, hashed in zip(DEMO_PEOPLE, passwords, hashes, strict=True)
            ]
            if keep is not None:
                keep(accounts)
        return accounts
    finally:
        await database.close()


async def demonstration_tenant(tx: Tx, *, now: datetime) -> UUID:
    """Return the id of the demonstration's platform, made if it is missing."""
    known = await tx.scalar(text("SELECT id FROM tenant WHERE name = :name"), {"name": DEMO_TENANT})
    return known if known is not None else await create_tenant(tx, DEMO_TENANT, now=now)


async def _make(
    tx: Tx, person: DemoPerson, password: str, hashed: str, tenant_id: UUID, *, now: datetime
) -> DemoAccount:
    row = await create_person(
        tx, email=person.email, name=person.name, language=person.language, password_hash=hashed, now=now
    )
    seller_id: UUID | None = None
    works_in = COMMONS
    if person.role is Role.SELLER:
        seller_id = await _open_shop(tx, row.id, now=now)
    else:
        tenants = {
            Role.MEDIATOR: (tenant_id, COMMONS),
            Role.SUPERVISOR: (tenant_id, COMMONS),
            Role.PLATFORM: (tenant_id,),
        }.get(person.role, (COMMONS,))
        works_in = tenants[0]
        for each in tenants:
            await grant_role(tx, row.id, person.role, each, now=now)
    _, key = await create_api_key(tx, row.id, works_in, KEY_LABEL, now=now)
    await tx.flush()  # the next person is written by SQL
    return DemoAccount(person.role.value, person.name, person.email, password, key, works_in, seller_id)


async def _open_shop(tx: Tx, person_id: UUID, *, now: datetime) -> UUID:
    owner = Actor(person_id, sign_in=SignIn.SESSION)
    shop = NewSeller(name=DEMO_SHOP, name_zh=DEMO_SHOP_ZH, kind="shop", country="CN")
    return (await register_seller(tx, owner, shop, now=now)).id
