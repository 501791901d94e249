"""People, their sessions, keys and grants."""

from typing import Any

from service.core.actor import Role
from tests.permissions_table.rows import (
    ALL_SEEN,
    EVERY_ROLE,
    FORBIDDEN,
    FOREIGN,
    HIDDEN,
    LET_IN,
    OPERATOR,
    OTHERS,
    OWN,
    OWN_SEEN,
    SUPERVISOR,
    TENANT_SEEN,
    Outcome,
    Row,
)
from tests.world import World


def _role_in_our_tenant(world: World) -> dict[str, Any]:
    return {"role": "mediator", "tenant_id": str(world.tenant_ids[OWN])}


_GRANTERS = frozenset({OPERATOR, SUPERVISOR})

ACCOUNTS = {
    "POST /sessions": Row(
        anyone=True, body=lambda _: {"email": "nobody@example.com", "password": "x"}, allowed=Outcome.UNAUTHENTICATED
    ),
    "DELETE /sessions/current": Row(may=EVERY_ROLE, allowed=HIDDEN),  # a key has no session to end
    "DELETE /sessions": Row(may=EVERY_ROLE),
    "GET /me": Row(may=EVERY_ROLE),
    "PATCH /me": Row(may=EVERY_ROLE, body=lambda _: {"language": "zh"}),
    "GET /api-keys": Row(may=EVERY_ROLE),
    "POST /api-keys": Row(  # a key cannot make keys
        may=EVERY_ROLE,
        body=lambda world: {"label": "a", "tenant_id": str(world.tenant_ids[OWN])},
        allowed=FORBIDDEN,
    ),
    "DELETE /api-keys/{key_id}": Row(
        may=EVERY_ROLE,
        alone=True,
        things={"key_id": "api_key"},
        reaches={role: ALL_SEEN if role is OPERATOR else OWN_SEEN for role in Role},
    ),
    "POST /people": Row(
        anyone=True, body=lambda _: {"email": "new@example.com", "password": "a longer phrase", "name": "New"}
    ),
    "GET /people": Row(may=_GRANTERS, query=lambda _: {"email": "buyer-own@example.com"}),
    "GET /people/{person_id}/grants": Row(
        may=_GRANTERS, things={"person_id": "person"}, reaches={OPERATOR: ALL_SEEN, SUPERVISOR: ALL_SEEN}
    ),
    "POST /people/{person_id}/grants": Row(
        may=_GRANTERS,
        body=_role_in_our_tenant,
        things={"person_id": "person"},
        reaches={role: {OWN: FORBIDDEN, OTHERS: LET_IN, FOREIGN: LET_IN} for role in _GRANTERS},
    ),
    "DELETE /people/{person_id}/grants/{grant_id}": Row(
        may=_GRANTERS,
        alone=True,
        things={"person_id": "mediator_person", "grant_id": "mediator_grant"},
        reaches={
            OPERATOR: ALL_SEEN,
            SUPERVISOR: TENANT_SEEN,
        },
    ),
}
