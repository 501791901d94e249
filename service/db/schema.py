"""Bring a database's schema up to date, as the owner role."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, text

from service.core.errors import ensure
from service.db.session import sqlalchemy_url

MIGRATIONS = Path(__file__).parent / "migrations"
SQL = MIGRATIONS / "sql"


def upgrade(owner_database_url: str, *, app_role: str, metadata: MetaData, is_clock_movable: bool) -> None:
    """Run every migration that is missing. `app_role` is the role that the service logs in as, without owning anything.

    Raises InvariantBroken if the database's text functions do not see Chinese (wrong LC_CTYPE), before it changes
    anything that matters. `is_clock_movable` counts only when the database is made: it is part of its schema.
    """
    ensure(app_role.isidentifier(), "a role name is one word")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes.update(metadata=metadata, app_role=app_role, is_clock_movable=is_clock_movable)
    engine = create_engine(sqlalchemy_url(owner_database_url))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            shown = connection.execute(text("SELECT cardinality(show_trgm('上海'))")).scalar_one()
            ensure(shown > 0, "this database's LC_CTYPE hides Chinese from search: create it with C.UTF-8")
    finally:
        engine.dispose()
