"""The frozen migrations and the mapped classes say the same; production's clock cannot be moved."""

from datetime import timedelta

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql.base import ischema_names

from service.cli.metadata import all_tables
from service.core.errors import Conflict
from service.db import clock as owner_clock
from service.db.base import Xid8
from service.db.schema import upgrade
from service.db.session import driver_url, sqlalchemy_url
from service.deadlines.rules import DEFAULT_POLICIES
from service.embedded import EmbeddedServers
from tests.conftest import DatabaseUrls, fresh_database

QUEUE_TABLES = ("procrastinate_", "fairhold_clock", "alembic_version")


def test_a_migrated_database_is_what_the_classes_say(urls: DatabaseUrls) -> None:
    ischema_names["xid8"] = Xid8  # reflection does not know the type
    engine = create_engine(sqlalchemy_url(urls.owner))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: not (kind == "table" and str(name).startswith(QUEUE_TABLES)),
            },
        )
        differences = [each for each in compare_metadata(context, all_tables()) if not is_of_sql_files(each)]
    engine.dispose()
    assert differences == []


def is_of_sql_files(difference: object) -> bool:
    """Indexes by expression or operator class stand in the SQL files alone."""
    return isinstance(difference, tuple) and difference[0] == "remove_index"


def test_migrating_again_changes_nothing(urls: DatabaseUrls) -> None:
    upgrade(urls.owner, app_role="fairhold_app", metadata=all_tables(), is_clock_movable=True)
    with psycopg.connect(driver_url(urls.owner)) as owner:
        assert owner.execute("SELECT count(*) FROM policy WHERE name = 'window'").fetchone() == (1,)


def test_in_production_nobody_moves_the_clock(servers: EmbeddedServers) -> None:
    with fresh_database(servers) as urls:
        upgrade(urls.owner, app_role="fairhold_app", metadata=all_tables(), is_clock_movable=False)
        with pytest.raises(Conflict) as raised:
            owner_clock.shift(urls.owner, timedelta(hours=1))
        assert raised.value.code == "clock_not_movable"
        with psycopg.connect(driver_url(urls.app)) as app:
            assert app.execute("SELECT fairhold_now() = now()").fetchone() == (True,)


def test_the_application_role_owns_nothing_and_makes_nothing(urls: DatabaseUrls) -> None:
    with psycopg.connect(driver_url(urls.app)) as app:
        owned = app.execute(
            "SELECT relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = current_user"
        ).fetchall()
        assert owned == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (id int)")


def test_the_first_policies_are_those_that_the_rules_name(urls: DatabaseUrls) -> None:
    with psycopg.connect(driver_url(urls.owner)) as owner:
        rows = owner.execute(
            "SELECT name, value, unit FROM policy WHERE version = 1 AND category = '' AND name = ANY (%s)",
            (list(DEFAULT_POLICIES),),
        ).fetchall()
    assert {name: (value, unit) for name, value, unit in rows} == DEFAULT_POLICIES
