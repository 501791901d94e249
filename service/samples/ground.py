"""What a run of the generator stands on: its clock, its tenants, the demonstration's people if they are there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from service.core.ids import new_id
from service.samples.loading import Connection
from service.samples.words import DEMO_PEOPLE, DEMO_SHOP, DEMO_TENANT


@dataclass(frozen=True, slots=True)
class Ground:
    """Where generated rows belong. `run` counts the runs in this database; `tag` is theirs in codes that are unique."""

    now: datetime
    run: int
    tag: str
    tenant_ids: tuple[UUID, UUID]
    shop_id: UUID | None
    people: dict[str, UUID]

    def of_role(self, role: str) -> list[UUID]:
        """Return the demonstration's people of a role who are in this database."""
        emails = [person.email for person in DEMO_PEOPLE if person.role == role]
        return [self.people[email] for email in emails if email in self.people]


def tag_of(seed: int, run: int) -> str:
    """Return what a run's codes begin with."""
    return f"S{seed}R{run}N"


def runs_made(connection: Connection) -> int:
    """Return how many runs of the generator this database has seen; a run that was rolled back is none."""
    made: int = _one(connection, "SELECT count(*) FROM tenant WHERE name LIKE 'Sample market %%'")
    return made


def prepare_ground(connection: Connection, seed: int) -> Ground:
    """Read the clock (to the hour, so that a seed repeats its ids), and make this run's second platform."""
    with connection.transaction():
        now = _one(connection, "SELECT date_trunc('hour', fairhold_now())")
        run = runs_made(connection) + 1
        market = f"Sample market {run}"
        for name in (DEMO_TENANT, market):
            connection.execute(
                "INSERT INTO tenant (id, name, kind, created_at) VALUES (%s, %s, 'platform', %s)"
                " ON CONFLICT DO NOTHING",
                (new_id(), name, now),
            )
        emails = [person.email for person in DEMO_PEOPLE]
        people = connection.execute("SELECT email, id FROM person WHERE email = ANY(%s)", (emails,)).fetchall()
        shop = connection.execute(
            "SELECT s.id FROM seller s JOIN person p ON p.id = s.registered_by"
            " WHERE s.name = %s AND p.email = ANY(%s) ORDER BY s.id LIMIT 1",
            (DEMO_SHOP, emails),
        ).fetchone()
        return Ground(
            now=now.astimezone(UTC),
            run=run,
            tag=tag_of(seed, run),
            tenant_ids=(_tenant(connection, DEMO_TENANT), _tenant(connection, market)),
            shop_id=shop[0] if shop else None,
            people=dict(people),
        )


def _tenant(connection: Connection, name: str) -> UUID:
    found: UUID = _one(connection, "SELECT id FROM tenant WHERE name = %s", name)
    return found


def _one(connection: Connection, query: str, *values: object) -> Any:
    found = connection.execute(query, values).fetchone()
    if found is None:
        raise LookupError(query)
    return found[0]
