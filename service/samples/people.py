"""The demonstration's people: one or more accounts for each role, with passwords and keys of this home alone."""

from uuid import UUID

import msgspec

from service.settings import Settings


class DemoAccount(msgspec.Struct, frozen=True):
    """Somebody to sign in as. `tenant_id` is where the key works; `seller_id` the shop that a seller acts for."""

    role: str
    name: str
    email: str
    password: str
    api_key: str
    tenant_id: UUID
    seller_id: UUID | None = None


async def demonstration_people(settings: Settings) -> list[DemoAccount]:
    """Make the demonstration's accounts and its platform; passwords and keys are random and returned this once."""
    return []
