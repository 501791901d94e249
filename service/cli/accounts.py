"""`fairhold account create` and `fairhold api-key create`."""

import asyncio
from uuid import UUID

import rich_click as click
from rich.console import Console

from service import settings as environment
from service.accounts.actions import create_api_key, create_person, grant_role
from service.accounts.passwords import hash_password
from service.accounts.queries import person_by_email
from service.accounts.rules import check_password
from service.cli.home import running_settings
from service.core.actor import COMMONS, Role
from service.db.session import Database
from service.settings import Settings


@click.group()
def account() -> None:
    """People and their roles."""


@account.command("create")
@click.option("--email", required=True, help="the e-mail to sign in with")
@click.option("--name", required=True, help="the name that others see")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="what they may be")
@click.option("--tenant", default=str(COMMONS), show_default="commons", type=click.UUID, help="where they may be it")
@click.option("--seller", default=None, type=click.UUID, help="the shop that a seller acts for")
@click.option("--language", default="en", show_default=True, type=click.Choice(["en", "zh"]))
@click.password_option(help="asked for if not given; FAIRHOLD settings never hold passwords")
def create_account(
    email: str, name: str, role: str, tenant: UUID, seller: UUID | None, language: str, password: str
) -> None:
    """Add a person with one role. The first operator of a new installation is made so."""
    check_password(password, not_like=(email, name))
    settings = running_settings(environment.read())
    person_id = asyncio.run(_create(settings, email, name, Role(role), tenant, seller, language, password))
    Console().print(f"{email} may sign in now, as {role}; the person's id is {person_id}.")


async def _create(
    settings: Settings,
    email: str,
    name: str,
    role: Role,
    tenant: UUID,
    seller: UUID | None,
    language: str,
    password: str,
) -> UUID:
    hashed = await hash_password(password)
    database = Database(settings.database_url, pool_max=1)
    try:
        async with database.begin() as tx:
            now = await tx.now()
            person = await create_person(tx, email=email, name=name, language=language, password_hash=hashed, now=now)
            await tx.flush()  # the grant points at the person
            await grant_role(tx, person.id, role, UUID(str(tenant)), seller, now=now)
            return person.id
    finally:
        await database.close()


@click.group("api-key")
def api_key() -> None:
    """Keys for programs."""


@api_key.command("create")
@click.option("--email", required=True, help="whose key")
@click.option("--tenant", default=str(COMMONS), show_default="commons", type=click.UUID, help="the tenant it works in")
@click.option("--label", required=True, help="what it is for")
def create_key(email: str, tenant: UUID, label: str) -> None:
    """Make an API key and print it, this once."""
    settings = running_settings(environment.read())
    Console().print(asyncio.run(_create_key(settings, email, tenant, label)), highlight=False)


async def _create_key(settings: Settings, email: str, tenant: UUID, label: str) -> str:
    database = Database(settings.database_url, pool_max=1)
    try:
        async with database.begin() as tx:
            person = await person_by_email(tx, email)
            _, key = await create_api_key(tx, person.person_id, UUID(str(tenant)), label, now=await tx.now())
            return key
    finally:
        await database.close()
