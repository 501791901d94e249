"""Signing in by API key within a hot command's own statement: a key that was revoked a moment ago opens nothing.

The general way is `identity.actor_for_key`. A key's first use of a day goes that way, because it notes the day.
"""

import functools

from service.accounts.policy import POLICY, Audience
from service.accounts.rules import KEY_START
from service.core.actor import COMMONS, Role
from service.db.hot import Asked

BY_KEY = f"""
    SELECT p.id AS person_id, p.name, g.role, g.tenant_id, g.seller_id
    FROM api_key k
    JOIN person p ON p.id = k.person_id
    JOIN role_grant g ON g.person_id = k.person_id AND g.revoked_at IS NULL AND g.role = ANY(%(roles)s::text[])
        AND g.tenant_id IN (k.tenant_id, '{COMMONS}')
    WHERE k.key_hash = %(key_hash)s AND k.revoked_at IS NULL
      AND k.last_used_on = (fairhold_now() AT TIME ZONE 'UTC')::date
"""  # noqa: S608 - made of constants
"""One row for each live grant of the key's person that the policy table lets do the action."""

_START = b"Bearer " + KEY_START.encode()


def signing_in(asked: Asked, action: str) -> dict[str, object] | None:
    """Return the values of `BY_KEY` for an action of the policy table; None where there is no API key to look up."""
    if asked.key_hash is None or not asked.headers[b"authorization"].startswith(_START):
        return None
    return {"key_hash": asked.key_hash, "roles": _roles(action)}


@functools.cache
def _roles(action: str) -> str:
    """Return the roles that may do an action, as PostgreSQL writes an array: made once, not at each request."""
    who = POLICY[action]
    roles = Role if Audience.SIGNED_IN in who else who
    return f"{{{','.join(sorted(str(role) for role in roles))}}}"
