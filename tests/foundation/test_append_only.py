"""What is appended stays: no append-only table can be changed, emptied or opened by the role that the service uses."""

import psycopg
import pytest

from service.db.session import driver_url
from tests.conftest import DatabaseUrls

MUST = {"transfer", "resolution", "event", "seal", "seal_head", "statement_line", "scope_freeze_member", "chargeback"}
APPEND_ONLY = """
    SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgname = 'append_only' AND NOT t.tgisinternal ORDER BY 1"""
CHANGES = (
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
    "TRUNCATE {table} CASCADE",
)
OPENINGS = (
    "ALTER TABLE {table} DISABLE TRIGGER append_only",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {table} ADD COLUMN more int",
    "ALTER TABLE {table} RENAME TO gone",
    "CREATE RULE r AS ON INSERT TO {table} DO INSTEAD NOTHING",
    "CREATE TRIGGER t AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fairhold_refuse_change()",
    "DROP TABLE {table} CASCADE",
    "SET session_replication_role = replica",
)


def tables(urls: DatabaseUrls) -> dict[str, str]:
    """Return every append-only table of the catalogue, with its first column that can be set."""
    with psycopg.connect(driver_url(urls.owner)) as owner:
        names = [str(row[0]) for row in owner.execute(APPEND_ONLY)]
        return {
            name: str(
                owner.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attidentity = ''"
                    " AND NOT attisdropped ORDER BY attnum LIMIT 1",
                    (name,),
                ).fetchone()[0]  # type: ignore[index]  # every table has a column
            )
            for name in names
        }


def test_the_ledgers_tables_are_append_only_and_both_their_triggers_are_on(urls: DatabaseUrls) -> None:
    found = tables(urls)
    assert set(found) >= MUST
    with psycopg.connect(driver_url(urls.owner)) as owner:
        enabled = owner.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE t.tgname IN ('append_only', 'append_only_all') AND t.tgenabled = 'O'"
        ).fetchall()
    assert sorted(enabled) == sorted((name, kind) for name in found for kind in ("append_only", "append_only_all"))


def test_the_application_role_is_refused_every_change_and_every_way_around(urls: DatabaseUrls) -> None:
    with psycopg.connect(driver_url(urls.app), autocommit=True) as app:
        for table, column in tables(urls).items():
            for query in CHANGES + OPENINGS:
                with pytest.raises(psycopg.Error) as refusal:
                    app.execute(query.format(table=table, column=column))  # type: ignore[call-overload]  # SQL above
                assert refusal.value.sqlstate in {"42501", "0LP01"}, query.format(table=table, column=column)
            app.execute(f"GRANT ALL ON {table} TO CURRENT_USER")  # type: ignore[call-overload]  # warns, and gives nothing
        privileges = app.execute(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee = current_user AND table_name = ANY (%s)",
            (list(tables(urls)),),
        ).fetchall()
    assert {kind for _, kind in privileges} <= {"SELECT", "INSERT"}
    columns = "SELECT 1 FROM information_schema.role_column_grants WHERE grantee = 'fairhold_app'"
    with psycopg.connect(driver_url(urls.owner)) as owner:
        kept = owner.execute(
            columns + " AND table_name = ANY (%s) AND privilege_type = 'UPDATE'", (list(tables(urls)),)
        ).fetchall()
    assert kept == []


def test_the_owner_too_is_stopped_by_the_triggers(urls: DatabaseUrls) -> None:
    with psycopg.connect(driver_url(urls.owner), autocommit=True) as owner:
        for table in tables(urls):
            with pytest.raises(psycopg.Error) as refusal:
                owner.execute(f"TRUNCATE {table} CASCADE")  # type: ignore[call-overload]  # a name of the catalogue
            assert refusal.value.sqlstate == "FH409", table
