"""Gates: named points in the database at which whoever comes there waits, so that a test can kill it there."""

from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from service.db.session import driver_url

LOCK_CLASS = 9_001

NOTICE_STORED, SWEEP_BATCH, PROVIDER_ANSWERED, PAUSING, COMMIT = range(1, 6)
POINTS = {
    NOTICE_STORED: "between storing a notice and applying it",
    SWEEP_BATCH: "in the middle of a sweep's batch",
    PROVIDER_ANSWERED: "after the provider did the work and before its answer is recorded",
    PAUSING: "in the middle of pausing a scope",
    COMMIT: "during COMMIT",
}
_BEFORE = "CREATE TRIGGER a_gate BEFORE {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION test_wait_at_gate({})"
_SQL = (
    "CREATE TABLE test_gate (point int PRIMARY KEY, hold_id uuid)",
    f"""CREATE FUNCTION test_wait_at_gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        wanted uuid;
    BEGIN
        SELECT hold_id INTO wanted FROM test_gate WHERE point = TG_ARGV[0]::int;
        IF FOUND AND (wanted IS NULL OR to_jsonb(NEW) ->> 'hold_id' = wanted::text) THEN
            PERFORM pg_advisory_xact_lock_shared({LOCK_CLASS}, TG_ARGV[0]::int);
        END IF;
        RETURN NEW;
    END $$""",
    _BEFORE.format("UPDATE ON gateway_notice", "NEW.applied_at IS NOT NULL", NOTICE_STORED),
    _BEFORE.format("INSERT ON resolution", "NEW.cause = 'sweep'", SWEEP_BATCH),
    _BEFORE.format("UPDATE ON payment", "NEW.kind = 'refund' AND NEW.state = 'done'", PROVIDER_ANSWERED),
    _BEFORE.format("INSERT ON hold_freeze", "NEW.kind = 'scope'", PAUSING),
    f"""CREATE CONSTRAINT TRIGGER a_gate AFTER INSERT ON "order" DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION test_wait_at_gate({COMMIT})""",
)


@dataclass
class Gates:
    """The gates of one database, made by its owner. A gate that is closed stops whoever comes to it."""

    owner_url: str
    _holding: dict[int, "psycopg.Connection[tuple[object, ...]]"] = field(default_factory=dict)

    def build(self) -> None:
        with self._connect() as owner:
            for statement in _SQL:
                owner.execute(statement)

    def close(self, point: int, hold_id: UUID | None = None) -> None:
        """Close a gate; for the row of one hold, if it is named."""
        owner = self._holding[point] = self._connect()
        owner.execute("SELECT pg_advisory_lock(%s, %s)", (LOCK_CLASS, point))
        owner.execute("INSERT INTO test_gate VALUES (%s, %s)", (point, hold_id))

    def waiting(self, point: int) -> int:
        """Return how many stand before the gate."""
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
        row = self._holding[point].execute(f"{waiting} AND NOT granted", (LOCK_CLASS, point)).fetchone()
        assert row is not None
        return int(str(row[0]))

    def open(self, point: int) -> None:
        """Open a gate, also after PostgreSQL and with it the lock was killed."""
        self._holding.pop(point).close()
        with self._connect() as owner:
            owner.execute("DELETE FROM test_gate WHERE point = %s", (point,))

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(driver_url(self.owner_url), autocommit=True)
